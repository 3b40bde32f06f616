"""How a service is doing: one shape for containers and for processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from composegen.records import as_dict, record


class State(StrEnum):
    """What a service is doing, whichever place it runs in."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    LEFT_OUT = "left-out"


FINE = frozenset({State.READY, State.FINISHED})
"""The states of a service that does what is asked of it."""

ALIVE_FOR = 1.0
"""Seconds after which a service that runs is ready, where it has no health check."""


@record
class ServiceStatus:
    """One service now; None where a field has no meaning in its place.

    ``health`` is ``starting``, ``healthy``, ``unhealthy`` or ``none``; ``since`` an
    ISO 8601 time in UTC; ``address`` what to open or call; ``log`` a path.
    """

    service: str
    state: State
    health: str | None = None
    pid: int | None = None
    since: str | None = None
    restarts: int | None = None
    exit_code: int | None = None
    address: str | None = None
    image: str | None = None
    log: str | None = None
    reused: bool | None = None


@record
class LeftOutNote:
    """What is noted of a service that is left out: why, and what happens instead."""

    service: str
    reason: str
    instead: tuple[str, ...]


def describe_statuses(statuses: Iterable[ServiceStatus]) -> list[dict[str, Any]]:
    """The statuses as plain data, in the same order."""
    return [{**as_dict(status), "state": status.state.value} for status in statuses]


def format_moment(moment: str | None) -> str:
    """A time of ISO 8601 as it is shown: date and time to the second."""
    return (moment or "-")[:19].replace("T", " ")


def format_table(rows: Iterable[tuple[str, ...]]) -> str:
    """Rows as a table with aligned columns, the first row its heads."""
    listed = list(rows)
    widths = [max(map(len, column)) for column in zip(*listed, strict=True)]
    lines = (
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        for row in listed
    )
    return "".join(f"{line.rstrip()}\n" for line in lines)


def format_left_out(left_out: Iterable[Mapping[str, Any]]) -> str:
    """What is left out, why, and what its dependants do instead."""
    lines = []
    for each in left_out:
        lines.append(f"{each['service']}: left out: {each['reason']}\n")
        lines += [f"  {text}\n" for text in each["instead"]]
    return "".join(lines)
