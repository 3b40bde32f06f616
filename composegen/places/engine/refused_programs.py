"""What runtimes and shells say of a program that they cannot run."""

from __future__ import annotations

import re

from composegen.patterns import make_pattern

_MISSING = make_pattern(
    r'exec: \\?"([^"\\]+)\\?": (?:executable file not found|stat |no such file)'
    r"|tini \(\d+\)\] exec (\S+) failed: No such file"
    r"|(?:^|[\s/])(?:sh|bash|ash): (?:\d+: |line \d+: )?"
    r"([\w./-]+): (?:command )?not found",
    re.MULTILINE,
)
_LOCKED = make_pattern(
    r'exec: \\?"([^"\\]+)\\?": permission denied'
    r"|tini \(\d+\)\] exec (\S+) failed: Permission denied"
    r"|(?:^|[\s/])(?:sh|bash|ash): (?:\d+: |line \d+: )?(/[\w./-]+): Permission denied",
    re.MULTILINE | re.IGNORECASE,
)


def find_missing_program(text: str) -> str | None:
    """The program that a text says is not there; None where it says none."""
    return _find(_MISSING, text)


def find_locked_program(text: str) -> str | None:
    """The program that a text says may not be executed; None where it says none."""
    return _find(_LOCKED, text)


def _find(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    return None if match is None else next(filter(None, match.groups()))
