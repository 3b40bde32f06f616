"""What the lines that Compose prints mean: a complaint, an early end, a warning."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence

from composegen.errors import ComposeFailed
from composegen.patterns import make_pattern
from composegen.system.signals import read_signal

_ERROR = make_pattern(r"error|failed|unable|invalid|no such|docker: ", re.IGNORECASE)
_SPEAKS = make_pattern(
    r"(?!\s*(?:Container|Network|Volume|Image) \S+\s+[A-Z][\w ]*(?:[\d.]+s)?$)"
    r"(?!#\d+ )(?!.*level=warning)\s*\S"
)
_UNSET = make_pattern(r'The \\?"(\w+)\\?" variable is not set\.')
_BY_SIGNAL = 128
_GATE = make_pattern(
    r"dependency failed to start|didn't complete successfully|"
    r"is unhealthy|container \S+ exited \(\d+\)"
)
_LAST_LINES = 10


def speaks_of_unset(line: str, names: Container[str]) -> bool:
    """Whether a line warns that one of these variables is not set."""
    found = _UNSET.search(line)
    return found is not None and found[1] in names


def list_spoken(lines: Iterable[str]) -> list[str]:
    """What Compose says besides progress and warnings."""
    return [line.strip() for line in lines if _SPEAKS.match(line)]


def find_complaint(lines: Iterable[str]) -> str:
    """The line of Compose's output that says what went wrong; empty without one."""
    spoken = list_spoken(lines)
    errors = (line for line in reversed(spoken) if _is_error(line))
    return next(errors, spoken[-1] if spoken else "")


def check_end(word: str, code: int, said: str) -> None:
    """Raise ComposeFailed with what Compose said where a command of it has failed."""
    if code != 0:
        complaint = find_complaint(said.splitlines())
        raise ComposeFailed(
            f"docker compose {word} ended with exit code {code}: {complaint}"
        )


def was_cut(code: int, lines: Iterable[str]) -> bool:
    """Whether Compose was ended before it was done, so that nothing is wrong by that.

    A signal ends the docker command or its plugin; the command then says so by its own
    exit code alone.
    """
    has_error = any(_is_error(line) for line in list_spoken(lines))
    return code < 0 or (code > _BY_SIGNAL and not has_error)


def was_gate(lines: Sequence[str]) -> bool:
    """Whether Compose gave up for a dependency that did not become ready."""
    return any(_GATE.search(line) for line in lines[-_LAST_LINES:])


def describe_cut(code: int) -> str:
    """How Compose was ended, in a sentence."""
    ended_by = read_signal(code) if code < 0 else None
    if ended_by is not None:
        return f"docker compose was killed by {ended_by.name} before it was done"
    return f"docker compose ended before it was done, with {code} and without an error"


def _is_error(line: str) -> bool:
    return "error" in line.lower() or ":" in line or bool(_ERROR.match(line))
