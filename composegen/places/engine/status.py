"""How the services of a stack are doing on the Docker engine."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from composegen.needs import Later
from composegen.places.engine.containers import (
    Container,
    Published,
    Status,
    format_time,
)
from composegen.places.engine.helpers import fold_helpers
from composegen.places.engine.notes import (
    How,
    NotedExclusion,
    NotedFailure,
    NotedService,
    NotedStop,
    Notes,
)
from composegen.places.engine.sharing import mark_outlived
from composegen.places.excluded import note_excluded
from composegen.places.status import (
    ALIVE_FOR,
    BY_USER,
    FINE,
    ServiceStatus,
    State,
    are_up,
)
from composegen.records import as_dict, record, replace

_RANK = (
    State.FAILED,
    State.STOPPED,
    State.WAITING,
    State.STARTING,
    State.READY,
    State.FINISHED,
)
_USING = frozenset({State.READY, State.STARTING})
_UP = "composegen up"
_HEARD_WITHIN = 1.0
"""Seconds in which `up` hears of a death."""
STEADY_FOR = 10.0
"""Seconds after which the engine takes one that has died for one that runs."""
STOPPED_WITH = frozenset({0, 130, 137, 143})
"""The exit codes of what was stopped, and has not failed."""


@record
class EngineSeen:
    """The statuses of a project, and whether all that is required is up.

    ``now`` is when it was looked at, on the engine's clock. A service that only its own
    container reaches is not up.
    """

    notes: Notes
    containers: tuple[Container, ...]
    statuses: tuple[ServiceStatus, ...]
    now: float = 0.0

    @property
    def is_up(self) -> bool:
        """Whether anything is there, and every required service is up."""
        required = {each.name for each in self.notes.services if each.is_required}
        return bool(self.containers) and are_up(self.statuses, required)

    def find(self, service: str) -> ServiceStatus:
        """One service's status; every service that takes part has one."""
        return next(each for each in self.statuses if each.service == service)

    def list_containers(self, service: str) -> tuple[Container, ...]:
        """The containers of one service."""
        return tuple(each for each in self.containers if each.service == service)


def make_seen(
    notes: Notes,
    containers: Iterable[Container],
    now: float | None = None,
    *,
    unreached: Collection[str] = (),
) -> EngineSeen:
    """The statuses of what was noted, in the order of its plan; excluded ones last.

    ``now`` is the engine's clock, in seconds since 1970; this machine's by default.
    ``unreached`` are the services that only their own container reaches.
    """
    at = time.time() if now is None else now
    folded = mark_outlived(fold_helpers(notes, containers))
    found = tuple(forget_past(notes, each) for each in folded)
    missed = {name for each in notes.services for name in each.without}
    statuses = [
        replace(
            status,
            reachable=False if status.service in unreached else None,
            fallback=True if status.service in missed else status.fallback,
        )
        for status in (_make_status(notes, each, found, at) for each in notes.services)
    ]
    statuses += [
        ServiceStatus(
            service=str(each["service"]),
            state=State.EXCLUDED,
            reason=str(each["reason"]),
            fallback=False,
        )
        for each in notes.left_out
    ]
    return EngineSeen(notes=notes, containers=found, statuses=tuple(statuses), now=at)


def forget_past(notes: Notes, container: Container) -> Container:
    """The container without what is left of an earlier `up`, which is no evidence.

    The engine does not say when a start failed, so an error counts only where the
    container was made by this `up`, or where this `up` noted that it was refused.
    """
    noted = notes.find_failure(container.service)
    is_refused = noted is not None and noted.how is How.REFUSED
    last = max(container.created_at or 0.0, container.finished_at or 0.0)
    if container.is_running or container.status is Status.RESTARTING:
        return container
    if is_refused or last >= notes.began:
        return container
    return replace(container, error="", was_out_of_memory=False, is_past=True)


def _make_status(
    notes: Notes, noted: NotedService, found: tuple[Container, ...], now: float
) -> ServiceStatus:
    """The status of a service: that of its worst container."""
    own = [each for each in found if each.service == noted.name]
    exclusion = notes.find_exclusion(noted.name)
    if exclusion is not None and is_excluded(exclusion, own):
        return ServiceStatus(
            service=noted.name,
            state=State.EXCLUDED,
            reason=exclusion.reason,
            fallback=True,
        )
    states = {each.id: find_state(notes, noted, each, now) for each in own}
    worst = min(own, key=lambda each: _RANK.index(states[each.id]), default=None)
    state = State.STOPPED if worst is None else states[worst.id]
    is_by_user = worst is not None and _is_noted(notes, worst) and state not in FINE
    if is_by_user:
        state = State.STOPPED
    elif holds_failure(notes.find_failure(noted.name), own, state):
        state = State.FAILED
    if worst is None:
        return ServiceStatus(service=noted.name, state=state)
    moment = worst.started_at if worst.is_running else worst.finished_at
    addresses = tuple(dict.fromkeys(_list_addresses(noted, own)))
    has_ended = worst.status in {Status.EXITED, Status.DEAD, Status.RESTARTING}
    return ServiceStatus(
        service=noted.name,
        state=state,
        health=worst.health if worst.is_running else None,
        since=format_time(moment),
        restarts=sum(each.restarts for each in own),
        exit_code=worst.exit_code if has_ended or worst.error else None,
        address=next(iter(addresses), None),
        addresses=addresses,
        image=worst.image or None,
        by=BY_USER if is_by_user else None,
    )


def is_excluded(exclusion: NotedExclusion, own: Iterable[Container]) -> bool:
    """Whether a service is still excluded: nothing of it runs, or was started since."""
    return not any(
        each.is_running
        or each.status is Status.RESTARTING
        or (each.started_at or 0.0) > exclusion.at + _HEARD_WITHIN
        for each in own
    )


def list_excluded(
    notes: Notes, statuses: Iterable[ServiceStatus]
) -> tuple[Mapping[str, Any], ...]:
    """What is excluded now, by the selection and by failures, as it is noted."""
    out = {each.service for each in statuses if each.state is State.EXCLUDED}
    failed = (each for each in note_excluded(notes.excluded) if each.service in out)
    return (*notes.left_out, *map(as_dict, failed))


def list_lost(notes: Notes, statuses: Iterable[ServiceStatus]) -> Iterator[str]:
    """What `up` would change: a service still uses one that is gone, or is back."""
    states = {each.service: each.state for each in statuses}
    for each in notes.services:
        if states[each.name] not in _USING:
            continue
        for need in each.needs:
            gone = states.get(need.service) not in {*FINE, State.STARTING}
            has_it = need.service not in each.without
            if need.later is Later.RESTART and gone and has_it:
                yield f"{each.name} still uses {need.service}, which is gone: {_UP}"
            elif need.service in each.without and states[need.service] in FINE:
                yield f"{each.name} runs without {need.service}, which is up: {_UP}"


def _is_noted(notes: Notes, container: Container) -> bool:
    """Whether a container is as the user has stopped it.

    One that was started since, and stopped again by another program, is not.
    """
    is_down = container.status in {Status.EXITED, Status.DEAD} and not container.error
    stop = NotedStop(container=container.id, started_at=container.started_at or 0.0)
    return is_down and stop in notes.stopped


def holds_failure(
    failure: NotedFailure | None, own: Iterable[Container], state: State
) -> bool:
    """Whether what `up` judged of a service is still so.

    It is, until the service is ready, or was started or stopped again from outside.
    """
    if failure is None or state in FINE:
        return False
    if failure.how in {How.REFUSED, How.UNSTARTED}:
        return all((each.started_at or 0.0) < failure.at for each in own)
    container = next((each for each in own if each.id == failure.id), None)
    if container is None:
        return False
    is_new = not container.restarts and (container.started_at or 0.0) > failure.at
    has_ended = not container.is_running and container.status is not Status.RESTARTING
    ended_later = (container.finished_at or 0.0) > failure.at + _HEARD_WITHIN
    return not is_new and not (has_ended and ended_later)


def find_state(
    notes: Notes,
    noted: NotedService,
    container: Container,
    now: float | None = None,
) -> State:
    """What a container is doing, in the words of every place.

    ``now`` is the engine's clock, this machine's by default. The rules are those of
    `up`: a second death fails, and so does a boot that is over.
    """
    match container.status:
        case Status.CREATED:
            return State.FAILED if container.error else State.WAITING
        case Status.RUNNING | Status.PAUSED:
            at = time.time() if now is None else now
            return _find_running(notes, noted, container, at)
        case Status.RESTARTING:
            return State.FAILED
        case _ if container.is_past:
            return State.STOPPED
        case _ if noted.is_job:
            return State.FINISHED if container.exit_code == 0 else State.FAILED
        case _ if container.error or container.was_out_of_memory:
            return State.FAILED
        case _ if container.exit_code not in STOPPED_WITH and (
            noted.on_failure or not noted.is_restarted
        ):
            return State.FAILED
        case _:
            return State.STOPPED


def _find_running(
    notes: Notes, noted: NotedService, container: Container, now: float
) -> State:
    if noted.is_job or container.status is Status.PAUSED:
        return State.STARTING if noted.is_job else State.STOPPED
    if container.outlives is not None:
        return State.FAILED
    if container.health in {"healthy", "unhealthy"}:
        return State.READY if container.health == "healthy" else State.FAILED
    age = container.find_age(now)
    if container.health == "none" and age >= find_proof(container.restarts):
        return State.READY
    is_over = now >= find_deadline(notes, noted, container)
    return State.FAILED if container.restarts > 1 or is_over else State.STARTING


def find_deadline(notes: Notes, noted: NotedService, container: Container) -> float:
    """When the boot of a container is over, on the engine's clock.

    An `up` that finds it booting gives it its time again.
    """
    started = container.started_at or 0.0
    if notes.limit is not None and started <= notes.began + notes.limit:
        return notes.began + notes.limit
    return max(started, notes.began) + noted.boot


def find_proof(deaths: int) -> float:
    """For how long one without a check has to run to be ready, in seconds."""
    return STEADY_FOR if deaths else ALIVE_FOR


def find_addresses(
    notes: Notes, containers: Iterable[Container]
) -> list[tuple[str, str]]:
    """What can be opened or called from the host now: pairs of service and address."""
    found = [each for each in containers if each.is_running]
    return [
        (noted.name, address)
        for noted in notes.services
        for address in _list_addresses(
            noted, [each for each in found if each.service == noted.name]
        )
    ]


def _rank_port(port: Published, main: str) -> tuple[bool, int, str, int]:
    """Where a port stands among others: the engine lists them in any order."""
    number = int(port.target.partition("/")[0])
    return port.target != main, number, port.host, port.port


def _list_addresses(noted: NotedService, own: list[Container]) -> Iterator[str]:
    """The published TCP ports, the one that it listens on first."""
    ports = {
        (each.target, each.host, each.port): each
        for container in own
        for each in container.published
        if each.target.endswith("/tcp") and ":" not in each.host
    }
    main = f"{noted.port}/tcp"
    ordered = sorted(ports.values(), key=lambda port: _rank_port(port, main))
    for port in ordered:
        host = "127.0.0.1" if port.host == "0.0.0.0" else port.host
        scheme = "http://" if noted.is_http and port.target == main else ""
        yield f"{scheme}{host}:{port.port}"
