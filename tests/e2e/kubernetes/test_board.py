"""The board of a stack on the real cluster: its states, its logs, its buttons."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from tests.boards import Served
from tests.e2e.kubernetes.cluster import Stack, make_service
from tests.e2e.stacks import COMMAND, PYTHON

IMAGES = [PYTHON]


@pytest.fixture
def pair(stack: Stack) -> Stack:
    """Two services that are up, of which `web` needs `app`."""
    quick = {"stop_grace_period": "1s"}
    web = make_service(needs=["app"], **quick)
    stack.write({"app": make_service(**quick), "web": web}, name="pair")
    stack.render()
    stack.up_well()
    return stack


@contextmanager
def serve(stack: Stack) -> Iterator[Served]:
    """The board of a stack, until Ctrl-C."""
    with subprocess.Popen(
        [*COMMAND, "board", "--on", "kubernetes", "--port", "0"],
        cwd=stack.folder,
        env=stack.cluster.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            [url] = re.findall(r"http://\S+#\S+", process.stdout.readline())
            yield Served(SimpleNamespace(url=url), [])  # type: ignore[arg-type]
        finally:
            os.kill(process.pid, signal.SIGINT)
            process.communicate(timeout=60)
    assert process.returncode == 0


def test_the_board_shows_and_does_on_a_cluster_what_the_commands_do(
    pair: Stack,
) -> None:
    with serve(pair) as board, board.open() as page:
        for service in ("app", "web"):
            page.wait_for_state(service, "ready")
        assert page.values["place"]["name"] == "kubernetes"

        page.send(do="logs", services=["app"], text="listening", errors=False)
        page.wait_for(lambda seen: "listening" in [line[2] for line in seen.lines])

        assert board.act("stop", "app") == (200, {"said": ["app stopped"]})
        page.wait_for_state("app", "stopped")
        assert "app" not in pair.list_pods()

        assert board.act("start", "app") == (200, {"said": ["app started"]})
        page.wait_for_state("app", "ready")
        assert pair.are_ready("app", "web")
