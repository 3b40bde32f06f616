"""Collects what is wrong with a stack, and makes any text safe to show."""

from __future__ import annotations

from composegen.errors import Level, Location, Problem
from composegen.stackfile.catalogue import find_level
from composegen.text import escape_control


class Problems:
    """Collects what is wrong; a name's level comes from the catalogue."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, Location, str], Problem] = {}
        self._noted: list[Problem] = []
        self._has_errors = False
        self._passed_over: set[tuple[str, int]] = set()

    def add(
        self,
        name: str,
        message: str,
        location: Location,
        help: str,
        *,
        level: Level | None = None,
    ) -> None:
        """Note one problem; the same one at the same place counts once.

        ``level`` replaces that of its name in the catalogue.
        """
        is_passed = (location.file, location.line) in self._passed_over
        if is_passed and name != "unquoted-variable":
            return
        problem = Problem(
            name=name,
            message=escape_control(message),
            location=location,
            help=escape_control(help, keep="\n"),
            level=find_level(name) if level is None else level,
        )
        key = (name, location, message)
        if key not in self._found:
            self._found[key] = problem
            self._noted.append(problem)
            self._has_errors = self._has_errors or problem.level is Level.ERROR

    @property
    def found(self) -> tuple[Problem, ...]:
        """What was noted, sorted by place."""
        return tuple(sorted(self._found.values(), key=lambda problem: problem.order))

    @property
    def count(self) -> int:
        """How many were noted so far."""
        return len(self._found)

    def pass_over(self, file: str, line: int) -> None:
        """Note nothing more of a line: what is read there is not what was written."""
        self._passed_over.add((file, line))

    def list_since(self, count: int) -> list[Problem]:
        """What was noted after so many others, in that order."""
        return self._noted[count:]

    @property
    def has_errors(self) -> bool:
        """Whether anything noted stops a command."""
        return self._has_errors
