"""The newest lines of all services, numbered, for pages that ask for some of them.

They are read from the place only while a page wants them.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Container, Iterator
from contextlib import suppress

from composegen.errors import ComposegenError
from composegen.patterns import make_pattern
from composegen.places.place import Logs, Place
from composegen.records import record
from composegen.text import can_steer, strip_control

KEPT = 20_000
"""How many lines are kept for pages that come later, or change their filter."""
FIRST = 200
"""How many lines of each service are read at the beginning."""
AGAIN = "the logs are read again from here; some lines may have come before"
"""What stands between lines where reading has begun again; it is of no service."""

_LONGEST = 4000
_COLOUR = make_pattern(r"\x1b\[[0-9;]*m")
_ERROR = make_pattern(
    r"(?i:\b(?:error|fatal|panic|critical|exception|traceback|segfault)\b)"
    r"|\b(?:[A-Z]\w*(?:Error|Exception)|E(?:ADDRINUSE|CONN[A-Z]+|ACCES|NOENT|PIPE))\b"
)
_HINTS = (
    *("err", "fatal", "panic", "critical", "exception", "traceback", "segfault"),
    *("eaddrinuse", "econn", "eacces", "enoent", "epipe"),
)
_NO_ERROR = make_pattern(r"\b(?:0|no) errors?\b|errors?[=:] ?0\b", re.IGNORECASE)


@record
class LogLine:
    """A line as a page gets it: its text has colours at most."""

    number: int
    service: str
    text: str
    is_error: bool

    def matches(self, services: Container[str], text: str, *, errors: bool) -> bool:
        """Whether a page wants it; ``text`` is in small letters."""
        return not self.service or (
            (not services or self.service in services)
            and (not errors or self.is_error)
            and (not text or text in _COLOUR.sub("", self.text).lower())
        )


def is_error(text: str) -> bool:
    """Whether a line speaks of an error, as far as its words say."""
    small = text.lower()
    if not any(hint in small for hint in _HINTS):
        return False  # most lines, and much quicker
    return _ERROR.search(text) is not None and _NO_ERROR.search(text) is None


def clean_line(text: str) -> str:
    """A line without what could steer; colours stay."""
    if not can_steer(text) or not can_steer(_COLOUR.sub("", text)):
        return text  # most lines, and quicker
    return strip_control(text, colours=True)


class LogBook:
    """Reads the lines of one place after another; any thread may ask for them.

    ``tell`` is called, in any thread, when lines have come.
    """

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._lines: deque[LogLine] = deque(maxlen=KEPT)
        self._next = 0
        self._reading: Logs | None = None
        self._turn = 0
        self._has_ended = False

    @property
    def has_ended(self) -> bool:
        """Whether no more lines will come by themselves: what was read is over."""
        return self._has_ended

    def read(self, place: Place, *, is_again: bool = False) -> None:
        """Read the lines of a place from now on, in place of what was read before.

        Where it ``is_again``, pages that have lines of before get a line that says so.
        """
        self.stop()
        with self._lock:
            is_again = is_again and bool(self._lines)
            self._lines.clear()
            self._has_ended = False
            turn = self._turn
        if is_again:
            self._add("", AGAIN)
            self._tell()
        threading.Thread(
            target=self._read, args=(place, turn), name="logs", daemon=True
        ).start()

    def stop(self) -> None:
        """Read no more; what was read stays."""
        with self._lock:
            self._turn += 1
            reading, self._reading = self._reading, None
        if reading is not None:
            reading.stop()

    def _read(self, place: Place, turn: int) -> None:
        with suppress(ComposegenError, OSError):
            self._read_lines(place, turn)
        with self._lock:
            if turn == self._turn:
                self._has_ended, self._reading = True, None

    def _read_lines(self, place: Place, turn: int) -> None:
        logs = place.read_logs((), FIRST, follow=True)
        with self._lock:
            if turn != self._turn:
                return
            self._reading = logs
        for service, text in logs.lines:
            if turn != self._turn:
                return
            self._add(service, text)
            self._tell()

    def _add(self, service: str, text: str) -> None:
        shown = clean_line(text[:_LONGEST])
        line = LogLine(
            number=self._next, service=service, text=shown, is_error=is_error(shown)
        )
        with self._lock:
            self._lines.append(line)
            self._next += 1

    def list_since(self, number: int) -> tuple[list[LogLine], int]:
        """The lines from a number on, and how many of these are no longer kept."""
        with self._lock:
            first = self._lines[0].number if self._lines else self._next
            skipped = max(0, first - number)
            start = max(0, number - first)
            count = len(self._lines) - start
            found = list(self._iterate_last(count)) if count > 0 else []
        return found, skipped

    def _iterate_last(self, count: int) -> Iterator[LogLine]:
        """The newest lines, the oldest of them first; quick where they are few."""
        newest = []
        for line in reversed(self._lines):
            newest.append(line)
            if len(newest) == count:
                break
        return reversed(newest)
