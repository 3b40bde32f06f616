"""A command in the foreground: it has the terminal until it ends, as in a shell."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from composegen.system.guardian import signal_group
from composegen.system.process import Process
from composegen.system.signals import read_as_shell

_LOOK_INTERVAL = 0.1


async def stay_in_front(process: Process) -> int:
    """Wait for a command that has our terminal; its exit code as a shell says it.

    Its Ctrl-C is its own. When it is stopped (Ctrl-Z) so are we, and we go on together.
    """
    with _give_terminal(process.pid) as terminal:
        while not process.exited.done():
            await asyncio.wait({process.exited}, timeout=_LOOK_INTERVAL)
            if terminal is not None and _was_stopped(process):
                _set_owner(terminal, os.getpgrp())
                signal_group(os.getpgrp(), signal.SIGTSTP)
                _set_owner(terminal, process.pid)
                signal_group(process.pid, signal.SIGCONT)
    return read_as_shell(process.exited.result())


@contextmanager
def _give_terminal(group: int) -> Iterator[int | None]:
    """Let a group have the terminal, where there is one and it is ours."""
    terminal = None
    try:
        handle = sys.stdin.fileno()
        if os.isatty(handle) and os.tcgetpgrp(handle) == os.getpgrp():
            terminal = handle
    except (OSError, ValueError, AttributeError):
        pass  # no terminal: whatever ends us ends the command
    if terminal is not None:
        _set_owner(terminal, group)
        signal_group(group, signal.SIGCONT)
    try:
        yield terminal
    finally:
        if terminal is not None:
            _set_owner(terminal, os.getpgrp())


def _set_owner(terminal: int, group: int) -> None:
    """Hand the terminal over, from the background too."""
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        os.tcsetpgrp(terminal, group)
    except OSError:
        return  # the group has ended, or the terminal has gone
    finally:
        signal.signal(signal.SIGTTOU, before)


def _was_stopped(process: Process) -> bool:
    if not hasattr(os, "waitid"):
        return False
    try:
        found = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOHANG)
    except ChildProcessError:
        return False
    return found is not None and found.si_pid == process.pid
