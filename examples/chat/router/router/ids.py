"""Ids that begin with the time they were made at and sort by it."""

import secrets
import time
from collections.abc import Callable

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62


class IdMaker:
    """Makes UUIDv7 texts, each greater than the one before, whatever the clock does."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._last = 0

    def __call__(self) -> str:
        begin = int(self._clock() * 1000) << 80 | _VERSION_7 | _VARIANT
        if begin > self._last:
            self._last = begin | secrets.randbits(61)
        else:
            self._last += 1
        text = f"{self._last:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def milliseconds_of(id: str) -> int:
    """The time an id was made at, in milliseconds since 1970."""
    return int(id[:8] + id[9:13], 16)
