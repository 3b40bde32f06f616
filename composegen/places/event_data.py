"""Events as plain data, and back: for a socket, and for a reader of another version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from composegen.places.events import (
    Address,
    Attached,
    BecameUnhealthy,
    BootOver,
    ComposeWarned,
    Created,
    Detached,
    EndAsked,
    Ending,
    Event,
    Excluded,
    Exited,
    Failed,
    Failure,
    FileIgnored,
    FileKept,
    Finished,
    HealthyAgain,
    Killing,
    Line,
    Message,
    Noted,
    NotUp,
    OtherBegins,
    Output,
    Planned,
    Progress,
    Pulling,
    Ready,
    Reused,
    SecretEmpty,
    Standing,
    Started,
    Stopped,
    Up,
    Wrote,
)
from composegen.places.status import ExcludedNote, State
from composegen.places.timeline import Boot
from composegen.records import list_fields

_KINDS: Mapping[str, type[Event]] = {
    kind.__name__.lower(): kind
    for kind in (
        *(Created, Started, Reused, Message, Line, Ready, Finished, Pulling),
        *(Failed, Excluded, Exited, BecameUnhealthy, HealthyAgain, Stopped),
        *(Planned, Noted, Wrote, FileKept, FileIgnored, SecretEmpty),
        *(OtherBegins, Attached, Detached, Output, ComposeWarned, Progress, BootOver),
        *(Up, NotUp, EndAsked, Ending, Killing),
    )
}
_PARTS: Mapping[str, type] = {
    "failure": Failure,
    "standings": Standing,
    "boots": Boot,
    "addresses": Address,
    "excluded": ExcludedNote,
}


def describe_event(event: Event) -> dict[str, Any]:
    """An event as plain data; ``read_event`` makes it one again."""
    return {"event": type(event).__name__.lower(), **_describe(event)}


def _describe(value: Any) -> Any:
    if hasattr(value, "__record_fields__"):
        names = list_fields(type(value))
        return {name: _describe(getattr(value, name)) for name in names}
    if isinstance(value, tuple):
        return [_describe(each) for each in value]
    return value


def read_event(data: Mapping[str, Any]) -> Event | None:
    """The event that was described; None for one that this version cannot read."""
    try:
        event: Event = _read(_KINDS[data["event"]], data)
    except (KeyError, TypeError, ValueError):
        return None
    return event


def _read(kind: type, data: Mapping[str, Any]) -> Any:
    names = [name for name in list_fields(kind) if name in data]
    return kind(**{name: _read_value(name, data[name]) for name in names})


def _read_value(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return _read(_PARTS[name], value)
    if isinstance(value, list):
        return tuple(_read_value(name, each) for each in value)
    return State(value) if name == "state" else value
