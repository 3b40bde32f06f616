"""How a service is doing: one shape for containers and for processes."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from composegen.records import as_dict, record
from composegen.text import cut_middle, wrap


class State(StrEnum):
    """What a service is doing, whichever place it runs in."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    EXCLUDED = "left-out"


FINE = frozenset({State.READY, State.FINISHED})
"""The states of a service that does what is asked of it."""

BY_USER = "user"
"""Who has stopped a service that `composegen stop` has stopped."""

ALIVE_FOR = 1.0
"""Seconds after which a service that runs is ready, where it has no health check."""


def describe_state(state: State) -> str:
    """A state in words."""
    return "excluded" if state is State.EXCLUDED else state.value


@record
class ServiceStatus:
    """One service now; None where a field has no meaning in its place.

    One that runs and is unhealthy has failed, and so has one that exited and waits for
    its restart. ``health`` is ``starting``, ``healthy``, ``unhealthy`` or ``none``, and
    None where it does not run; ``since`` an ISO 8601 time in UTC; ``address`` what to
    open or call, the first of ``addresses``; ``log`` a path. ``reachable`` is False
    where it listens on an address of its own container alone. ``by`` is ``user`` for
    one that `composegen stop` has stopped. ``reason`` says why one is excluded, and
    ``fallback`` that it failed, so that services run without it, with their fallbacks.
    """

    service: str
    state: State
    health: str | None = None
    pid: int | None = None
    since: str | None = None
    restarts: int | None = None
    exit_code: int | None = None
    address: str | None = None
    addresses: tuple[str, ...] = ()
    image: str | None = None
    log: str | None = None
    reused: bool | None = None
    reachable: bool | None = None
    by: str | None = None
    reason: str | None = None
    fallback: bool | None = None


def are_up(statuses: Iterable[ServiceStatus], required: Container[str]) -> bool:
    """Whether all that is required does what is asked of it, and can be reached."""
    return all(
        each.state in FINE
        and each.health != "unhealthy"
        and each.reachable is not False
        for each in statuses
        if each.service in required
    )


@record
class ExcludedNote:
    """What is noted of an excluded service: why, and what happens instead.

    ``fallback`` says that it is excluded because it failed, not by the selection.
    """

    service: str
    reason: str
    instead: tuple[str, ...]
    fallback: bool = False


def describe_statuses(statuses: Iterable[ServiceStatus]) -> list[dict[str, Any]]:
    """The statuses as plain data, in the same order."""
    return [
        {
            **as_dict(status),
            "state": status.state.value,
            "addresses": list(_list_addresses(status)),
        }
        for status in statuses
    ]


def _list_addresses(status: ServiceStatus) -> tuple[str, ...]:
    """All addresses; a place may know of one alone."""
    return status.addresses or ((status.address,) if status.address else ())


def format_statuses(
    statuses: Iterable[ServiceStatus],
    excluded: Iterable[Mapping[str, Any]],
    *,
    width: int | None = None,
) -> str:
    """The statuses as a table, then what is excluded and what happens instead.

    A column in which no service has anything is not shown. A table that is wider than
    ``width`` columns becomes narrower: long cells go below their service.
    """
    shown = [each for each in statuses if each.state is not State.EXCLUDED]
    columns = {head: [find(each) for each in shown] for head, find in _COLUMNS.items()}
    kept = {
        head: cells
        for head, cells in columns.items()
        if head not in _OWN_COLUMNS or set(cells) != {_NOTHING}
    }
    table = _format_columns(kept)
    if width is not None and not _fits(table, width):
        table = _format_narrow(kept, width)
    return table + format_excluded(excluded, width=width)


def _format_columns(columns: Mapping[str, Iterable[str]]) -> str:
    rows = zip(*((head, *cells) for head, cells in columns.items()), strict=True)
    return format_table(rows)


def _fits(text: str, width: int) -> bool:
    return all(len(line) <= width for line in text.splitlines())


def _format_narrow(columns: Mapping[str, list[str]], width: int) -> str:
    """The table with addresses and images below its rows, at last names above them."""
    kept = {head: cells for head, cells in columns.items() if head not in _BELOW}
    if not _fits(_format_columns(kept), width):
        kept["since"] = [moment[_DAY_AND_MINUTE] for moment in kept["since"]]
    names: list[str] = []
    if not _fits(_format_columns(kept), width):
        names = ["service", *kept.pop("service")]
    head, *rows = _format_columns(kept).splitlines()
    lines = [names[0], f"  {head}"] if names else [head]
    for number, row in enumerate(rows):
        lines += [names[number + 1], f"  {row}"] if names else [row]
        cells = [columns[head][number] for head in _BELOW if head in columns]
        lines += [
            f"    {cut_middle(cell, width - 4)}" for cell in cells if cell != _NOTHING
        ]
    return "".join(f"{line}\n" for line in lines)


def _describe_state(status: ServiceStatus) -> str:
    state = f"{status.state.value}, reused" if status.reused else status.state.value
    if status.reachable is False:
        state += ", unreachable"
    if status.by is not None:
        return f"{state}, by {status.by}"
    return state if status.exit_code is None else f"{state} ({status.exit_code})"


_NOTHING = "-"
_COLUMNS: Mapping[str, Callable[[ServiceStatus], str]] = {
    "service": lambda status: status.service,
    "state": _describe_state,
    "health": lambda status: status.health or _NOTHING,
    "pid": lambda status: _NOTHING if status.pid is None else str(status.pid),
    "since": lambda status: format_moment(status.since),
    "restarts": lambda status: (
        _NOTHING if status.restarts is None else str(status.restarts)
    ),
    "address": lambda status: ", ".join(_list_addresses(status)) or _NOTHING,
    "image": lambda status: status.image or _NOTHING,
}
_OWN_COLUMNS = frozenset({"pid", "image"})
"""What only one kind of place knows."""
_BELOW = ("address", "image")
"""What stands below its service where a terminal is narrow."""
_DAY_AND_MINUTE = slice(5, 16)


def format_now() -> str:
    """The time of day, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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


def format_excluded(
    excluded: Iterable[Mapping[str, Any]], *, width: int | None = None
) -> str:
    """What is excluded, why, and what dependent services do instead."""
    lines = []
    for each in excluded:
        lines.append(f"{each['service']}: excluded: {each['reason']}")
        lines += [f"  {text}" for text in each["instead"]]
    return "".join(f"{wrap(line, width)}\n" for line in lines)
