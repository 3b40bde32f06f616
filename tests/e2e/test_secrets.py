"""A secret reaches the program that may know it, and is to be seen nowhere else."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from uuid import uuid4

import pytest
import yaml

from tests.e2e.engine import Project, end, run_composegen, run_well
from tests.e2e.examples import (
    ask,
    be_patient,
    copy_example,
    list_images,
    publish_elsewhere,
)
from tests.e2e.images import Images

pytestmark = pytest.mark.engine

CHAT = list_images("chat")
KINDS = ["python:3.12-slim", "postgres:18-alpine"]
IMAGES = [*CHAT, *KINDS]

CANARY = f"canary-{uuid4().hex}"

# A provider of our own, so that the key is really used.
WITH_PROVIDER = """
services:
  router:
    environment: {LLM_BASE_URL: http://provider:9000/v1}
  provider:
    image: python:3.12-slim
    command: [python, -u, /provider.py]
    volumes: ["./provider.py:/provider.py:ro"]
    init: true
    healthcheck:
      test: python -c "import socket; socket.create_connection(('127.0.0.1', 9000))"
      interval: 1s
      retries: 30
"""


class Chat(Project):
    """The chat stack, and the port of this machine that its page is on."""

    port = 0


@pytest.fixture(scope="module")
def chat(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chat]:
    """The chat stack with a key that has been used in a conversation."""
    images.have(*CHAT)
    with Chat(tmp_path_factory.mktemp("chat")) as project:
        copy_example("chat", project.folder)
        path = project.folder / "stack.yaml"
        stack = yaml.safe_load(path.read_text())
        project.port = publish_elsewhere(stack["services"])["frontend"]
        be_patient(stack["services"])
        path.write_text(yaml.safe_dump(stack, sort_keys=False))
        shutil.copy(Path(__file__).with_name("provider.py"), project.folder)
        (project.folder / "provider.yaml").write_text(dedent(WITH_PROVIDER))
        run_composegen(project.folder, "secrets", GROQ_API_KEY=CANARY)
        run_composegen(project.folder, "render", GROQ_API_KEY=CANARY)
        project.add_file("provider.yaml")
        project.up("--build", deadline=300)
        yield project


def test_the_provider_is_given_the_key(chat: Chat) -> None:
    reply = ask(chat.port, "/api/chat", {"message": "Who am I?"})
    assert reply.status == 200, reply.text
    fingerprint = hashlib.sha256(CANARY.encode()).hexdigest()
    assert reply.json["reply"] == f"fingerprint {fingerprint}"
    status = ask(chat.port, "/api/status").json
    assert status["provider"]["key"] == "configured"


def test_no_container_but_the_routers_has_the_file(chat: Chat) -> None:
    for service in ("frontend", "backend", "redis"):
        assert chat.exec(service, "ls", "/run/secrets").returncode != 0
    seen = chat.exec("router", "cat", "/run/secrets/GROQ_API_KEY")
    assert seen.stdout.strip() == CANARY


def test_no_file_outside_the_secrets_folder_holds_the_key(chat: Chat) -> None:
    assert list_files_with(chat, CANARY) == {".secrets/GROQ_API_KEY"}


def test_the_engine_never_shows_the_key_when_inspected(chat: Chat) -> None:
    shown = read_all_that_is_known(chat)
    assert "GROQ_API_KEY_FILE" in shown
    assert CANARY not in shown


def test_no_image_and_no_container_has_the_key_on_its_disk(chat: Chat) -> None:
    for service in chat.inspect_all():
        # Every image has the first one, which shows that the disk was read.
        assert find_on_disk(chat, service, "root:x:0:0", CANARY) == {"root:x:0:0"}
    saved = chat.exec("redis", "redis-cli", "save")
    assert saved.stdout.strip() == "OK", saved
    for text, holding in (("REDIS", "/data/dump.rdb\n"), (CANARY, "")):
        assert chat.exec("redis", "grep", "-rlF", text, "/data").stdout == holding


def test_no_log_holds_the_key(chat: Chat) -> None:
    ask(chat.port, "/api/chat", {"message": "Once more."})
    # And once with the provider away, when the router has an error to tell.
    assert chat.compose("stop", "--timeout", "1", "provider").returncode == 0
    failed = ask(chat.port, "/api/chat", {"message": "And without you?"})
    chat.up()
    assert failed.status in {502, 503, 504}, failed.text
    assert CANARY not in failed.text
    logs = chat.read_logs()
    assert "/v1/chat/completions" in logs
    assert CANARY not in logs


def test_no_process_has_the_key_on_its_command_line(chat: Chat) -> None:
    assert CANARY not in read_command_lines()
    for service in chat.inspect_all():
        environment = chat.exec(service, "cat", "/proc/1/environ").stdout
        assert CANARY not in environment, service


# Every kind of secret there is, and a program that shows their fingerprints.
TELL = """
import hashlib, os, signal
for name in ("API_KEY_FILE", "TOKEN_FILE", "URL_FILE", "PASSWORD_FILE"):
    data = open(os.environ[name], "rb").read()
    print(name, hashlib.sha256(data).hexdigest(), flush=True)
signal.pause()
"""
ALL_KINDS = {
    "services": {
        "app": {
            "image": KINDS[0],
            "command": ["python", "/tell.py"],
            "volumes": ["./tell.py:/tell.py:ro"],
            "health": {"none": "it only shows them"},
            "secrets": {"API_KEY": "API_KEY_FILE", "token": "TOKEN_FILE"},
            "needs": {
                "db": {
                    "env": {
                        "URL_FILE": "{url_file}",
                        "PASSWORD_FILE": "{password_file}",
                    }
                }
            },
        },
        "db": {
            "use": "postgres",
            "image": KINDS[1],
            "secrets": {"db-password": "POSTGRES_PASSWORD_FILE"},
        },
    },
    "secrets": {
        "db-password": {"generate": True},
        "token": {"file": "./.secrets/token.txt"},
    },
}


def test_no_kind_of_secret_is_seen_but_by_those_who_are_given_it(
    images: Images, project: Project
) -> None:
    images.have(*KINDS)
    folder = project.folder
    (folder / "tell.py").write_text(TELL)
    (folder / "stack.yaml").write_text(yaml.safe_dump(ALL_KINDS, sort_keys=False))
    (folder / ".secrets").mkdir(mode=0o700)
    (folder / ".secrets" / "token.txt").write_text(f"token-{CANARY}")
    run_composegen(folder, "secrets", API_KEY=CANARY)
    run_composegen(folder, "render", API_KEY=CANARY)
    kept = (folder / ".secrets").glob("[!.]*")
    secrets = {path.name: path.read_text() for path in kept}
    assert secrets.keys() == {"API_KEY", "token.txt", "db-password", "db-url"}
    password = secrets["db-password"]
    assert password in secrets["db-url"]

    bringing_up = project.start_up()
    lines = ""
    try:
        while bringing_up.poll() is None:
            lines += read_command_lines()
            time.sleep(0.1)
    finally:
        end(bringing_up)
    assert bringing_up.returncode == 0, (folder / "up.log").read_text()

    told = dict(line.split() for line in project.read_output("app").splitlines())
    assert told == {
        variable: hashlib.sha256(secrets[name].encode()).hexdigest()
        for variable, name in (
            ("API_KEY_FILE", "API_KEY"),
            ("TOKEN_FILE", "token.txt"),
            ("URL_FILE", "db-url"),
            ("PASSWORD_FILE", "db-password"),
        )
    }
    known, logs = read_all_that_is_known(project), project.read_logs()
    assert "URL_FILE" in known
    for canary in (CANARY, password):
        holding = list_files_with(project, canary)
        assert {Path(name).parent.name for name in holding} == {".secrets"}
        assert canary not in known + logs + lines + read_command_lines()
        kept = project.exec("db", "grep", "-rlF", canary, "/var/lib/postgresql")
        assert (kept.returncode, kept.stdout) == (1, ""), kept
    for service in project.inspect_all():
        assert find_on_disk(project, service, CANARY, password) == set()


def list_files_with(project: Project, canary: str) -> set[str]:
    """The files in a project's folder that hold a text."""
    return {
        path.relative_to(project.folder).as_posix()
        for path in project.folder.rglob("*")
        if path.is_file() and canary.encode() in path.read_bytes()
    }


def read_all_that_is_known(project: Project) -> str:
    """All that the engine shows of a project to every user of it."""
    containers = project.inspect_all()
    mine = f"label=com.docker.compose.project={project.name}"
    networks = run_well("docker", "network", "ls", "-q", "--filter", mine).split()
    volumes = run_well("docker", "volume", "ls", "-q", "--filter", mine).split()
    images = {container["Image"] for container in containers.values()}
    ids = [container["Id"] for container in containers.values()]
    shown = run_well("docker", "inspect", *ids, *networks, *volumes, *images)
    assert len(json.loads(shown)) == len({*ids, *networks, *volumes, *images})
    return shown + "".join(
        run_well("docker", "history", "--no-trunc", image) for image in images
    )


def find_on_disk(project: Project, service: str, *texts: str) -> set[str]:
    """Those texts that are in a service's image, or in what it has written there."""
    found: set[str] = set()
    with subprocess.Popen(
        ["docker", "export", project.inspect(service)["Id"]], stdout=subprocess.PIPE
    ) as exporting:
        assert exporting.stdout is not None
        rest = b""
        while part := exporting.stdout.read(1 << 20):
            rest += part
            found |= {text for text in texts if text.encode() in rest}
            rest = rest[-max(map(len, texts)) :]
    assert exporting.returncode == 0
    return found


def read_command_lines() -> str:
    """The words of all processes of this machine, those in containers included."""
    return run_well("ps", "-ewwo", "args")
