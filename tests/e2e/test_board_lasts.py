"""What a board that hangs or is killed does to the stack, and what it outlasts."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.engine import run_well
from tests.e2e.images import Images
from tests.e2e.pages import (
    find_board,
    open_board,
    open_page,
    open_served,
    run_stack,
    write,
)
from tests.e2e.proxies import Proxy
from tests.e2e.stacks import PYTHON, Stack
from tests.leaks import find_running_in, wait_for

pytestmark = pytest.mark.engine

IMAGES = [PYTHON]
GROWTH = 64 * 1024
"""How many kilobytes a run may grow while its board does not read what it says."""


@pytest.fixture
def stack(images: Images, tmp_path: Path) -> Iterator[Stack]:
    images.have(PYTHON)
    with Stack(tmp_path) as made:
        yield made


def read_status(stack: Stack, service: str) -> dict[str, Any]:
    listed = json.loads(stack.composegen("status", "--format", "json").out)
    [found] = [each for each in listed if each["service"] == service]
    return dict(found)


def read_memory(pid: int) -> int:
    """The most memory that a process had, in kilobytes."""
    [most] = re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(most)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_board_that_is_lost_holds_up_no_run(
    number: signal.Signals, stack: Stack, browser: Any
) -> None:
    write(stack, api={"environment": {"LOUD": "1"}})
    with stack.start("run", "--board") as running:
        running.wait_for("Ctrl-C ends it")
        with open_page(browser, running.said) as page:
            page.wait_for("web", "ready")
            page.page.locator("#tab-logs").click()
            page.page.locator("#shown .row").first.wait_for()
        os.kill(find_board(stack), number)

        before = read_memory(running.process.pid)
        (stack.folder / "speak").touch()
        wait_for((stack.folder / "spoken").exists)
        os.kill(read_status(stack, "cache")["pid"], signal.SIGKILL)
        wait_for(lambda: read_status(stack, "cache").get("restarts") == 1)
        wait_for(lambda: stack.composegen("status").code == 0)
        assert read_memory(running.process.pid) - before < GROWTH

        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(180) == 130
    wait_for(lambda: not find_running_in(stack.folder))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_board_that_is_lost_holds_up_no_up(
    number: signal.Signals, stack: Stack
) -> None:
    write(stack)
    with stack.start("up", "--board") as running:
        running.wait_for("board at http://")
        os.kill(find_board(stack), number)
        running.wait_for("web: http://")
        run_well("docker", "kill", f"{stack.name}-cache-1")
        running.wait_for("cache .*137")

        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(180) == 130
    wait_for(lambda: not find_running_in(stack.folder))
    run_well("docker", "start", f"{stack.name}-cache-1")


def test_the_engine_may_go_and_come_back(
    stack: Stack, browser: Any, tmp_path: Path
) -> None:
    write(stack)
    path = tmp_path / "engine.sock"
    first = Proxy(path)
    host = {"DOCKER_HOST": first.host}
    with first:
        stack.up_well(**host)
        with (
            stack.start("board", "--port", "0", **host) as running,
            open_served(browser, running) as page,
        ):
            page.wait_for("cache", "ready")
            page.page.locator("#tab-logs").click()
            rows = page.page.locator("#shown .row")
            rows.filter(has_text="listening").first.wait_for()

            first.cut()
            page.page.locator("#trouble").filter(has_text="engine").wait_for()
            run_well("docker", "kill", f"{stack.name}-cache-1")
            with Proxy(path):
                page.wait_for("cache", "(137)")
                page.page.locator("#trouble").wait_for(state="hidden")
                page.page.locator("#where").filter(has_text="on the engine").wait_for()
                rows.filter(has_text="read again").first.wait_for()
                run_well("docker", "start", f"{stack.name}-cache-1")
                page.wait_for("cache", "ready")


def test_the_lines_of_the_next_run_follow_those_of_the_last(
    stack: Stack, browser: Any
) -> None:
    write(stack)
    with open_board(stack, browser) as (page, _):
        page.page.locator("#tab-logs").click()
        rows = page.page.locator("#shown .row")
        with run_stack(stack):
            rows.filter(has_text="listening").first.wait_for()
        page.page.locator("#where").filter(has_text="the run has ended").wait_for()
        with run_stack(stack):
            rows.filter(has_text="read again").first.wait_for()
            page.wait_for("web", "ready")
