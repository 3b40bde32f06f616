"""What a look at this machine finds: each thing with its level and its help."""

from __future__ import annotations

from enum import StrEnum

from composegen.errors import Level, Problem
from composegen.records import record


class Where(StrEnum):
    """Which way of running a stack a finding is about."""

    ENGINE = "engine"
    PROCESSES = "processes"
    BOTH = "both"
    CLUSTER = "kubernetes"


@record
class Finding:
    """One thing that was looked at: fine where it has no level.

    An error keeps the stack from running there; ``blocks`` says that something less
    does, too. ``is_known`` is false where nothing could be asked.
    """

    where: Where
    message: str
    level: Level | None = None
    help: str = ""
    blocks: bool = False
    is_known: bool = True


def say_fine(where: Where, message: str) -> Finding:
    """Something that is as it should be."""
    return Finding(where=where, message=message)


def say_broken(where: Where, message: str, help: str) -> Finding:
    """Something without which the stack cannot run there."""
    return Finding(where=where, message=message, level=Level.ERROR, help=help)


def say_doubtful(where: Where, message: str, help: str) -> Finding:
    """Something that may be as it should be."""
    return Finding(where=where, message=message, level=Level.WARNING, help=help)


def say_problem(where: Where, problem: Problem) -> Finding:
    """A problem of the stack file, with its place."""
    return Finding(
        where=where,
        message=f"{problem.location}: {problem.message}",
        level=problem.level,
        help=problem.help,
    )
