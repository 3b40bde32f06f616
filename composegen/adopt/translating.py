"""A project that was read becomes a stack file: each service, its needs, its gates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from composegen.adopt.edges import Edges, isolate_stores, read_edges, settle_gates
from composegen.adopt.groups import adopt_profiles, keep_needed, list_selections
from composegen.adopt.keys import adopt_keys
from composegen.adopt.knowledge import look_at
from composegen.adopt.layout import write_stack
from composegen.adopt.posture import adopt_store, find_use, settle_posture
from composegen.adopt.project import Options
from composegen.adopt.reading import Read, describe_missing
from composegen.adopt.report import Gate, Notes
from composegen.adopt.seen import Seen
from composegen.adopt.top import make_top
from composegen.records import record
from composegen.stackfile.folder import Folder


@record
class Made:
    """A stack file as text, and everything that is known about how it came to be."""

    text: str
    notes: Notes
    gates: tuple[Gate, ...]
    hardened: tuple[str, ...]
    excluded: tuple[str, ...]
    selections: tuple[tuple[str, ...], ...]
    services: tuple[str, ...]


def make_stack(read: Read, options: Options) -> Made:
    """Translate a project that was read."""
    notes = Notes()
    _note_missing(read, notes)
    services = _translate(read, options, notes)
    edges = read_edges(services)
    excluded = adopt_profiles(services, edges)
    hardened = _settle_postures(services, edges, excluded, notes)
    gates = settle_gates(services, edges)
    keep_needed(services, edges, excluded)
    top = make_top(read, services, notes)
    sketches = {name: seen.sketch for name, seen in services.items()}
    for sketch in sketches.values():
        kept = {key: v for key, v in sketch.keys.items() if v is not None}
        sketch.keys.clear()
        sketch.keys.update(kept)
    return Made(
        text=write_stack(top, sketches, _make_head(read)),
        notes=notes,
        gates=tuple(gates),
        hardened=tuple(hardened),
        excluded=tuple(excluded),
        selections=tuple(list_selections(services, edges, excluded)),
        services=tuple(services),
    )


def _translate(read: Read, options: Options, notes: Notes) -> dict[str, Seen]:
    """Each service's keys, in the order of the files."""
    folder = Folder(Path(read.project.folder))
    texts: Mapping[str, Any] = read.texts.get("services") or {}
    models: Mapping[str, Any] = read.model.get("services") or {}
    services: dict[str, Seen] = {}
    for name in read.written.sort(models, "services"):
        text = texts.get(name) or {}
        order = read.written.sort(text, "services", name)
        seen = Seen(
            name=name,
            text={key: text[key] for key in order if text[key] is not None},
            model=models[name],
            read=read,
            notes=notes,
            options=options,
        )
        comment = read.written.comments.get(("services", name))
        if comment:
            seen.sketch.comments[()] = comment
        seen.image = str(seen.text.get("image", ""))
        adopt_keys(seen)
        look_at(seen, folder)
        services[name] = seen
    return services


def _settle_postures(
    services: Mapping[str, Seen], edges: Edges, excluded: list[str], notes: Notes
) -> list[str]:
    """Use recipes, isolate stores, and relax what was not tried; the hardened ones."""
    stores = []
    for name, seen in services.items():
        recipe = find_use(seen)
        if recipe is None:
            continue
        adopt_store(seen, recipe)
        if "networks" in seen.sketch.keys:
            continue
        if name in excluded or "default" not in (seen.model.get("networks") or {}):
            seen.set("networks", ["default"])
        else:
            stores.append(name)
    isolate_stores(services, edges, stores, notes)
    return [name for name, seen in services.items() if settle_posture(seen)]


def _make_head(read: Read) -> list[str]:
    files = ", ".join(read.project.shown_files)
    return [f"Adopted from {files}"]


def _note_missing(read: Read, notes: Notes) -> None:
    notes.remarks += [describe_missing(each) for each in read.missing]
    if read.unset:
        names = ", ".join(read.unset)
        notes.remarks.append(f"not set, and required: {names}; set them before `up`")
