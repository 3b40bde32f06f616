"""Containers that another Compose has made: which of them this one made again, and why.

Compose makes a container again when the digest of its service differs from the one that
it is labelled with, and two versions may make different digests of the same service.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from composegen.places.engine.containers import Container
from composegen.places.engine.notes import Notes, load_notes
from composegen.text import list_some
from composegen.workspace.state import NotTrusted


def find_unchanged(folder: Path, notes: Notes) -> frozenset[str]:
    """The services that an earlier `up` has made as these notes describe them."""
    try:
        before = load_notes(folder)
    except NotTrusted:
        return frozenset()
    # The same engine may be reached in another way, with another Compose.
    if before is None or before.project != notes.project:
        return frozenset()
    had = {each.name: (each.definition, each.without) for each in before.services}
    return frozenset(
        each.name
        for each in notes.services
        if each.definition and had.get(each.name) == (each.definition, each.without)
    )


def describe_remade(
    before: Iterable[Container], after: Iterable[Container], unchanged: frozenset[str]
) -> str:
    """Which services were made again for the version of Compose alone, or empty.

    ``unchanged`` are those whose definition is what it was.
    """
    old = {(each.service, each.number): each for each in before}
    names: dict[tuple[str, str], list[str]] = {}
    for new in after:
        had = old.get((new.service, new.number))
        if had is None or had.id == new.id or had.image_id != new.image_id:
            continue
        is_other = had.compose and new.compose and had.compose != new.compose
        if is_other and new.service in unchanged:
            versions = (had.compose, new.compose)
            names.setdefault(versions, []).append(new.service)
    return "\n".join(
        f"Compose {now} recreated {list_some(dict.fromkeys(found))}: Compose {then} "
        "had made the containers, and describes the same service differently"
        for (then, now), found in names.items()
    )
