"""Situations that real Compose projects are in, each rebuilt small with images of ours.

The first five are tested with every other stack, all of them by `make e2e-adopt`.
"""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

from composegen.records import field, record

PYTHON = "python:3.12-slim"
REDIS = "redis:8-alpine"
BUSYBOX = "busybox:1.37"

SERVE = """\
import http.server, os, sys
port = int(sys.argv[1]) if sys.argv[1:] else 8000
Fine = type("Fine", (http.server.BaseHTTPRequestHandler,), {
    "do_GET": lambda self: (self.send_response(200), self.end_headers())[0],
    "log_message": lambda *words: None,
})
http.server.ThreadingHTTPServer(("", port), Fine).serve_forever()
"""
"""What the images of these projects run."""

ASK = """\
import os, socket, sys, signal
for place in sys.argv[1:]:
    host, port = place.split(":")
    socket.create_connection((host, int(port)), 2).close()
print("asked", *sys.argv[1:], flush=True)
signal.pause()
"""
"""A client that dies at once if what it needs does not listen yet."""

APP = f'FROM {PYTHON}\nCOPY *.py /\nCMD ["python", "/serve.py"]\n'
USER = APP + "USER 1000:1000\n"
STATIC = (
    f"FROM {BUSYBOX} AS tools\nFROM scratch\nCOPY --from=tools /bin/busybox /busybox\n"
    'ENTRYPOINT ["/busybox", "httpd", "-f", "-p", "9000"]\n'
)
"""An image that holds its program and nothing else."""


@record
class Situation:
    """A project: its compose.yaml, further files, and what must be true when it is up.

    ``flags`` are those of `adopt` and of `up`; ``waits`` are edges that wait for health
    or an end after adoption.
    """

    text: str
    files: Mapping[str, str] = field(default_factory=dict)
    adopt: tuple[str, ...] = ()
    up: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def list_files(self) -> dict[str, str]:
        """Every file of the project."""
        files = {"serve.py": SERVE, "ask.py": ASK, "Dockerfile": APP, **self.files}
        return {"compose.yaml": dedent(self.text), **files}


SITUATIONS = {
    "an edge that waits for nothing": Situation(
        text="""
        services:
          web:
            build: .
            command: python /ask.py api:8000
            depends_on: [api]
          api:
            build: .
            command: sh -c "sleep 2; exec python /serve.py"
            expose: ["8000"]
        """,
        waits=("web -> api",),
    ),
    "a store in a named volume": Situation(
        text=f"""
        services:
          web:
            build: .
            command: python /ask.py cache:6379
            environment: {{REDIS_URL: "redis://cache:6379/0"}}
            depends_on: [cache]
          cache:
            image: {REDIS}
            volumes: [cache:/data]
        volumes: {{cache: }}
        """,
        waits=("web -> cache",),
    ),
    "a store in a folder, named by an address alone": Situation(
        text=f"""
        services:
          web:
            build: .
            command: sh -c "sleep 3; exec python /ask.py cache:6379"
            environment: {{REDIS_HOST: cache}}
          cache:
            image: {REDIS}
            volumes: ["./data:/data"]
        """,
    ),
    "a migration that others wait for": Situation(
        text="""
        services:
          web:
            build: .
            volumes: [shared:/shared]
            command: sh -c "cat /shared/done && exec python /serve.py"
            depends_on: {migrate: {condition: service_completed_successfully}}
          migrate:
            build: .
            volumes: [shared:/shared]
            command: sh -c "sleep 1; date > /shared/done"
            restart: "no"
        volumes: {shared: }
        """,
        waits=("web -> migrate",),
    ),
    "an image that holds no tool": Situation(
        text="""
        services:
          web:
            build: .
            command: python /ask.py server:9000
            depends_on: [server]
          server: {build: ./server, expose: ["9000"]}
        """,
        files={"server/Dockerfile": STATIC},
        waits=("web -> server",),
    ),
    "its own check that no edge waits for": Situation(
        text="""
        services:
          web: {build: ., command: "python /ask.py api:8000", depends_on: [api]}
          api:
            build: .
            command: sh -c "sleep 2; exec python /serve.py"
            healthcheck:
              test: python -c "import urllib.request as u; u.urlopen('http://localhost:8000')"
              interval: 1s
              retries: 20
        """,
        waits=("web -> api",),
    ),
    "an override for development": Situation(
        text="""
        services:
          web: {build: ., ports: ["127.0.0.1::8000"]}
        """,
        files={
            "compose.override.yaml": "services:\n  web:\n    volumes: ['.:/app']\n"
            "    environment: {DEBUG: '1'}\n    command: python /app/serve.py\n"
        },
    ),
    "profiles, one of them chosen in .env": Situation(
        text="""
        services:
          web: {build: ., expose: ["8000"]}
          debug:
            build: .
            command: python /ask.py web:8000
            depends_on: [web]
            profiles: [debug]
          never: {image: "example.invalid/never:1", profiles: [never]}
        """,
        files={".env": "COMPOSE_PROFILES=debug\n"},
        waits=("debug -> web",),
    ),
    "a missing env file with an example": Situation(
        text="""
        services:
          web: {build: ., env_file: [{path: web.env, required: false}, set.env]}
        """,
        files={"web.env.example": "A=1\n", "set.env": "B=2\n"},
    ),
    "anchors and merged keys": Situation(
        text="""
        x-app: &app
          build: .
          environment: &environment {MODE: fast, LEVEL: info}
          restart: unless-stopped
        services:
          web: {<<: *app, expose: ["8000"]}
          worker:
            <<: *app
            command: python /ask.py web:8000
            environment: {<<: *environment, QUEUE: jobs}
            depends_on: [web]
        """,
        waits=("worker -> web",),
    ),
    "networks of its own": Situation(
        text="""
        services:
          proxy:
            build: .
            command: python /ask.py web:8000
            networks: [front]
            depends_on: [web]
          web:
            build: .
            expose: ["8000"]
            networks: {front: {aliases: [web.internal]}, back: }
          cellar: {build: ., networks: [back]}
        networks: {front: , back: {internal: true}}
        """,
        waits=("proxy -> web",),
    ),
    "variables in images, ports and paths": Situation(
        text=f"""
        services:
          web:
            image: ${{IMAGE:-{PYTHON}}}
            command: python /code/serve.py ${{PORT:-8100}}
            ports: ["${{ADDRESS:-127.0.0.1}}::${{PORT:-8100}}"]
            volumes: ["${{CODE:-.}}:/code:ro"]
        """,
    ),
    "an own image with a user": Situation(
        text="""
        services:
          web: {build: ., ports: ["127.0.0.1::8000"]}
          client:
            build: .
            command: python /ask.py web:8000
            depends_on: [web]
        """,
        files={"Dockerfile": USER},
        waits=("client -> web",),
    ),
    "a password of a store": Situation(
        text=f"""
        services:
          web: {{build: ., command: "python /ask.py cache:6379", depends_on: [cache]}}
          cache:
            image: {REDIS}
            command: redis-server --requirepass ${{PASSWORD:-secret}}
            volumes: [cache:/data]
        volumes: {{cache: }}
        """,
        waits=("web -> cache",),
    ),
    "a store on another port": Situation(
        text=f"""
        services:
          web: {{build: ., command: "python /ask.py cache:6390", depends_on: [cache]}}
          cache: {{image: "{REDIS}", command: [redis-server, --port, "6390"]}}
        """,
        waits=("web -> cache",),
    ),
    "a check that was switched off": Situation(
        text="""
        services:
          web: {build: ., healthcheck: {disable: true}}
          client: {build: ., command: sleep 600, depends_on: [web]}
        """,
    ),
    "limits and reservations": Situation(
        text="""
        services:
          web:
            build: .
            deploy:
              resources:
                limits: {memory: 200M, cpus: "0.5"}
                reservations: {memory: 20M}
            ulimits: {nofile: 4096}
            logging: {driver: json-file, options: {max-size: 1m}}
        """,
    ),
    "secrets and configs": Situation(
        text="""
        services:
          web:
            build: .
            command: sh -c "cat /run/secrets/key /settings && exec python /serve.py"
            secrets: [key]
            configs: [{source: settings, target: /settings}]
        secrets: {key: {file: ./key.txt}}
        configs: {settings: {content: "mode=fast"}}
        """,
        files={"key.txt": "secret\n"},
    ),
    "a shell's dollars": Situation(
        text="""
        services:
          web:
            build: .
            command: sh -c 'test "$$(echo a)" = a && exec python /serve.py'
            environment: {PRICE: "5$$", NOW: $(date)}
        """,
    ),
    "an included project": Situation(
        text="""
        include: [more/compose.yaml]
        services:
          web: {build: ., command: "python /ask.py api:8000", depends_on: [api]}
        """,
        files={
            "more/compose.yaml": "services:\n  api:\n    build: .\n"
            "    expose: ['8000']\n    environment: {LEVEL: '${LEVEL:-none}'}\n",
            "more/.env": "LEVEL=more\n",
            "more/Dockerfile": APP,
            "more/serve.py": SERVE,
        },
        waits=("web -> api",),
    ),
    "nothing but profiles, two of them alternatives": Situation(
        text="""
        services:
          web:
            build: .
            command: python /ask.py model:8000
            profiles: [cpu, gpu]
            depends_on:
              small: {condition: service_started, required: false}
              large: {condition: service_started, required: false}
          small: &model
            build: .
            command: sh -c "sleep 2; exec python /serve.py"
            ports: ["127.0.0.1:22890:8000"]
            networks: {default: {aliases: [model]}}
            profiles: [cpu]
          large: {<<: *model, profiles: [gpu]}
        """,
        up=("--with", "@cpu"),
    ),
    "names with capitals, dots and underscores": Situation(
        text=f"""
        services:
          My_Client:
            image: {PYTHON}
            command: python /code/ask.py api.v1:8000 job_queue:8000
            volumes: [".:/code:ro"]
            depends_on: [api.v1, job_queue]
          api.v1: {{build: ., expose: ["8000"]}}
          job_queue: {{build: ., expose: ["8000"]}}
        """,
        waits=("My_Client -> api.v1", "My_Client -> job_queue"),
    ),
    "variables that are passed on": Situation(
        text="""
        services:
          web:
            build: .
            command: sh -c 'test "$$LEVEL$$NOT_SET" = debug && exec python /serve.py'
            environment: [LEVEL, NOT_SET, MODE=fast]
        """,
        files={".env": "LEVEL=debug\n"},
    ),
    "a service in the network of another": Situation(
        text="""
        services:
          gateway:
            build: .
            command: sh -c "sleep 2; exec python /serve.py"
            expose: ["8000"]
          client:
            build: .
            command: python /ask.py 127.0.0.1:8000
            network_mode: service:gateway
            depends_on: [gateway]
        """,
        waits=("client -> gateway",),
    ),
    "a link with another name": Situation(
        text="""
        services:
          web:
            build: .
            command: python /ask.py backend:8000
            links: ["api:backend"]
            depends_on: [api]
          api:
            build: .
            command: sh -c "sleep 2; exec python /serve.py"
            expose: ["8000"]
        """,
        waits=("web -> api",),
    ),
    "a check in the Dockerfile": Situation(
        text="""
        services:
          web: {build: ., command: "python /ask.py api:8000", depends_on: [api]}
          api:
            build: ./api
            command: sh -c "sleep 2; exec python /serve.py"
        """,
        files={
            "api/Dockerfile": f"{APP}HEALTHCHECK --interval=1s --retries=30 "
            'CMD python -c "import socket; '
            "socket.create_connection(('127.0.0.1', 8000), 1)\"\n",
            "api/serve.py": SERVE,
        },
        waits=("web -> api",),
    ),
    "a service that extends one of another file": Situation(
        text="""
        services:
          web:
            extends: {file: common/base.yaml, service: app}
            command: python /ask.py api:8000
            depends_on: [api]
          api: {extends: {file: common/base.yaml, service: app}}
        """,
        files={
            "common/base.yaml": "services:\n  app:\n    build: ..\n"
            "    expose: ['8000']\n"
            "    env_file: [app.env]\n    volumes: ['./shared:/shared:ro']\n",
            "common/app.env": "MODE=shared\n",
            "common/shared/note.txt": "note\n",
        },
        waits=("web -> api",),
    ),
    "two files that are named": Situation(
        text="""
        services:
          web: {build: ., command: "python /ask.py api:8000", depends_on: [api]}
          api: {build: ., environment: {MODE: dev}}
        """,
        files={
            "compose.prod.yaml": "services:\n  api:\n    environment: {MODE: prod}\n"
            "    ports: ['127.0.0.1::8000']\n    restart: always\n"
            "    command: !override [python, /serve.py]\n"
        },
        adopt=("compose.yaml", "compose.prod.yaml"),
        waits=("web -> api",),
    ),
    "a folder that a service writes to": Situation(
        text="""
        services:
          web:
            build: .
            command: sh -c "date | tee -a /data/starts /tmp/now && python /serve.py"
            read_only: true
            tmpfs: [/tmp]
            volumes: ["./data:/data", "/cache"]
            working_dir: /cache
            ports: ["8000"]
        """,
    ),
    "replicas that have to be there": Situation(
        text="""
        services:
          web:
            build: .
            expose: ["8000"]
            deploy: {replicas: 2, restart_policy: {condition: any}}
          proxy:
            build: .
            command: python /ask.py web:8000
            depends_on: {web: {condition: service_started, restart: true}}
        """,
        waits=("proxy -> web",),
    ),
}
