"""Containers that ask services from outside: each is a part of the service it asks.

Whatever shows or judges a service sees its own containers, with the health that the
helper found out. The names of helpers are noted by `up`.
"""

from __future__ import annotations

from collections.abc import Iterable

from composegen.places.engine.containers import Container
from composegen.places.engine.notes import NotedService, Notes
from composegen.records import replace


def fold_helpers(
    notes: Notes, containers: Iterable[Container]
) -> tuple[Container, ...]:
    """The containers of services, asked ones with the health that was found out."""
    found = tuple(containers)
    asked = {each.name: each for each in notes.services if each.helper}
    helpers = {each.helper for each in asked.values()}
    return tuple(
        _fold(asked[each.service], each, found) if each.service in asked else each
        for each in found
        if each.service not in helpers
    )


def _fold(
    noted: NotedService, container: Container, found: tuple[Container, ...]
) -> Container:
    """A container with what its helper found out, or with why that does not ask."""
    if container.asker is not None:
        return container
    own = [each for each in found if each.service == noted.helper]
    helper = next((each for each in own if each.is_running), None)
    if helper is None:
        asker = _describe(own[0]) if own else "has no container"
        return replace(container, health="starting", test=(), probes=(), asker=asker)
    return replace(
        container,
        health=helper.health if helper.health != "none" else "starting",
        test=helper.test,
        probes=helper.probes,
        asker="",
    )


def _describe(helper: Container) -> str:
    """Why a helper does not ask."""
    if helper.error:
        return f"could not be started: {helper.error.strip().splitlines()[-1]}"
    if helper.was_never_started:
        return "was not started"
    return f"exited with {helper.exit_code}"


def add_helpers(notes: Notes, names: Iterable[str]) -> tuple[str, ...]:
    """Services with their helpers, as a call of Compose has to name them."""
    noted = ((name, notes.find(name)) for name in names)
    pairs = ((name, each.helper if each is not None else "") for name, each in noted)
    return tuple(each for pair in pairs for each in pair if each)


def list_idle_helpers(
    notes: Notes, names: Iterable[str], containers: Iterable[Container]
) -> tuple[str, ...]:
    """The helpers of services that do not run, though the services do."""
    folded = fold_helpers(notes, containers)
    idle = {each.service for each in folded if each.is_running and each.asker}
    noted = (notes.find(name) for name in names)
    return tuple(
        each.helper for each in noted if each is not None and each.name in idle
    )
