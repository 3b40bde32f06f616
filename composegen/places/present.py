"""How a service is doing as the event that led to it: the beginning of every follow."""

from __future__ import annotations

from collections.abc import Iterator

from composegen.places.events import (
    BecameUnhealthy,
    Created,
    Event,
    Exited,
    Failed,
    Failure,
    Finished,
    HealthyAgain,
    Ready,
    Reused,
    Started,
    Stopped,
)
from composegen.places.status import ServiceStatus, State

_UNHEALTHY = "unhealthy"


def describe_present(status: ServiceStatus) -> Iterator[Event]:
    """The events after which a service is as it is now; none for an excluded one."""
    name = status.service
    match status.state:
        case State.WAITING:
            yield Created(service=name)
        case State.STARTING:
            yield _describe_start(status)
        case State.READY:
            if status.reused:
                yield Reused(service=name, pid=status.pid)
            yield _describe_ready(status, ran_before=True)
            if status.health == _UNHEALTHY:
                yield BecameUnhealthy(service=name, reason="")
        case State.FINISHED:
            yield Finished(service=name, after=0.0)
        case State.STOPPED | State.FAILED:
            yield from _describe_down(status)


def describe_change(
    before: ServiceStatus, now: ServiceStatus, *, at: float, after: float = 0.0
) -> Iterator[Event]:
    """What must have happened between two looks at a service, ``at`` seconds.

    ``after`` is how long it took to get ready, in seconds.
    """
    was_sick, is_sick = before.health == _UNHEALTHY, now.health == _UNHEALTHY
    is_same = (before.state, before.by, was_sick) == (now.state, now.by, is_sick)
    name = now.service
    if is_same and before.restarts == now.restarts:
        return
    match now.state:
        case State.WAITING:
            yield Created(service=name, at=at)
        case State.STARTING:
            yield _describe_start(now, at=at)
        case State.READY if was_sick:
            yield HealthyAgain(service=name, at=at)
        case State.READY:
            yield _describe_ready(now, at=at, after=after)
        case State.FINISHED:
            yield Finished(service=name, at=at, after=after)
        case State.STOPPED | State.FAILED:
            yield from _describe_down(now, at=at)


def _describe_start(status: ServiceStatus, *, at: float = 0.0) -> Event:
    return Started(
        service=status.service, at=at, pid=status.pid, restarts=status.restarts or 0
    )


def _describe_ready(
    status: ServiceStatus,
    *,
    at: float = 0.0,
    after: float = 0.0,
    ran_before: bool = False,
) -> Event:
    return Ready(
        service=status.service,
        at=at,
        after=after,
        address=status.address or "",
        is_asked=status.health not in {None, "none"},
        ran_before=ran_before,
    )


def _describe_down(status: ServiceStatus, *, at: float = 0.0) -> Iterator[Event]:
    name = status.service
    has_failed = status.state is State.FAILED
    if has_failed and status.health == _UNHEALTHY:
        yield BecameUnhealthy(service=name, at=at, reason="")
    elif has_failed and status.exit_code is None:
        reason = f"{name} is not ready in time" if status.health else f"{name} failed"
        failure = Failure(service=name, reason=reason)
        yield Failed(service=name, at=at, failure=failure, is_required=False)
    elif status.by is None and status.exit_code is not None:
        yield Exited(service=name, at=at, exit_code=status.exit_code, restart_in=None)
    else:
        yield Stopped(service=name, at=at, by=status.by or "")
