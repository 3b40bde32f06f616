"""How a service is doing after an event, before its place is looked at again."""

from __future__ import annotations

from collections.abc import Mapping

from composegen.places.events import (
    BecameUnhealthy,
    Created,
    Event,
    Excluded,
    Exited,
    Failed,
    Finished,
    HealthyAgain,
    Message,
    Noted,
    Ready,
    Reused,
    Started,
    Stopped,
)
from composegen.places.status import ServiceStatus, State, format_now
from composegen.records import replace


def fold_event(status: ServiceStatus, event: Event) -> ServiceStatus:
    """The status after an event of its service; the same where it says nothing."""
    match event:
        case Created():
            return replace(status, state=State.WAITING, exit_code=None, by=None)
        case Started() | Reused():
            return replace(
                status,
                state=State.STARTING,
                health="starting",
                pid=event.pid,
                since=format_now(),
                exit_code=None,
                by=None,
                reason=None,
                fallback=None,
                restarts=event.restarts
                if isinstance(event, Started)
                else status.restarts,
            )
        case Ready():
            health = "healthy" if event.is_asked else "none"
            address = event.address or status.address
            return replace(status, state=State.READY, health=health, address=address)
        case HealthyAgain():
            return replace(status, state=State.READY, health="healthy")
        case BecameUnhealthy():
            return replace(status, state=State.FAILED, health="unhealthy")
        case _:
            return _fold_end(status, event)


def _fold_end(status: ServiceStatus, event: Event) -> ServiceStatus:
    match event:
        case Finished():
            return replace(status, state=State.FINISHED, health=None, exit_code=0)
        case Failed():
            return replace(
                status, state=State.FAILED, exit_code=event.failure.exit_code
            )
        case Excluded():
            return replace(
                status, state=State.EXCLUDED, reason=event.reason, fallback=True
            )
        case Exited():
            return replace(
                status, state=State.FAILED, health=None, exit_code=event.exit_code
            )
        case Stopped():
            by = event.by or None
            return replace(status, state=State.STOPPED, health=None, by=by, pid=None)
        case _:
            return status


def word_event(event: Event) -> str:
    """An event in a few words; empty for one that is not shown."""
    match event:
        case Ready(ran_before=False):
            return f"ready after {event.after:.1f} s" if event.after else "ready"
        case Failed():
            return f"failed: {event.failure.reason}"
        case Excluded():
            return f"excluded: {event.reason}"
        case Exited():
            return f"exited with {event.exit_code}"
        case Stopped():
            return "stopped by the user" if event.by else "stopped"
        case Message() | Noted():
            return event.text
        case _:
            return _PLAIN.get(type(event), "")


_PLAIN: Mapping[type[Event], str] = {
    Started: "started",
    Finished: "finished",
    BecameUnhealthy: "became unhealthy",
    HealthyAgain: "is healthy again",
}
