"""Causes from an unclean state: what is older than a start is no evidence of it."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from composegen.places.engine.cause import CauseName
from tests.e2e.engine import is_healthy, run_well, wait_until
from tests.e2e.images import Images
from tests.e2e.proxies import Proxy
from tests.e2e.stacks import (
    PYTHON,
    SERVE,
    Stack,
    make_dependent,
    make_service,
    serve_after,
)

pytestmark = pytest.mark.engine
tries = pytest.mark.tries

IMAGES = [PYTHON]

CALM = {"tcp": True, "boot": "60s", "interval": "1s"}
UNTIL_TOLD = """
import os, time
while not os.path.exists("/told/listen"):
    time.sleep(0.05)
"""


@pytest.fixture
def stack(images: Images, tmp_path: Path) -> Iterator[Stack]:
    """A stack of one's own, removed after the test; `told` is a folder for all."""
    images.have(PYTHON)
    (tmp_path / "told").mkdir()
    (tmp_path / "told").chmod(0o777)
    with Stack(tmp_path) as made:
        yield made


def tell(stack: Stack, word: str) -> None:
    """Let the services of a stack see a file."""
    (stack.folder / "told" / word).touch()


def make_told(program: str, **keys: Any) -> dict[str, Any]:
    return make_service(program, volumes=["./told:/told"], **keys)


def read_states(stack: Stack) -> dict[str, str]:
    """The first two columns of `status`."""
    table = stack.composegen("status").out
    return dict(re.findall(r"^([\w-]+) +([\w-]+)", table, re.MULTILINE))


# An earlier `up`


def test_the_failure_of_an_earlier_up_is_not_that_of_this_one(stack: Stack) -> None:
    db = make_dependent(health={"command": "true", "interval": "1s"})
    nowhere = {**db, "image": "127.0.0.1:1/none:1"}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        web = make_service(publish=f"{port}:8000", needs=["db"])
        stack.write({"web": web, "db": db})
        first = stack.up_in_vain()
        assert f"port {port} of this machine is taken" in first.said
        assert read_states(stack)["web"] == "failed"

    stack.write({"web": web, "db": nowhere})
    second = stack.up_in_vain()
    for done in (second, stack.why(), stack.why("web")):
        assert "the image of `db` cannot be pulled" in done.said, done
        assert str(port) not in done.said, done
    assert read_states(stack)["web"] == "waiting"
    assert "db: ready" in second.said
    assert "db was not renewed: it runs as before" in second.said

    stack.write({"web": web, "db": db})
    stack.up_well()


@tries(CauseName.PORT_WAS_TAKEN)
def test_a_port_that_is_free_again_is_said_to_be(stack: Stack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        stack.write({"web": make_service(publish=f"{port}:8000")})
        assert f"port {port} of this machine is taken by" in stack.up_in_vain().said
    asked = stack.why()
    reason = (
        f"port {port} of this machine was taken when it was started, and is free now"
    )
    assert reason in asked.said, asked
    assert "help: continue: composegen up" in asked.said, asked
    stack.up_well()


def test_an_image_that_cannot_be_had_is_reported_once_and_as_a_failure(
    stack: Stack,
) -> None:
    stack.write({"db": {**make_dependent(), "image": "127.0.0.1:1/none:1"}})
    said = stack.up_in_vain().said
    for text in (said, stack.why().said):
        assert "db: failed" in text
        assert "Compose: " not in text
        assert text.count("the image of `db` cannot be pulled") == 1
    assert read_states(stack) == {"service": "state", "db": "failed"}


def test_the_log_of_an_earlier_start_says_nothing_of_this_one(stack: Stack) -> None:
    act = """
    import os, time
    if not os.path.exists("/told/allowed"):
        open("/var/lib/app.db", "w")
    while True:
        time.sleep(1)
    """
    hasty = {"tcp": True, "boot": "3s", "interval": "1s"}
    app = make_told(act, health=hasty, compose={"restart": "no"})
    stack.write({"app": app})
    assert "the file system is read-only" in stack.up_in_vain().said
    before = stack.inspect("app")["Id"]

    tell(stack, "allowed")
    said = stack.up_in_vain().said
    assert stack.inspect("app")["Id"] == before
    for text in (said, stack.why().said):
        assert "read-only" not in text, text
        assert "nothing listens on port 8000 yet: it takes longer" in text, text


# A crash loop


def test_a_crash_loop_is_never_called_slow(stack: Stack) -> None:
    crash = "import time; time.sleep(2); raise SystemExit('boom: no config')"
    stack.write({"api": make_service(crash, health=CALM)})
    failed = stack.up_in_vain()
    assert "api: failed" in failed.said
    moments: set[str] = set()
    while not {"running", "restarting"} <= moments:
        restarts = stack.inspect("api")["RestartCount"]
        assert restarts < 12, moments
        before = stack.inspect("api")["State"]["Status"]
        asked = stack.why()
        states = read_states(stack)
        assert "boot" not in asked.said, asked
        assert "api: failed" in asked.said, asked
        assert "last with exit code 1" in asked.said, asked
        assert "boom: no config" in asked.said, asked
        assert states["api"] == "failed"
        moments.add(before)


def test_one_that_was_just_started_is_not_slow(stack: Stack) -> None:
    stack.write({"app": make_told(serve_after(UNTIL_TOLD), health=CALM)})
    with stack.start("up") as up:
        up.wait_for(r"app \| started")
        asked = stack.why("app")
        assert "app: starting" in asked.said, asked
        assert re.search(r"app was started (just now|\d+s ago) and is not", asked.said)
        assert "nothing listens on port 8000 yet; its boot, 60s, is not over" in (
            asked.said
        )
        assert "longer" not in asked.said
        tell(stack, "listen")
        assert up.wait().code == 0


def test_a_boot_that_is_over_has_failed_for_everybody(stack: Stack) -> None:
    hasty = {"tcp": True, "boot": "3s", "interval": "1s", "retries": 100}
    stack.write({"app": make_told(serve_after(UNTIL_TOLD), health=hasty)})
    said = stack.up_in_vain().said
    for text in (said, stack.why().said):
        assert "app: failed" in text, text
        assert "app was not healthy 3s after it started" in text, text
    assert read_states(stack)["app"] == "failed"
    tell(stack, "listen")
    wait_until(lambda: is_healthy(stack.inspect("app")), "app is healthy")
    assert read_states(stack)["app"] == "ready"
    assert stack.composegen("why").code == 0


# Compose, and the engine


def find_compose(stack: Stack) -> int:
    """The plugin that brings a stack up, or 0."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if stack.name in words and words[0].endswith("docker-compose"):
            return int(path.parent.name)
    return 0


def kill_compose(stack: Stack) -> None:
    os.kill(wait_until(lambda: find_compose(stack), "Compose works"), signal.SIGKILL)


def test_a_compose_that_is_killed_is_called_again(stack: Stack) -> None:
    slow = make_told(serve_after(UNTIL_TOLD), health=CALM)
    stack.write({"slow": slow, "after": make_dependent("slow")})
    with stack.start("up") as up:
        up.wait_for(r"slow +\| started")
        kill_compose(stack)
        up.wait_for("it is called again")
        tell(stack, "listen")
        done = up.wait()
    assert done.code == 0, done
    assert "failed" not in done.said, done
    assert stack.composegen("why").code == 0


@tries(CauseName.UP_ENDED)
def test_a_compose_that_is_killed_again_blames_no_service(stack: Stack) -> None:
    slow = make_told(serve_after(UNTIL_TOLD), health=CALM)
    stack.write({"slow": slow, "after": make_dependent("slow")})
    with stack.start("up") as up:
        up.wait_for(r"slow +\| started")
        kill_compose(stack)
        up.wait_for("it is called again")
        kill_compose(stack)
        wait_until(lambda: not find_compose(stack), "Compose is gone")
        tell(stack, "listen")
        done = up.wait()
    assert done.code == 1, done
    cut = "docker compose ended before it was done"
    assert f"\n{cut}" in done.said, done
    assert "failed" not in done.said, done
    asked = stack.why()
    assert "after was not started" in asked.said, asked
    assert f"cause: {cut}" in asked.said, asked
    assert "help: continue: composegen up" in asked.said, asked
    assert "longer" not in asked.said, asked
    assert read_states(stack) == {
        "service": "state",
        "slow": "ready",
        "after": "waiting",
    }
    stack.up_well()


def test_an_engine_that_goes_away_leaves_what_was_made(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    slow = make_told(serve_after(UNTIL_TOLD), health=CALM)
    stack.write({"slow": slow, "after": make_dependent("slow")})
    folder = tmp_path_factory.mktemp("proxy")
    with (
        Proxy(folder / "engine.sock") as proxy,
        stack.start("up", DOCKER_HOST=proxy.host) as up,
    ):
        up.wait_for(r"slow +\| started")
        proxy.cut()
        done = up.wait()
    assert done.code == 1, done
    assert "[no-engine]" in done.said, done
    assert "still there; not started yet: after" in done.said, done
    assert "continue when the engine answers: composegen up" in done.said, done
    tell(stack, "listen")


def test_one_that_is_stopped_with_docker_is_said_to_be(stack: Stack) -> None:
    stack.write({"app": make_service(SERVE)})
    stack.up_well()
    run_well("docker", "kill", stack.inspect("app")["Id"])
    asked = stack.why()
    assert "app: stopped" in asked.said, asked
    assert "after it was stopped from outside composegen" in asked.said, asked
