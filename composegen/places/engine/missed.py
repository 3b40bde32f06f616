"""What containers have come to without an event: an engine may lose events.

A look at the containers is compared with what was seen of them. That one is healthy is
believed at once. That one has started, ended or gone is believed when a second look
says the same, since its event may be on its way.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from composegen.places.engine.candidate import Candidate, Instance
from composegen.places.engine.containers import Container, Status
from composegen.places.engine.happened import Action, Happened
from composegen.places.engine.wording import find_deadline
from composegen.places.status import State

_ENDED = {Status.EXITED, Status.DEAD}

_Look: TypeAlias = tuple[Status, float | None]
"""How a container is, and when it was started."""


def is_overdue(candidates: Iterable[Candidate], limit: float | None, at: float) -> bool:
    """Whether a service has just used up its time, so that it is to be looked at."""
    return any(_is_overdue(each, limit, at) for each in candidates)


def _is_overdue(candidate: Candidate, limit: float | None, at: float) -> bool:
    if candidate.state is State.STARTING:
        return at >= find_deadline(candidate, limit)
    is_waiting = candidate.state is State.WAITING and candidate.failure is None
    return is_waiting and limit is not None and at >= limit


def find_next_look(
    candidates: Iterable[Candidate], limit: float | None, at: float
) -> float:
    """When the next look could change anything, at most a minute off."""
    moments = [at + 60.0]
    if limit is not None:
        moments.append(limit)
    for candidate in candidates:
        if candidate.state is not State.STARTING:
            continue
        moments.append(find_deadline(candidate, limit))
        moments += [
            instance.alive_since + candidate.find_proof(instance)
            for instance in candidate.list_here()
            if instance.alive_since is not None and instance.ready is None
        ]
    return max(at, min(moments))


class Missed:
    """Compares looks at the containers of a boot with what was seen of them.

    ``asked`` has services by the helpers that ask them; ``began`` is when the boot
    began, in seconds since 1970 on the engine's clock.
    """

    def __init__(
        self,
        candidates: Mapping[str, Candidate],
        asked: Mapping[str, Candidate],
        *,
        began: float,
    ) -> None:
        self._candidates = candidates
        self._asked = asked
        self._began = began
        self._before: dict[str, _Look] = {}
        self._absent: frozenset[str] = frozenset()

    def find(self, containers: Iterable[Container]) -> list[Happened]:
        """What has happened that no event has said."""
        found = {each.id: each for each in containers}
        missed = [
            happened
            for each in found.values()
            for happened in self._compare(each, self._is_sure(each))
        ]
        missed += self._list_gone(found)
        self._before = {id: _look(each) for id, each in found.items()}
        return missed

    def _is_sure(self, container: Container) -> bool:
        return self._before.get(container.id) == _look(container)

    def _compare(self, container: Container, is_sure: bool) -> Iterator[Happened]:
        if container.service in self._asked:
            yield from self._compare_helper(container, is_sure)
            return
        candidate = self._candidates.get(container.service)
        if candidate is None:
            return
        instance = candidate.instances.get(container.id)
        is_alive = instance is not None and instance.alive_since is not None
        if is_sure:
            if instance is None and container.started_at is not None:
                yield _happen(container, Action.CREATE)
            if not is_alive and self._was_started(container, instance):
                yield _happen(container, Action.START)
                is_alive = True
            if is_alive and container.status in _ENDED:
                yield _happen(container, Action.DIE)
        is_ready = instance is not None and instance.ready is not None
        if is_alive and not is_ready and _is_healthy(container):
            yield _happen(container, Action.HEALTH)

    def _was_started(self, container: Container, instance: Instance | None) -> bool:
        if container.is_running:
            return True
        is_new = instance is None or (
            instance.started is None and (container.started_at or 0.0) >= self._began
        )
        return is_new and container.status in _ENDED

    def _compare_helper(
        self, container: Container, is_sure: bool
    ) -> Iterator[Happened]:
        candidate = self._asked[container.service]
        is_known = candidate.helper == container.id
        if is_sure and container.is_running and not is_known:
            yield _happen(container, Action.START)
            is_known = True
        if is_known and candidate.answered is None and _is_healthy(container):
            yield _happen(container, Action.HEALTH)

    def _list_gone(self, found: Mapping[str, Container]) -> list[Happened]:
        """Those that neither this look nor the one before has found."""
        absent = {
            instance.id: Happened(
                id=instance.id,
                service=name,
                number=instance.number,
                action=Action.DESTROY,
                at=time.monotonic(),
            )
            for name, candidate in self._candidates.items()
            for instance in candidate.list_here()
            if instance.id not in found
        }
        gone = [each for id, each in absent.items() if id in self._absent]
        self._absent = frozenset(absent)
        return gone


def _look(container: Container) -> _Look:
    return container.status, container.started_at


def _is_healthy(container: Container) -> bool:
    return container.is_running and container.health == "healthy"


def _happen(container: Container, action: Action) -> Happened:
    """The event that has not come."""
    moments = {
        Action.CREATE: container.created_at,
        Action.START: container.started_at,
        Action.DIE: container.finished_at,
    }
    return Happened(
        id=container.id,
        service=container.service,
        number=container.number,
        action=action,
        at=time.monotonic(),
        time=moments.get(action) or 0.0,
        exit_code=container.exit_code if action is Action.DIE else None,
        health=container.health if action is Action.HEALTH else "",
    )
