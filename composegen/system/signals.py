"""The signals that end a command, and the exit code that each ends it with."""

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
