"""Short commands: their answer, their limit, and a cancel that is never lost."""

import asyncio
import os
import sys

import pytest

from composegen.system import children
from composegen.system.children import run_briefly
from composegen.system.guardian import is_running
from tests.leaks import wait_for


def run(*command, timeout=20.0):
    return asyncio.run(
        run_briefly(command, env=dict(os.environ), cwd="/", timeout=timeout)
    )


def test_a_command_answers_with_its_code_and_its_output():
    answer = run("sh", "-c", "echo out; echo err >&2; exit 3")

    assert (answer.code, answer.output) == (3, "out\nerr")


def test_a_command_that_takes_too_long_has_no_code_and_is_killed_with_its_children(
    tmp_path,
):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    answer = run("sh", "-c", f"sleep 1000 & echo $! ; read x < {pipe}", timeout=0.3)

    assert answer.code is None
    wait_for(lambda: not is_running(int(answer.output)))


def test_a_cancel_that_comes_with_the_exit_is_not_lost(monkeypatch):
    """The exit and the cancel reach the loop in the same turn."""
    started = []

    def watch_exit(child):
        started.append(child)
        return real(child)

    real = children.watch_exit
    monkeypatch.setattr(children, "watch_exit", watch_exit)

    async def cancel_with_the_exit():
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(
            run_briefly(
                [sys.executable, "-I", "-S", "-c", "pass"],
                env={},
                cwd="/",
                timeout=20.0,
            )
        )
        await asyncio.sleep(0)

        def hold_up_the_loop():
            os.waitid(os.P_PID, started[0].pid, os.WEXITED | os.WNOWAIT)
            loop.call_soon(lambda: loop.call_soon(task.cancel))

        loop.call_soon(hold_up_the_loop)
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel_with_the_exit())
