"""Ids that begin with the time they were made at and sort by it."""

import hashlib
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

# Its seed is the system's: ids have to be unique, not secret.
getrandbits = random.Random().getrandbits  # noqa: S311
_VERSION_7 = 0x7 << 12
_VARIANT = 0b10 << 62
SUFFIX = slice(19, 36)
"""The part of an id's text that `key` decides."""


class Ids(Protocol):
    """Makes ids in order; learns of others' ids and of a clock that all share."""

    def __call__(self, key: str = "") -> str: ...

    def observe(self, id: str) -> None: ...

    def align(self, seconds: float) -> None: ...


class IdMaker:
    """Makes UUIDv7 texts, each greater than all it has made or observed before.

    That is a hybrid logical clock: ids follow the time, and never contradict an order
    that this process has seen. `align` corrects the clock to one that is shared.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._behind = 0.0
        self._last = 0
        self._text = ""

    def __call__(self, key: str = "") -> str:
        """A new id; with a `key` its SUFFIX is the same for the same key."""
        milliseconds = int((self._clock() + self._behind) * 1000)
        low = _VARIANT | (_digest(key) if key else getrandbits(61))
        high = milliseconds << 16 | _VERSION_7
        if (made := high << 64 | low) <= self._last:
            # Never just the next number: another router may have seen the same last.
            made = _next(self._last >> 64) << 64 | low
        self._last = made
        self._text = text = _format(made)
        return text

    def observe(self, id: str) -> None:
        """Make only greater ids from now on; what is no id is ignored."""
        if id[:36] > self._text:
            with suppress(ValueError):
                self._last = max(self._last, int(id[:36].replace("-", ""), 16))
                self._text = id[:36]

    def align(self, seconds: float) -> None:
        """Follow a shared clock, which shows that many seconds since 1970 just now."""
        self._behind = seconds - self._clock()


def suffix_for(key: str) -> str:
    """What an id that was made with a key ends with."""
    return _format(_VARIANT | _digest(key))[SUFFIX]


def milliseconds_of(id: str) -> int:
    """The time an id was made at, in milliseconds since 1970."""
    return int(id[:8] + id[9:13], 16)


def _digest(key: str) -> int:
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8]) >> 2


def _next(high: int) -> int:
    """The upper half that follows: a count in 12 bits, then the next millisecond."""
    milliseconds, count = high >> 16, high & 0xFFF
    if count == 0xFFF:
        milliseconds, count = milliseconds + 1, -1
    return milliseconds << 16 | _VERSION_7 | count + 1


def _format(id: int) -> str:
    text = "%032x" % id  # noqa: UP031 - it takes half as long
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
