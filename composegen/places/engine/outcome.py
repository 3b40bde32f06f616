"""What `up` says at its end: what is up, where it is reached, what is excluded."""

from __future__ import annotations

from composegen.places.engine.containers import Container
from composegen.places.engine.notes import Notes
from composegen.places.engine.status import find_addresses
from composegen.places.engine.stay import list_hints
from composegen.places.events import Address, Up
from composegen.places.excluded import note_excluded
from composegen.places.status import ExcludedNote
from composegen.places.timeline import Boot
from composegen.planning.plan import Plan


def describe_outcome(
    plan: Plan,
    notes: Notes,
    boots: tuple[Boot, ...],
    containers: tuple[Container, ...],
    *,
    stays: bool,
) -> Up:
    """A stack that is up; where it ``stays``, nothing has to be said about staying."""
    return Up(
        boots=boots,
        addresses=tuple(
            Address(service=name, url=address)
            for name, address in find_addresses(notes, containers)
        ),
        excluded=tuple(
            ExcludedNote(
                service=each.service,
                reason=each.reason,
                instead=tuple(f"{one.service}: {one}" for one in each.fallbacks),
            )
            for each in plan.excluded
        )
        + note_excluded(notes.excluded),
        again="composegen up" if notes.excluded else "",
        hints=() if stays else list_hints(plan),
    )
