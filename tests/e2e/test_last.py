"""What happened last in either place, and what a container may show on a terminal."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.images import Images
from tests.e2e.stacks import PYTHON, Done, Stack, make_service
from tests.leaks import find_port, wait_for

pytestmark = pytest.mark.engine

IMAGES = [PYTHON]
ENDED = "this is how the last run ended"
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
ILL = {"command": ["python", "-c", "import os; assert not os.path.exists('/tmp/ill')"]}
LOUD = r"""
import os, signal
os.write(1, b"a\x1bc\x1b]0;title\x1b\\b\xc2\x9b2J\x1b[?1049h\x1b[31mred\x07\n")
signal.pause()
"""


@pytest.fixture
def stack(images: Images, tmp_path: Path) -> Iterator[Stack]:
    images.have(PYTHON)
    with Stack(tmp_path) as made:
        yield made


def write(stack: Stack, local: str, image: str = PYTHON) -> None:
    """One service that comes up on the engine, and as a process does ``local``."""
    command = [sys.executable, "-S", "-c", local]
    keys: dict[str, Any] = {"local": {"command": command, "port": find_port()}}
    stack.write({"web": make_service(image=image, **keys)}, name=stack.name)


def look(stack: Stack) -> tuple[int, str, str]:
    """What `status` ends with, the state of the service, and what it notes."""
    done = stack.composegen("status", "--format", "json")
    return done.code, json.loads(done.out)[0]["state"], done.err


def test_after_a_run_that_failed_an_up_and_a_down_the_run_is_forgotten(
    stack: Stack,
) -> None:
    write(stack, "raise SystemExit(3)")
    assert stack.composegen("run").code == 1
    code, state, said = look(stack)
    assert (code, state) == (1, "failed")
    assert ENDED in said

    stack.up_well()
    assert look(stack) == (0, "ready", "")
    assert stack.composegen("down").code == 0

    code, state, said = look(stack)
    assert (code, state) == (1, "stopped")
    assert "nothing runs here" in said
    assert ENDED not in said
    assert stack.composegen("why").err.startswith("error[nothing-runs]")


def test_after_an_up_that_failed_a_later_run_is_reported(stack: Stack) -> None:
    write(stack, "raise SystemExit(3)", image="localhost:1/python:3.12-slim")
    stack.up_in_vain()
    assert ENDED not in look(stack)[2]
    assert "cannot be pulled" in stack.why().out

    assert stack.composegen("run").code == 1

    assert ENDED in look(stack)[2]
    assert "exited with 3" in stack.why().out


def test_down_after_an_up_that_made_nothing_says_that_nothing_runs(
    stack: Stack,
) -> None:
    write(stack, "", image="localhost:1/python:3.12-slim")
    stack.up_in_vain()

    done = stack.composegen("down")

    assert (done.code, done.out, done.err) == (0, "", "nothing runs here\n")
    assert stack.composegen("why").err.startswith("error[nothing-runs]")


def test_one_that_becomes_unhealthy_has_failed(stack: Stack) -> None:
    keys: dict[str, Any] = {"health": {**ILL, "interval": "1s", "retries": 1}}
    stack.write({"web": make_service(**keys)}, name=stack.name)
    stack.up_well()
    stack.exec("web", "touch", "/tmp/ill")

    wait_for(lambda: look(stack)[0] == 1)

    [status] = json.loads(stack.composegen("status", "--format", "json").out)
    assert (status["state"], status["health"]) == ("failed", "unhealthy")
    assert stack.why().out.startswith("web: unhealthy\n")


def assert_shows(done: Done) -> None:
    """The line of the container is there, without its control characters."""
    assert "ab2Jred\n" in done.out
    assert STEERING.findall(done.said) == []


def test_no_container_steers_the_terminal(stack: Stack) -> None:
    ill = {"health": {"command": ["false"], "boot": "2s", "interval": "1s"}}
    stack.write({"web": make_service(LOUD, **ill)}, name=stack.name)
    failed = stack.up_in_vain()

    assert "ab2Jred\n" in failed.err
    assert STEERING.findall(failed.said) == []
    assert_shows(stack.composegen("logs"))
    assert_shows(stack.why())
