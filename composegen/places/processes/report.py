"""What a run says of one service: its events, timed, and the lines of its log."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeAlias

from composegen.places.events import Event, Line, Told
from composegen.places.processes.causes import LAST_LINES
from composegen.places.processes.service import Tended
from composegen.system.logfiles import read_last_lines

Report: TypeAlias = Callable[[Event], None]
"""Whoever wants to know what happens."""


class Voice:
    """Reports of one service; ``begin`` is the run's, on the monotonic clock."""

    def __init__(self, tended: Tended, report: Report, begin: float) -> None:
        self._tended = tended
        self._report = report
        self._begin = begin

    @property
    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._begin

    def say(self, kind: type[Event], **facts: Any) -> None:
        """Report an event that happens to the service just now."""
        self._report(kind(service=self._tended.unit.name, at=self.now, **facts))

    def tell(self, text: str) -> None:
        """Report what has no event of its own."""
        self.say(Told, text=text)

    def show_lines(self) -> bool:
        """Report what its log has got since; whether that is anything."""
        tail = self._tended.tail
        lines = tail.read_lines() if tail is not None else []
        for text in lines:
            self.say(Line, text=text)
        return bool(lines)

    def show_rest(self) -> None:
        """Report what it said last, before its end is told."""
        tail = self._tended.tail
        if tail is not None:
            for text in tail.read_rest():
                self.say(Line, text=text)
            tail.close()
            self._tended.tail = None

    def read_last_lines(self) -> list[str]:
        """The last lines that its process has logged."""
        launch, process = self._tended.unit.launch, self._tended.process
        if launch is None or launch.log is None or process is None:
            return []
        return read_last_lines(launch.log, LAST_LINES, since=process.log_start)
