"""How a service is doing: one shape for containers and for processes."""

from __future__ import annotations

from collections.abc import Iterable
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


def describe_statuses(statuses: Iterable[ServiceStatus]) -> list[dict[str, Any]]:
    """The statuses as plain data, in the same order."""
    return [{**as_dict(status), "state": status.state.value} for status in statuses]
