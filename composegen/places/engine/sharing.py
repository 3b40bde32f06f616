"""Containers that share a namespace of another one, which each start of it replaces.

The engine resolves `network_mode: service:web` to a container once. When that one is
started again, it has a new network, and what shared the old one reaches nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from composegen.places.engine.containers import Container
from composegen.places.engine.joined import Joined
from composegen.records import record, replace


@record
class Outlived:
    """A container that runs in a namespace of ``owner`` which is not there any more."""

    container: Container
    kind: str
    owner: Container

    def __str__(self) -> str:
        service, owner = self.container.service, self.owner.service
        since = "was started again since" if self.owner.is_running else "does not run"
        return f"{service} shares the {self.kind} of {owner}, which {since}"


def find_outlived(containers: Iterable[Container]) -> Iterator[Outlived]:
    """Those that run and have not been started after the last start of their owner."""
    found = tuple(containers)
    by_id = {each.id: each for each in found}
    for each in found:
        owners = ((join, by_id[join.id]) for join in each.joins if join.id in by_id)
        for join, owner in owners if each.is_running else ():
            if not owner.is_running or _is_older(each, owner):
                yield Outlived(container=each, kind=join.kind, owner=owner)
                break


def mark_outlived(containers: Iterable[Container]) -> tuple[Container, ...]:
    """The containers, with what they have outlived of one that runs again."""
    found = tuple(containers)
    marks = {
        each.container.id: Joined(kind=each.kind, id=each.owner.service)
        for each in find_outlived(found)
        if each.owner.is_running
    }
    return tuple(replace(each, outlives=marks.get(each.id)) for each in found)


def list_outlived(containers: Iterable[Container]) -> Iterator[str]:
    """A line for each service that has to be restarted, with the command."""
    lines = (
        f"{each}: composegen restart {each.container.service}"
        for each in find_outlived(containers)
        if each.owner.is_running
    )
    yield from dict.fromkeys(lines)


def find_owners(
    container: Container, containers: Iterable[Container]
) -> Mapping[str, str]:
    """The services whose namespaces a container shares, each with the kind."""
    kinds = {join.id: join.kind for join in reversed(container.joins)}
    return {each.service: kinds[each.id] for each in containers if each.id in kinds}


def list_sharing(
    containers: Iterable[Container], owners: Collection[str]
) -> tuple[str, ...]:
    """The containers that run in a namespace of one of these, by their ids."""
    return tuple(
        each.id
        for each in containers
        if each.is_running and any(join.id in owners for join in each.joins)
    )


def _is_older(container: Container, owner: Container) -> bool:
    return (container.started_at or 0.0) < (owner.started_at or 0.0)
