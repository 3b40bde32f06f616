"""What happened to the services of a stack, from the lines that they noted."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.comparison.stack import Service, Stack


@dataclass(frozen=True, slots=True)
class Line:
    """One line: when, what (start, ready, done), which process."""

    at: float
    what: str
    pid: int


def read_lines(folder: Path, name: str) -> list[Line]:
    """The lines of a service, the oldest first."""
    path = folder / f"{name}.log"
    if not path.exists():
        return []
    found = []
    for line in path.read_text().splitlines():
        at, what, pid = line.split()
        found.append(Line(float(at), what, int(pid)))
    return found


def find_first(lines: list[Line], *whats: str) -> float | None:
    """When something was first noted."""
    return next((line.at for line in lines if line.what in whats), None)


def is_up(folder: Path, service: Service) -> bool:
    """Whether the last start of a service became ready, or a job is done."""
    lines = read_lines(folder, service.name)
    return bool(lines) and lines[-1].what in {"ready", "done"}


def list_down(folder: Path, stack: Stack) -> list[str]:
    """The services that are not up."""
    return [each.name for each in stack.services if not is_up(folder, each)]


def count_starts(folder: Path, stack: Stack) -> int:
    """How often services were started, all together."""
    return sum(
        line.what == "start"
        for each in stack.services
        for line in read_lines(folder, each.name)
    )


def count_held(folder: Path, stack: Stack) -> tuple[int, int]:
    """How many edges held: the first start came after the need was ready; of all."""
    held = 0
    edges = stack.list_edges()
    for name, need in edges:
        started = find_first(read_lines(folder, name), "start")
        ready = find_first(read_lines(folder, need), "ready", "done")
        held += started is not None and ready is not None and ready <= started
    return held, len(edges)


def find_last_ready(folder: Path, stack: Stack) -> float:
    """When the last service became ready."""
    return max(
        line.at
        for each in stack.services
        for line in read_lines(folder, each.name)
        if line.what in {"ready", "done"}
    )


def hide_paths(line: str, project: Path) -> str:
    """A line that a tool printed, without the paths of the machine that measured it."""
    return line.replace(sys.executable, "python").replace(str(project), "the project")
