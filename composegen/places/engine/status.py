"""How the services of a stack are doing on the Docker engine."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator

from composegen.places.engine.containers import Container, Status, format_time
from composegen.places.engine.notes import NotedService, Notes
from composegen.places.status import (
    ALIVE_FOR,
    ServiceStatus,
    State,
    are_up,
)
from composegen.records import record, replace

_RANK = (
    State.FAILED,
    State.STOPPED,
    State.WAITING,
    State.STARTING,
    State.READY,
    State.FINISHED,
)
_STOPPED_WITH = frozenset({0, 130, 137, 143})
"""The exit codes of what was stopped, and has not failed."""


@record
class EngineSeen:
    """The statuses of a project, and whether all that is required is up.

    A service that only its own container reaches is not up.
    """

    notes: Notes
    containers: tuple[Container, ...]
    statuses: tuple[ServiceStatus, ...]

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
    notes: Notes, containers: Iterable[Container], unreached: Collection[str] = ()
) -> EngineSeen:
    """The statuses of what was noted, in the order of its plan; left-out ones last.

    ``unreached`` are the services that only their own container reaches.
    """
    found = tuple(containers)
    statuses = [
        replace(status, reachable=False) if status.service in unreached else status
        for status in (_make_status(each, found) for each in notes.services)
    ]
    statuses += [
        ServiceStatus(service=str(each["service"]), state=State.LEFT_OUT)
        for each in notes.left_out
    ]
    return EngineSeen(notes=notes, containers=found, statuses=tuple(statuses))


def _make_status(noted: NotedService, found: tuple[Container, ...]) -> ServiceStatus:
    """The status of a service: that of its worst container."""
    own = [each for each in found if each.service == noted.name]
    if not own:
        return ServiceStatus(service=noted.name, state=State.STOPPED)
    worst = min(own, key=lambda each: _RANK.index(find_state(noted, each)))
    moment = worst.started_at if worst.is_running else worst.finished_at
    has_ended = worst.status in {Status.EXITED, Status.DEAD, Status.RESTARTING}
    return ServiceStatus(
        service=noted.name,
        state=find_state(noted, worst),
        health=worst.health if worst.is_running else None,
        since=format_time(moment),
        restarts=sum(each.restarts for each in own),
        exit_code=worst.exit_code if has_ended or worst.error else None,
        address=next(iter(_list_addresses(noted, own)), None),
        image=worst.image or None,
    )


def find_state(noted: NotedService, container: Container) -> State:
    """What a container is doing, in the words of every place."""
    match container.status:
        case Status.CREATED:
            return State.FAILED if container.error else State.WAITING
        case Status.RUNNING | Status.PAUSED:
            return _find_running(noted, container)
        case Status.RESTARTING:
            return State.FAILED
        case _ if noted.is_job:
            return State.FINISHED if container.exit_code == 0 else State.FAILED
        case _ if container.error or container.was_out_of_memory:
            return State.FAILED
        case _ if not (noted.is_restarted or container.exit_code in _STOPPED_WITH):
            return State.FAILED
        case _:
            return State.STOPPED


def _find_running(noted: NotedService, container: Container) -> State:
    if noted.is_job or container.status is Status.PAUSED:
        return State.STARTING if noted.is_job else State.STOPPED
    if container.health == "none":
        lived = time.time() - (container.started_at or 0.0)
        return State.READY if lived >= ALIVE_FOR else State.STARTING
    states = {"healthy": State.READY, "unhealthy": State.FAILED}
    return states.get(container.health, State.STARTING)


def find_addresses(
    notes: Notes, containers: Iterable[Container]
) -> list[tuple[str, str]]:
    """What can be opened or called from the host: pairs of service and address."""
    found = list(containers)
    return [
        (noted.name, address)
        for noted in notes.services
        for address in _list_addresses(
            noted, [each for each in found if each.service == noted.name]
        )
    ]


def _list_addresses(noted: NotedService, own: list[Container]) -> Iterator[str]:
    """The published TCP ports, the one that it listens on first."""
    ports = {
        (each.target, each.host, each.port): each
        for container in own
        for each in container.published
        if each.target.endswith("/tcp") and ":" not in each.host
    }
    main = f"{noted.port}/tcp"
    for port in sorted(ports.values(), key=lambda each: each.target != main):
        host = "127.0.0.1" if port.host == "0.0.0.0" else port.host
        scheme = "http://" if noted.is_http and port.target == main else ""
        yield f"{scheme}{host}:{port.port}"
