"""Single services on a real engine: up, stop, start, restart, and follow."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.engine import run_well, wait_until
from tests.e2e.images import Images
from tests.e2e.stacks import (
    PYTHON,
    Done,
    Running,
    Stack,
    make_dependent,
    make_service,
    serve_after,
)

pytestmark = pytest.mark.engine

IMAGES = [PYTHON]

WHEN_TOLD = serve_after("""
import pathlib, sys, time
print("begun", flush=True)
while not pathlib.Path("/kept/go").exists(): time.sleep(0.05)
if pathlib.Path("/kept/break").exists(): sys.exit("it is broken")
""")
"""A server that listens once the file `go` is there."""

COUNT = "import pathlib; pathlib.Path('/kept/runs').open('a').write('x')"

FOLLOW = """
from pathlib import Path
from composegen.places.find import Finder
from composegen.places.event_data import describe_event
from composegen.stackfile.load import load_stack
from composegen.workspace.workspace import Workspace
import json
finder = Finder(
    Workspace("stack.yaml"),
    lambda selection: load_stack(
        Path("stack.yaml"), "stack.yaml", selection=selection
    ).stack,
)
for event in finder.find_place().follow():
    print(json.dumps(describe_event(event)), flush=True)
"""


@pytest.fixture
def stack(images: Images, tmp_path: Path) -> Iterator[Stack]:
    """web needs api, which needs db, the job seed, and cache if there is one."""
    images.have(PYTHON)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept").chmod(0o777)
    (tmp_path / "kept" / "go").touch()
    kept = {"volumes": ["./kept:/kept"]}
    optional = {"otherwise": {}}
    with Stack(tmp_path) as made:
        made.write(
            {
                "web": make_dependent("api"),
                "api": make_service(
                    needs={
                        "db": None,
                        "seed": {"until": "finished"},
                        "cache": optional,
                    }
                ),
                "db": make_service(WHEN_TOLD, **kept),
                "seed": {
                    "image": PYTHON,
                    "command": ["python", "-c", COUNT],
                    "job": True,
                    **kept,
                },
                "cache": make_service(),
                "extra": make_service(enabled=False),
            }
        )
        yield made


def look(stack: Stack) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code of ``status``, and the services by name."""
    done = stack.composegen("status", "--format", "json")
    return done.code, {each["service"]: each for each in json.loads(done.out)}


def find_state(stack: Stack, name: str) -> tuple[str, str | None]:
    status = look(stack)[1][name]
    return status["state"], status["by"]


def find_starts(stack: Stack) -> dict[str, str]:
    """When each container was started, by service."""
    return {
        name: container["State"]["StartedAt"]
        for name, container in stack.inspect_all().items()
    }


def count_runs(stack: Stack) -> int:
    return len((stack.folder / "kept" / "runs").read_text())


def assert_fine(done: Done) -> None:
    assert done.code == 0, done


# up SERVICE


def test_up_of_a_service_brings_up_what_it_needs_and_touches_nothing_else(
    stack: Stack,
) -> None:
    stack.up_well("db")
    assert set(stack.inspect_all()) == {"db"}
    assert not (stack.folder / "compose.yaml").exists()
    assert look(stack)[0] == 0
    first = stack.inspect("db")["Id"]

    stack.up_well("api")
    assert set(stack.inspect_all()) == {"db", "seed", "cache", "api"}
    assert stack.inspect("db")["Id"] == first
    assert count_runs(stack) == 1

    stack.up_well()
    whole = stack.inspect_all()
    assert (stack.folder / "compose.yaml").exists()
    written = (stack.folder / "compose.yaml").read_text()
    assert stack.composegen("stop", "cache").code == 0

    # What has changed is made again, and only where it is named.
    stack.services["api"]["environment"] = {"COLOUR": "blue"}
    stack.services["cache"]["environment"] = {"COLOUR": "blue"}
    stack.write(stack.services)
    stack.up_well("db")
    for name, container in stack.inspect_all().items():
        assert container["Id"] == whole[name]["Id"], name
    assert find_state(stack, "cache") == ("stopped", "user")
    stack.up_well("extra")
    assert stack.inspect("api")["Id"] == whole["api"]["Id"]
    assert (stack.folder / "compose.yaml").read_text() == written
    statuses = look(stack)[1]
    assert statuses["extra"]["state"] == "ready"
    assert statuses["cache"]["by"] == "user"

    stack.up_well("api")
    assert stack.inspect("api")["Id"] != whole["api"]["Id"]
    assert stack.inspect("web")["Id"] == whole["web"]["Id"]
    assert find_state(stack, "cache") == ("ready", None)


def test_the_named_services_decide_how_up_ends(stack: Stack) -> None:
    stack.services["cache"] = make_service("import sys; sys.exit('no cache')")
    stack.write(stack.services)

    stack.up_well("api")
    named = stack.up_in_vain("cache")

    assert "no cache" in named.err
    assert look(stack)[0] == 0  # in the whole it is optional


def test_up_names_a_near_name_and_accepts_what_users_of_compose_type(
    stack: Stack,
) -> None:
    unknown = stack.up("dbb")
    assert unknown.code == 2
    assert "did you mean `db`?" in unknown.err
    detached = stack.up_well("-d", "db")
    assert "`up` ends" in detached.err


# stop, start, restart


def test_services_are_stopped_and_started_by_themselves(stack: Stack) -> None:
    stack.up_well()
    before = find_starts(stack)

    stopped = stack.composegen("stop", "db", "cache")
    assert_fine(stopped)
    assert "db    | is needed by api, which keeps running\n" in stopped.err
    assert look(stack)[0] == 1
    assert find_state(stack, "db") == ("stopped", "user")
    assert find_state(stack, "api") == ("ready", None)
    assert "stopped with `composegen stop`" in stack.why("db").out
    again = stack.composegen("stop", "db")
    assert (again.code, "db is not running" in again.err) == (0, True)

    assert_fine(stack.composegen("stop", "api"))
    started = stack.composegen("start", "api")
    assert_fine(started)
    assert started.err.index("db   | ready") < started.err.index("api  | started")
    after = find_starts(stack)
    changed = {name for name in before if before[name] != after[name]}
    # Neither the job, nor the optional service that the user has stopped.
    assert changed == {"db", "api"}
    assert count_runs(stack) == 1
    assert find_state(stack, "cache") == ("stopped", "user")
    assert "is already running" in stack.composegen("start", "db").err

    assert_fine(stack.composegen("start", "seed"))
    assert count_runs(stack) == 2
    stack.up_well()
    assert find_state(stack, "cache") == ("ready", None)


def test_a_restart_starts_the_same_container_again(stack: Stack) -> None:
    stack.up_well()
    ids = {name: each["Id"] for name, each in stack.inspect_all().items()}
    before = find_starts(stack)

    done = stack.composegen("restart", "db")
    assert_fine(done)
    after = find_starts(stack)

    assert {name: each["Id"] for name, each in stack.inspect_all().items()} == ids
    assert {name for name in before if before[name] != after[name]} == {"db"}
    assert "has changed" not in done.err
    stack.services["db"]["environment"] = {"COLOUR": "blue"}
    stack.write(stack.services)
    changed = stack.composegen("restart", "db")
    assert_fine(changed)
    assert "the stack file has changed; restart does not use the new one" in changed.err
    assert "composegen up" in changed.err


def test_what_another_program_stops_is_not_stopped_by_the_user(stack: Stack) -> None:
    stack.up_well()
    for _ in range(2):
        run_well("docker", "stop", "-t", "1", stack.inspect("cache")["Id"])
        assert find_state(stack, "cache") == ("stopped", None)
        assert_fine(stack.composegen("start", "cache"))
        assert_fine(stack.composegen("stop", "cache"))
        assert find_state(stack, "cache") == ("stopped", "user")
        run_well("docker", "start", stack.inspect("cache")["Id"])


def test_a_start_that_fails_says_why_and_starts_nothing_behind_it(stack: Stack) -> None:
    stack.up_well()
    assert_fine(stack.composegen("stop", "db", "api"))
    api = find_starts(stack)["api"]
    (stack.folder / "kept" / "break").touch()

    done = stack.composegen("start", "api")

    assert done.code == 1, done
    assert "it is broken" in done.err
    assert "api cannot start without db" in done.err
    assert find_starts(stack)["api"] == api
    assert find_state(stack, "db")[1] is None


def test_a_start_names_the_program_that_has_its_port(stack: Stack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    stack.services["cache"] = make_service(publish=[f"{port}:8000"])
    stack.write(stack.services)
    stack.up_well("cache")
    assert_fine(stack.composegen("stop", "cache"))

    with socket.create_server(("127.0.0.1", port)):
        done = stack.composegen("start", "cache")
        state = find_state(stack, "cache")

    assert done.code == 1, done
    assert f"port {port} of this machine is taken by pid {os.getpid()}" in done.err
    assert state == ("failed", None)
    assert_fine(stack.composegen("start", "cache"))


def test_a_service_that_keeps_exiting_is_stopped_by_the_user(stack: Stack) -> None:
    stack.services["cache"] = make_service("import sys; sys.exit('no cache')")
    stack.write(stack.services)
    assert stack.up("cache").code == 1  # named, so it is required and not excluded

    assert_fine(stack.composegen("stop", "cache"))

    assert find_state(stack, "cache") == ("stopped", "user")


def test_a_service_is_stopped_while_it_starts(stack: Stack) -> None:
    stack.up_well()
    assert_fine(stack.composegen("stop", "db"))
    (stack.folder / "kept" / "go").unlink()
    with stack.start("start", "db") as starting:
        starting.wait_for(r"db \| started")
        assert_fine(stack.composegen("stop", "db"))
        done = starting.wait()
    assert done.code == 1, done
    assert "Traceback" not in done.err
    assert find_state(stack, "db") == ("stopped", "user")


def test_who_interrupts_a_start_leaves_the_container(stack: Stack) -> None:
    stack.up_well()
    assert_fine(stack.composegen("stop", "db"))
    (stack.folder / "kept" / "go").unlink()
    with stack.start("start", "db") as starting:
        starting.wait_for(r"db \| started")
        os.killpg(starting.process.pid, signal.SIGINT)
        done = starting.wait()
    assert done.code == 130, done
    assert "composegen status" in done.err
    (stack.folder / "kept" / "go").touch()
    wait_until(lambda: find_state(stack, "db") == ("ready", None), "db is ready")


@pytest.mark.parametrize("act", ["stop", "start", "restart"])
def test_names_are_checked_before_anything_is_done(stack: Stack, act: str) -> None:
    assert stack.composegen(act).code == 2
    nothing = stack.composegen(act, "db")
    assert (nothing.code, "nothing runs here" in nothing.err) == (1, True)
    stack.up_well("db")
    before = find_starts(stack)

    unknown = stack.composegen(act, "db", "dbb")
    other = stack.composegen(act, "db", "web")

    assert (unknown.code, other.code) == (2, 1)
    assert "did you mean `db`?" in unknown.err
    assert "`web` is not part of what runs here" in other.err
    assert "composegen up web" in other.err
    assert find_starts(stack) == before


def test_what_compose_brought_up_by_hand_is_stopped_and_noted_too(stack: Stack) -> None:
    assert stack.composegen("render").code == 0
    assert stack.composegen("secrets").code == 0
    stack.compose("up", "-d", "--wait")

    assert_fine(stack.composegen("stop", "db"))

    assert find_state(stack, "db") == ("stopped", "user")
    assert_fine(stack.composegen("start", "db"))
    assert find_state(stack, "db") == ("ready", None)


# follow


@contextmanager
def follow(stack: Stack) -> Iterator[Running]:
    process = subprocess.Popen(
        [sys.executable, "-c", FOLLOW],
        cwd=stack.folder,
        env=stack._env,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    running = Running(process)
    try:
        yield running
    finally:
        process.kill()
        process.wait()
        running.join()


def list_events(running: Running, service: str) -> list[str]:
    events = [json.loads(line) for line in running.said.splitlines()]
    return [each["event"] for each in events if each["service"] == service]


def test_what_happens_is_followed_no_matter_which_program_does_it(stack: Stack) -> None:
    stack.up_well()
    with follow(stack) as following:
        following.wait_for('"ready", "service": "web"')
        assert_fine(stack.composegen("restart", "db"))
        following.wait_for(
            '"event": "ready", "service": "db"(.|\n)*"started"(.|\n)*'
            '"ready", "service": "db"'
        )
        run_well("docker", "kill", stack.inspect("cache")["Id"])
        following.wait_for('"exited", "service": "cache"')
        assert_fine(stack.composegen("stop", "cache", "db"))
        following.wait_for('"stopped", "service": "db"')
        stack.up_well()
        following.wait_for('"started", "service": "cache"')

    assert list_events(following, "db")[0] == "ready"
    assert "started" in list_events(following, "db")
    assert list_events(following, "cache")[:2] == ["ready", "exited"]
    assert list_events(following, "seed")[0] == "finished"
