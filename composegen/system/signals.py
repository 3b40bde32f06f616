"""Signals that end a command: the exit code of each, and how to catch them."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from composegen.errors import ExitCode

CODES = {
    signal.SIGINT: ExitCode.INTERRUPTED,
    signal.SIGTERM: ExitCode.TERMINATED,
    signal.SIGHUP: ExitCode.HUNG_UP,
}
NOT_EXECUTABLE, NOT_FOUND = 126, 127
"""What a shell, and the engine, ends with where a program cannot be started."""
_SHELL_BASE = 128


def read_as_shell(code: int) -> int:
    """The exit code that a shell makes of a child's: 128 and the number of a signal."""
    return code if code >= 0 else _SHELL_BASE - code


def read_signal(code: int) -> signal.Signals | None:
    """The signal that an exit code stands for, a child's or a shell's; else None."""
    try:
        return signal.Signals(read_as_shell(code) - _SHELL_BASE)
    except ValueError:
        return None


@contextmanager
def catch_signals(handle: Callable[[ExitCode], None]) -> Iterator[None]:
    """Call ``handle`` with the exit code of each signal that would end this process.

    It is called in the main thread between two instructions, whatever that does, so it
    must not take a lock. A signal that is ignored, as by nohup, stays ignored.
    """

    def catch(number: int, _: FrameType | None) -> None:
        handle(CODES[signal.Signals(number)])

    before = {
        number: signal.signal(number, catch)
        for number in CODES
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
