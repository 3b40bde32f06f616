"""Patterns that are compiled when something is first matched with them.

A command imports the patterns of many modules and uses few of them: compiling all of
them took 37 of the 360 million instructions of ``composegen check``.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast

_METHODS = (
    *("findall", "finditer", "fullmatch", "match", "search"),
    *("split", "sub", "subn"),
)


class _Pattern:
    """A compiled pattern's methods; the first that is asked for compiles it."""

    __slots__ = (*_METHODS, "flags", "pattern")

    def __init__(self, pattern: str | bytes, flags: int) -> None:
        self.pattern = pattern
        self.flags = flags

    def __getattr__(self, name: str) -> Any:
        if name not in _METHODS:
            raise AttributeError(f"a pattern has no {name} here")
        compiled = re.compile(self.pattern, self.flags)
        for each in _METHODS:
            setattr(self, each, getattr(compiled, each))
        return getattr(self, name)


def make_pattern(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """What ``re.compile`` makes, compiled later."""
    return cast("re.Pattern[AnyStr]", _Pattern(pattern, flags))
