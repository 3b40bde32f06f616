"""What is seen while a stack runs: one frozen value for each thing that happens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from composegen.records import as_dict, list_fields, record


@record
class Failure:
    """Why a service's start failed.

    ``reason`` is the sentence, ``cause`` what is behind it and ``mend`` what to do,
    both empty where nobody knows; ``lines`` are the last of its log.
    """

    service: str
    reason: str
    exit_code: int | None = None
    cause: str = ""
    mend: str = ""
    lines: tuple[str, ...] = ()


@record
class Event:
    """Something that happened to a service, ``at`` seconds after the run began."""

    service: str
    at: float = 0.0


@record
class Created(Event):
    """Its container was made; it waits for what it needs."""


@record
class Started(Event):
    """It was started; a process of ours has a pid and a command."""

    pid: int | None = None
    command: str = ""
    restarts: int = 0


@record
class Reused(Event):
    """Somebody else's process serves; it is never stopped by us."""

    pid: int | None = None
    command: str = ""
    since: str = ""
    note: str = ""


@record
class Told(Event):
    """Something that people should know; no service: about the run itself."""

    text: str


@record
class Line(Event):
    """A line of a service's log."""

    text: str


@record
class Ready(Event):
    """It is healthy, ``after`` seconds of booting; ``address`` is where."""

    after: float
    address: str = ""


@record
class Finished(Event):
    """A job has run to its end."""

    after: float


@record
class Failed(Event):
    """Its start failed; ``dependants`` start anyway where it is not required."""

    failure: Failure
    is_required: bool
    dependants: tuple[str, ...] = ()


@record
class Exited(Event):
    """It died after it had been ready; None: it is not started again."""

    exit_code: int | None
    restart_in: float | None
    dependants: tuple[str, ...] = ()


@record
class Sickened(Event):
    """It runs and no longer answers its health check."""

    reason: str


@record
class Recovered(Event):
    """It answers its health check again."""


@record
class Stopped(Event):
    """Nothing is left of it, but for processes that could not be killed."""

    left: tuple[int, ...] = ()


_KINDS: Mapping[str, type[Event]] = {
    kind.__name__.lower(): kind
    for kind in (
        *(Created, Started, Reused, Told, Line, Ready, Finished),
        *(Failed, Exited, Sickened, Recovered, Stopped),
    )
}


def describe_event(event: Event) -> dict[str, Any]:
    """An event as plain data; ``read_event`` makes it one again."""
    return {"event": type(event).__name__.lower(), **as_dict(event)}


def read_event(data: Mapping[str, Any]) -> Event:
    """The event that was described. Raises KeyError and TypeError for anything else."""
    kind = _KINDS[data["event"]]
    values = {name: data[name] for name in list_fields(kind)}
    if "failure" in values:
        failure = values["failure"]
        values["failure"] = Failure(**{**failure, "lines": tuple(failure["lines"])})
    for name in ("dependants", "left"):
        if name in values:
            values[name] = tuple(values[name])
    return kind(**values)
