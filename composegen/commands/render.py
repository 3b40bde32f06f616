"""``composegen render``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from composegen.commands.declare import command, option
from composegen.commands.options import (
    be_brief,
    load_file,
    make_console,
    make_selection,
    say_notes,
    say_unset,
    selection_options,
    stack_option,
)
from composegen.commands.render_cluster import (
    Asked,
    cluster_options,
    make_cluster,
    render_for_cluster,
)
from composegen.commands.types import EngineName
from composegen.errors import ExitCode, UsageError
from composegen.system.imports import import_quickly
from composegen.text import count

if TYPE_CHECKING:
    from composegen.planning.plan import Plan
    from composegen.planning.selection import Selection
    from composegen.targets.files import Cluster
    from composegen.targets.output import Written
    from composegen.terminal.console import Console


@command()
@stack_option
@selection_options
@option(
    "--target",
    type=click.Choice(["compose", "kubernetes"]),
    default="compose",
    show_default=True,
    help="What the stack is rendered for.",
)
@option(
    "-o",
    "--output",
    metavar="FILE",
    help="The file to write; - is stdout.  "
    "[default: `output` of the stack file, else compose.yaml next to it; "
    "kubernetes.yaml for a cluster]",
)
@option(
    "--check",
    "only_check",
    is_flag=True,
    help="Write nothing; fail and show the difference if the file is out of date.",
)
@option(
    "--force",
    is_flag=True,
    help="Replace a file that composegen did not write; keep a .bak.",
)
@option(
    "--engine",
    type=EngineName(20),
    metavar="VERSION|podman",
    help="The oldest Docker Engine that must accept the file, or podman.  "
    "[default: 25]",
)
@option(
    "--against",
    metavar="FILE",
    multiple=True,
    help="Write nothing; fail if the stack says something else than this Compose "
    "file, beyond what `adopt` changes on purpose.  Repeat it for several files; "
    "compose.override.yaml is read next to a lone compose.yaml, as Compose does.",
)
@cluster_options
def render(
    file: str,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    target: str,
    output: str | None,
    **options: Any,
) -> None:
    """Write the Compose file of the stack, or the objects of a Kubernetes cluster."""
    be_brief()
    import_quickly("yaml")
    cluster = make_cluster(options)
    against, engine = options["against"], options["engine"]
    _check_target(target, cluster, engine=engine, against=against)
    if against:
        _compare(file, against)
        return
    if output == "-" and options["only_check"]:
        raise UsageError("--check needs a file to compare with; -o - is stdout")
    asked = Asked(
        file=file,
        selection=make_selection(added, removed),
        output=output,
        only_check=options["only_check"],
        force=options["force"],
        engine=engine,
        cluster=cluster,
    )
    if target == "kubernetes":
        render_for_cluster(asked)
    else:
        _render_for_compose(asked)


def _render_for_compose(asked: Asked) -> None:
    from composegen.stackfile.load import find_output
    from composegen.targets.output import (
        check_rendered,
        read_recorded,
        write_rendered,
    )

    console, file, output = make_console(), asked.file, asked.output
    folder = Path(file).parent
    usual = folder / find_output(Path(file))
    path = usual if output in {None, "-"} else Path(str(output))
    selection, engine = asked.selection, asked.engine
    if asked.only_check and not (selection.flags or engine):
        recorded = read_recorded(path)
        if recorded is not None:
            selection, engine = recorded.selection, recorded.engine
    plan, texts = _render(file, selection, path, engine)
    for text in texts:
        if asked.only_check:
            check_rendered(text, path)
            console.say(f"{path} is up to date")
            continue
        if output == "-":
            console.write_file(text)
        else:
            written = write_rendered(
                text, path, force=asked.force, is_named=output is not None
            )
            _say_written(console, written, path, plan)
            _say_missing_secrets(console, plan, folder)
        say_unset(file, plan, [text])


def _check_target(
    target: str, asked: Cluster | None, *, engine: str | None, against: tuple[str, ...]
) -> None:
    """Refuse an option of another target: it would have no effect."""
    if target == "compose" and asked is not None:
        raise UsageError(
            "--registry, --tag, --wait-image and --pod-security are for a cluster",
            help="composegen render --target kubernetes",
        )
    if target == "kubernetes" and (engine is not None or against):
        raise UsageError("--engine and --against are for Compose files")


def _render(
    file: str, selection: Selection, path: Path, engine: str | None
) -> tuple[Plan, list[str]]:
    """The plan of a stack, and its Compose file as it would be written to a path."""
    from composegen.planning.plan import make_plan
    from composegen.records import replace
    from composegen.targets.files import choose_engine
    from composegen.targets.output import find_prefix
    from composegen.targets.table import TARGETS

    plan = make_plan(load_file(file, selection).stack, selection)
    options = replace(
        choose_engine(engine or ""),
        prefix=find_prefix(path, Path(file).parent),
        name=path.name,
    )
    return plan, [each.text for each in TARGETS["compose"].render(plan, options)]


def _compare(file: str, against: tuple[str, ...]) -> None:
    """Prove that a stack still says what a Compose project says."""
    import os

    from composegen.adopt.adopting import compare_stack
    from composegen.adopt.printing import format_unlisted
    from composegen.adopt.project import Asked

    loaded = load_file(file)
    text = Path(file).read_text(encoding="utf-8-sig")
    console = make_console()
    services = count(len(loaded.stack.services), "service")
    found = []
    for files, note in _list_readings(against):
        asked = Asked(files=files)
        unlisted = compare_stack(text, Path(file), asked, os.environ)
        if not unlisted:
            say_notes(filter(None, [note]))
            verb = "says" if len(files) == 1 else "say"
            console.say(f"{file} says what {' and '.join(files)} {verb}: {services}")
            return
        found.append((unlisted, note))
    unlisted, note = found[0]
    say_notes(filter(None, [note]))
    console.say(format_unlisted(unlisted))
    raise SystemExit(ExitCode.PROBLEM)


def _list_readings(against: tuple[str, ...]) -> list[tuple[tuple[str, ...], str]]:
    """The files to compare with, and a note on each.

    Compose merges an override into the file that it finds by itself, and `adopt` reads
    both. A stack may also be made from the named file alone.
    """
    from composegen.adopt.project import find_override

    override = find_override(Path(against[0])) if len(against) == 1 else None
    if override is None:
        return [(against, "")]
    return [
        ((*against, str(override)), f"{override} is read too, as Compose does"),
        (against, f"{override} was not read: the stack says something else with it"),
    ]


def _say_written(console: Console, written: Written, path: Path, plan: Plan) -> None:
    from composegen.targets.output import Written

    services = count(len(plan.steps), "service")
    if written is Written.SAME:
        console.say(f"{path} is up to date: {services}")
    else:
        console.say(f"{written.value} {path}: {services}")


def _say_missing_secrets(console: Console, plan: Plan, folder: Path) -> None:
    from composegen.text import escape_control
    from composegen.workspace.secrets import list_missing_files

    missing = list_missing_files(plan.secrets.values(), folder)
    if missing:
        names = escape_control(", ".join(missing))
        console.say(f"missing: {names} (composegen secrets)")
