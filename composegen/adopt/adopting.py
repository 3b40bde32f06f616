"""The phases of adoption: read, look, translate, decide, write, prove.

Each is a function that gets what the earlier ones made. Nothing is written but the
stack file, and that only where there was none.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from composegen.adopt.edges import Edges, isolate_stores, read_edges, settle_gates
from composegen.adopt.formats import FORMATS
from composegen.adopt.groups import adopt_profiles, keep_needed, list_selections
from composegen.adopt.keys import adopt_keys
from composegen.adopt.knowledge import look_at
from composegen.adopt.layout import write_stack
from composegen.adopt.posture import adopt_store, find_use, settle_posture
from composegen.adopt.project import Asked, Project, show_path
from composegen.adopt.proving import (
    Before,
    Proof,
    ask_before,
    prove,
    render_selections,
)
from composegen.adopt.reading import Read, describe_missing
from composegen.adopt.report import Entry, Gate, Notes, Report
from composegen.adopt.seen import Options, Seen
from composegen.adopt.top import make_top
from composegen.errors import FileRefused
from composegen.paths import exists, is_link
from composegen.records import record
from composegen.stackfile.folder import Folder
from composegen.system.files import write_atomically

STACK_FILE = "stack.yaml"


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


# The whole


@record
class Target:
    """Where the stack file goes; ``path`` is where it would stand for `-o -`."""

    path: Path
    is_printed: bool = False


def adopt_project(
    asked: Asked,
    options: Options,
    output: str | None,
    environment: Mapping[str, str],
    *,
    proves: bool = True,
) -> Report:
    """Read a project, write its stack file, and prove it.

    Raises FileRefused with nothing written, and ProblemsFound where the stack file
    that was written has errors.
    """
    form = FORMATS[asked.form]
    project = form.find(asked, environment)
    target = _find_target(project, output)
    read = form.read(project)
    if not proves:
        made = _make_and_write(read, options, target)
        render_selections(made.text, target.path, made.selections)
        return _make_report(read, target, made, Proof())
    with closing(ask_before(read)) as before:
        made = _make_and_write(read, options, target)
        proof = _prove(read, before, made, made.text, target.path)
    return _make_report(read, target, made, proof)


def _make_and_write(read: Read, options: Options, target: Target) -> Made:
    made = make_stack(read, options)
    if not target.is_printed:
        write_atomically(target.path, made.text)
    return made


def _prove(read: Read, before: Before, made: Made, text: str, path: Path) -> Proof:
    rendered = render_selections(text, path, made.selections)
    listed = [*made.notes.changed, *made.notes.lost]
    return prove(read, before, rendered, made.gates, listed)


def _find_target(project: Project, output: str | None) -> Target:
    """The stack file to write. Raises FileRefused where something stands there."""
    if output == "-":
        return Target(path=project.folder / STACK_FILE, is_printed=True)
    path = project.folder / STACK_FILE if output is None else Path(output)
    if path.absolute().parent.resolve() != project.folder.resolve():
        raise FileRefused(
            str(path),
            "is not next to the first Compose file, where the paths of both begin",
            help=f"write it there: -o {project.folder / path.name}",
        )
    if output is None:
        path = Path(show_path(path, Path.cwd()))
    if exists(path) or is_link(path):
        raise FileRefused(
            str(path),
            "exists already",
            help="nothing was written: name another one with -o FILE",
        )
    return Target(path=path)


def _make_report(read: Read, target: Target, made: Made, proof: Proof) -> Report:
    notes = made.notes
    profiles = {
        profile
        for service in read.model.get("services", {}).values()
        for profile in service.get("profiles") or []
    }
    return Report(
        text=made.text,
        read=read.project.shown_files,
        written="" if target.is_printed else str(target.path),
        services=made.services,
        profiles=tuple(sorted(profiles)),
        settings=read.project.settings,
        gates=made.gates,
        changed=tuple(notes.changed),
        raw={key: tuple(names) for key, names in notes.raw.items()},
        lost=tuple(notes.lost),
        offered=tuple(notes.offered),
        remarks=tuple(notes.remarks),
        hardened=made.hardened,
        optional=made.excluded,
        selections=made.selections,
        proof=proof.values,
        unlisted=proof.unlisted,
    )


def compare_stack(
    text: str, path: Path, asked: Asked, environment: Mapping[str, str]
) -> tuple[Entry, ...]:
    """What a stack file and a project differ in, beyond what adoption lists.

    Raises FileRefused, and ProblemsFound for the stack file.
    """
    form = FORMATS[asked.form]
    read = form.read(form.find(asked, environment))
    with closing(ask_before(read)) as before:
        made = make_stack(read, Options())
        return _prove(read, before, made, text, path).unlisted
