"""Containers that an earlier `up` has made: which stay, and which are replaced.

Until Compose has settled a service, it may replace its containers: what such a
container does, or is, counts for nothing before that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from composegen.places.engine.candidate import Candidate, Instance
from composegen.places.engine.containers import Container, Status
from composegen.places.events import Event, Message
from composegen.places.status import State

_REPLACED = "is being replaced: its old container is stopped first"


def adopt_container(candidate: Candidate, container: Container) -> Instance:
    """Take in a container that is there before anything is done."""
    instance = Instance(id=container.id, number=container.number, was_there=True)
    candidate.instances[container.id] = instance
    if container.status is Status.RUNNING:
        instance.created = instance.started = instance.alive_since = 0.0
        candidate.begin(0.0)
        if candidate.state is State.WAITING:
            candidate.state = State.STARTING
    return instance


class Earlier:
    """What is known of the containers that were there before a boot."""

    def __init__(self) -> None:
        self._settled: set[str] = set()
        self._withheld: dict[str, tuple[Instance, tuple[Event, ...]]] = {}

    @property
    def settled(self) -> frozenset[str]:
        """The services of which Compose replaces no more containers."""
        return frozenset(self._settled)

    def settle(self, names: Iterable[str]) -> None:
        """Compose replaces no more containers of these services."""
        self._settled.update(names)

    def may_go(self, name: str, instance: Instance) -> bool:
        """Whether Compose may still replace this container of a service."""
        return instance.was_there and name not in self._settled

    def is_sure(self, candidate: Candidate) -> bool:
        """Whether it was started in this boot, or Compose has left it as it is."""
        is_new = candidate.started is not None and candidate.started > 0.0
        return is_new or candidate.noted.name in self._settled

    def see_create(
        self, candidate: Candidate, instance: Instance, at: float
    ) -> Iterator[Event]:
        """Forget the container that a new one replaces.

        Where the old one runs, Compose makes the new one first and stops the old one
        then.
        """
        is_waiting = False
        for other in candidate.instances.values():
            if other.was_there and other.number == instance.number:
                is_waiting = other.is_running and not other.is_leaving
                other.is_leaving = other.is_running
                candidate.forget(other)
        if is_waiting:
            yield Message(service=candidate.noted.name, at=at, text=_REPLACED)

    def see_end_asked(
        self, candidate: Candidate, instance: Instance, at: float
    ) -> Iterator[Event]:
        """Compose stops an old container, which may take a while, to make a new one."""
        is_spare = len(candidate.list_here()) > candidate.noted.replicas
        name = candidate.noted.name
        if is_spare or instance.is_leaving or not self.may_go(name, instance):
            return
        instance.is_leaving = True
        yield Message(service=name, at=at, text=_REPLACED)

    def withhold(
        self, candidate: Candidate, instance: Instance, events: tuple[Event, ...]
    ) -> None:
        """Keep what there is to report of a container until it is known to stay."""
        self._withheld[candidate.noted.name] = (instance, events)

    def release(self) -> Iterator[Event]:
        """What was kept of containers that stay; not of those that are gone."""
        for name, (instance, events) in tuple(self._withheld.items()):
            if self.may_go(name, instance):
                continue
            del self._withheld[name]
            if instance.ready is not None and not instance.is_gone:
                yield from events
