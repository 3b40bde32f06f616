"""The phases of adoption: read, look, translate, decide, write, prove.

Each is a function that gets what the earlier ones made. Nothing is written but the
stack file, and that only where there was none.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from composegen.adopt.formats import FORMATS, Format
from composegen.adopt.project import Asked, Options, Project, show_path
from composegen.adopt.report import Entry, Report
from composegen.errors import FileRefused
from composegen.paths import exists, is_link
from composegen.records import record
from composegen.system.files import write_atomically

if TYPE_CHECKING:
    from composegen.adopt.proving import Before, Proof
    from composegen.adopt.reading import Read
    from composegen.adopt.translating import Made

STACK_FILE = "stack.yaml"


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
    read = _read(form, project)
    if not proves:
        from composegen.adopt.proving import Proof, render_selections

        made = _make_and_write(read, options, target)
        render_selections(made.text, target.path, made.selections)
        return _make_report(read, target, made, Proof())
    from composegen.adopt.proving import ask_before

    with closing(ask_before(read)) as before:
        made = _make_and_write(read, options, target)
        proof = _prove(read, before, made, made.text, target.path)
    return _make_report(read, target, made, proof)


def _read(form: Format, project: Project) -> Read:
    """The project; what is needed next is imported while Compose reads it.

    That takes half as long as Compose does for twenty services.
    """
    with closing(form.ask(project)) as begun:
        from composegen.adopt import proving, translating  # noqa: F401

        return form.read(project, begun)


def _make_and_write(read: Read, options: Options, target: Target) -> Made:
    from composegen.adopt.translating import make_stack

    made = make_stack(read, options)
    if not target.is_printed:
        write_atomically(target.path, made.text)
    return made


def _prove(read: Read, before: Before, made: Made, text: str, path: Path) -> Proof:
    from composegen.adopt.proving import prove, render_selections

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
    from composegen.adopt.proving import ask_before
    from composegen.adopt.translating import make_stack

    form = FORMATS[asked.form]
    read = _read(form, form.find(asked, environment))
    with closing(ask_before(read)) as before:
        made = make_stack(read, Options())
        return _prove(read, before, made, text, path).unlisted
