"""What `up` says, word for word, in each situation; a script plays Compose's part."""

import os
import queue
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from composegen import __main__
from composegen.errors import EngineUnreachable
from composegen.places.engine.containers import Container, Published, Socket, Status
from composegen.places.engine.happened import Action
from tests.enginefakes import FakeEngine, happen, make_container, make_machine
from tests.talk import assert_golden, mask

GOLDEN = Path(__file__).parent / "talk"
STACK = """\
name: demo
services:
  web:
    image: python:3.12-slim
    port: 8000
    publish: 8123
    health: {http: /, boot: 20s}
"""
NEEDING = """\
    needs:
      cache:
        env: {CACHE_URL: "{url}"}
        otherwise: {env: {STORE: memory}}
  cache:
    use: redis
"""
CREATED = ("web", Action.CREATE, {})
STARTED = ("web", Action.START, {})
HEALTHY = ("web", Action.HEALTH, {"health": "healthy"})


@dataclass
class Watched:
    """What happens, one thing after the other; ends when it is closed."""

    script: list
    closed: queue.SimpleQueue = field(default_factory=queue.SimpleQueue)

    def __iter__(self):
        for service, action, values in self.script:
            yield happen(service, action, at=time.monotonic(), **values)
        self.closed.get()

    def close(self):
        self.closed.put(None)


@dataclass
class ScriptedEngine(FakeEngine):
    """An engine on which something happens; ``before`` is there at first."""

    script: list = field(default_factory=list)
    before: list[Container] = field(default_factory=list)
    has_images: bool = True
    looks: int = 0
    is_watched: bool = False
    now: float = 98.0

    def __call__(self, endpoint):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def describe(self):
        return make_machine()

    def watch(self, project):
        self.is_watched = True
        return Watched(self.script)

    def list_containers(self, project):
        self.looks += self.is_watched
        return tuple(self.before if self.looks <= 1 else self.containers)

    def list_volumes(self, project):
        return ()

    def find_image(self, name):
        return object() if self.has_images else None


@pytest.fixture
def up(tmp_path, monkeypatch, capsys):
    """Bring a stack up on an engine that is made up; what was said."""
    folder = tmp_path / "demo"
    tools = tmp_path / "bin"
    folder.mkdir()
    tools.mkdir()
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(folder)

    def carry_out(*words, engine, stack=STACK, compose="exit 0"):
        (folder / "stack.yaml").write_text(stack)
        docker = tools / "docker"
        docker.write_text(f"#!/bin/sh\ncat >/dev/null\n{compose}\n")
        docker.chmod(0o755)
        monkeypatch.setattr("composegen.places.engine.up.Engine", engine)
        monkeypatch.setattr("sys.argv", ["composegen", "up", *words])
        with pytest.raises(SystemExit) as ended:
            __main__.main()
        said = capsys.readouterr()
        text = mask(said.err, folder=folder)
        return f"{text}{said.out}exit code {ended.value.code}\n"

    return carry_out


def test_ready(up):
    published = Published(target="8000/tcp", host="127.0.0.1", port=8123)
    engine = ScriptedEngine([make_container("web", published=(published,))])
    engine.script = [CREATED, STARTED, HEALTHY]
    assert_golden(GOLDEN / "ready.txt", up(engine=engine))


def test_what_runs_already(up):
    engine = ScriptedEngine([make_container("web")], before=[make_container("web")])
    assert_golden(GOLDEN / "runs-already.txt", up(engine=engine))


def test_one_death(up):
    engine = ScriptedEngine([make_container("web")])
    death = ("web", Action.DIE, {"exit_code": 3})
    engine.script = [CREATED, STARTED, death, STARTED, HEALTHY]
    assert_golden(GOLDEN / "one-death.txt", up(engine=engine))


def test_a_service_that_times_out(up):
    dead = make_container("web", status=Status.EXITED, exit_code=3, health="none")
    engine = ScriptedEngine([dead], logs={"id-web": ["no memory for a cat"]})
    death = ("web", Action.DIE, {"exit_code": 3})
    engine.script = [CREATED, STARTED, death, STARTED, death]
    assert_golden(GOLDEN / "given-up.txt", up(engine=engine))


def test_an_optional_service_that_times_out(up):
    gone = make_container("cache", status=Status.EXITED, exit_code=3, restarts=1)
    lines = [f"line {number}" for number in range(1, 8)]
    engine = ScriptedEngine([make_container("web"), gone], logs={gone.id: lines})
    death = ("cache", Action.DIE, {"exit_code": 3})
    oom = ("cache", Action.OUT_OF_MEMORY, {})
    start = ("cache", Action.START, {})
    engine.script = [start, oom, death, start, death, CREATED, STARTED, HEALTHY]
    said = up(engine=engine, stack=STACK + NEEDING)
    assert_golden(GOLDEN / "optional.txt", said)


class LackingEngine(ScriptedEngine):
    """An engine that has all images but that of cache."""

    def find_image(self, name):
        return None if "redis" in name else object()


def test_an_optional_image_that_cannot_be_pulled(up):
    engine = LackingEngine([make_container("web")])
    engine.script = [CREATED, STARTED, HEALTHY]
    pull = "echo ' cache Error manifest unknown' >&2"
    compose = f'case "$*" in *" pull "*) {pull} ;; esac'
    said = up(engine=engine, stack=STACK + NEEDING, compose=compose)
    assert_golden(GOLDEN / "optional-image.txt", said)


def test_an_optional_service_that_cannot_be_started(up):
    engine = ScriptedEngine([make_container("web")])
    engine.script = [CREATED, STARTED, HEALTHY]
    refusal = "echo ' Container demo-cache-1  Error response from daemon: no such' >&2"
    compose = f'case "$*" in *" up "*cache) {refusal}; exit 1 ;; esac'
    said = up(engine=engine, stack=STACK + NEEDING, compose=compose)
    assert_golden(GOLDEN / "optional-refused.txt", said)


def test_an_optional_service_that_was_asked_for(up):
    engine = ScriptedEngine([make_container("cache", status=Status.RESTARTING)])
    death = ("cache", Action.DIE, {"exit_code": 3})
    start = ("cache", Action.START, {})
    engine.script = [start, death, start, death]
    said = up("--with", "cache", engine=engine, stack=STACK + NEEDING)
    assert_golden(GOLDEN / "optional-required.txt", said)


def test_what_needs_one_that_stays(up):
    engine = ScriptedEngine([make_container("web"), make_container("cache")])
    start = ("cache", Action.START, {})
    healthy = ("cache", Action.HEALTH, {"health": "healthy"})
    engine.script = [start, healthy, CREATED, STARTED, HEALTHY]
    later = NEEDING.replace("memory}}", "memory}, later: restart}")
    said = up(engine=engine, stack=STACK + later)
    assert_golden(GOLDEN / "later.txt", said)


def test_another_port_than_the_file_says(up):
    engine = ScriptedEngine(
        [make_container("web", health="starting")],
        sockets={"id-web": [Socket(host="0.0.0.0", port=9000)]},
        script=[CREATED, STARTED],
    )
    assert_golden(GOLDEN / "wrong-port.txt", up("--wait", "1s", engine=engine))


LOOPBACK = {"id-web": [Socket(host="127.0.0.1", port=8000)]}


def test_a_service_that_this_machine_cannot_reach(up):
    published = Published(target="8000/tcp", host="127.0.0.1", port=8123)
    web = make_container("web", published=(published,))
    engine = ScriptedEngine([web], sockets=LOOPBACK)
    engine.script = [CREATED, STARTED, HEALTHY]
    assert_golden(GOLDEN / "on-loopback.txt", up(engine=engine))


def test_an_optional_service_that_no_other_one_reaches(up):
    engine = ScriptedEngine(
        [make_container("web"), make_container("cache")],
        sockets={"id-cache": [Socket(host="127.0.0.1", port=6379)]},
    )
    healthy = ("cache", Action.HEALTH, {"health": "healthy"})
    engine.script = [healthy, CREATED, STARTED, HEALTHY]
    said = up(engine=engine, stack=STACK + NEEDING)
    assert "note: cache: ready" in said
    assert "it listens only on 127.0.0.1:6379" in said
    assert said.endswith("exit code 0\n")


def test_compose_refuses(up):
    compose = (
        "echo 'level=warning msg=\"The TAG variable is not set\"' >&2\n"
        "echo 'Error response from daemon: something new' >&2; exit 1"
    )
    said = up(engine=ScriptedEngine(), compose=compose)
    assert_golden(GOLDEN / "compose-refuses.txt", said)


def test_a_variable_that_is_not_set(up):
    warning = 'time="T" level=warning msg="The \\"MAIL_FROM\\" variable is not set."'
    compose = f"echo '{warning}' >&2"
    engine = ScriptedEngine([make_container("web")], has_images=False)
    engine.script = [CREATED, STARTED, HEALTHY]
    stack = STACK + "    environment: {MAIL: '${MAIL_FROM}'}\n"
    said = up(engine=engine, compose=compose, stack=stack)
    assert_golden(GOLDEN / "variable.txt", said)


def test_a_docker_compose_that_is_killed_again_and_again(up):
    engine = ScriptedEngine([make_container("web", status=Status.CREATED)])
    engine.script = [CREATED]
    waits = "echo ' Container demo-web-1  Waiting' >&2; kill -9 $$"
    assert_golden(GOLDEN / "compose-killed.txt", up(engine=engine, compose=waits))


def test_an_image_that_cannot_be_pulled(up):
    compose = "echo ' web Pulling'; echo 'manifest unknown: no 3.12-slim' >&2; exit 1"
    said = up(engine=ScriptedEngine(has_images=False), compose=compose)
    assert_golden(GOLDEN / "no-image.txt", said)


def test_what_is_excluded(up):
    engine = ScriptedEngine([make_container("web")])
    engine.script = [CREATED, STARTED, HEALTHY]
    said = up("--without", "cache", engine=engine, stack=STACK + NEEDING)
    assert_golden(GOLDEN / "excluded.txt", said)


def test_notes(up):
    Path("compose.override.yaml").touch()
    engine = ScriptedEngine([make_container("web")])
    engine.script = [CREATED, STARTED, HEALTHY]
    stack = STACK + "    secrets: [made, token]\nsecrets:\n  made: {generate: true}\n"
    said = up(engine=engine, stack=stack + "  token: {env: TOKEN_NOT_SET}\n")
    assert_golden(GOLDEN / "notes.txt", said)


def test_an_engine_that_goes_away(up, monkeypatch):
    def leave(self):
        yield happen("web", Action.CREATE, at=time.monotonic())
        raise EngineUnreachable("the connection to the Docker engine was lost")

    monkeypatch.setattr(Watched, "__iter__", leave)
    said = up(engine=ScriptedEngine(), compose="sleep 30")
    assert_golden(GOLDEN / "engine-gone.txt", said)
