"""Children of this process: their exit as a future, and short commands with a limit."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence

from composegen.records import record

_MOST_OUTPUT = 4096


def watch_exit(child: subprocess.Popen[bytes]) -> asyncio.Future[int]:
    """The child's exit code as soon as it is there; it is reaped then.

    A negative code is the signal that ended it. Nothing depends on who holds the
    child's output open.
    """
    loop = asyncio.get_running_loop()
    exited: asyncio.Future[int] = loop.create_future()
    handle = _open_handle(child.pid)
    if handle is not None:

        def take() -> None:
            code = child.poll()
            if code is not None:
                loop.remove_reader(handle)
                os.close(handle)
                _settle(exited, code)

        loop.add_reader(handle, take)
    else:
        threading.Thread(
            target=lambda: _report_exit(loop, child, exited), daemon=True
        ).start()
    return exited


def _open_handle(pid: int) -> int | None:
    """What becomes readable when a process ends; None where there is none to have."""
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None  # too many open files: a thread that waits needs none


def _report_exit(
    loop: asyncio.AbstractEventLoop,
    child: subprocess.Popen[bytes],
    exited: asyncio.Future[int],
) -> None:
    code = child.wait()
    if not loop.is_closed():
        loop.call_soon_threadsafe(_settle, exited, code)


def _settle(exited: asyncio.Future[int], code: int) -> None:
    if not exited.done():
        exited.set_result(code)


@record
class Answer:
    """What a short command said; its code is None when it took too long."""

    code: int | None
    output: str


async def run_briefly(
    command: Sequence[str], *, env: Mapping[str, str], cwd: str, timeout: float
) -> Answer:
    """Run a command to its end, its whole group killed after ``timeout`` seconds.

    Raises OSError where it cannot be started.
    """
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            start_new_session=True,
        )
        exited = watch_exit(child)
        code: int | None = None
        try:
            # Not `wait_for`: before 3.12 it loses a cancel that comes with the exit.
            await asyncio.wait({exited}, timeout=timeout)
            if exited.done():
                code = exited.result()
        finally:
            if not exited.done():
                os.killpg(child.pid, signal.SIGKILL)
                await asyncio.wait({exited})
        output.seek(0)
        text = output.read(_MOST_OUTPUT).decode("utf-8", "replace").strip()
    return Answer(code=code, output=text)
