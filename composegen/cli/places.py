"""The commands that speak of what runs: on the engine, or as processes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from composegen.cli.group import cli
from composegen.cli.options import (
    AtLeast,
    check_platform,
    complete_services,
    format_option,
    load_file,
    make_console,
    say_distrusted,
    stack_option,
)
from composegen.errors import ComposegenError, ExitCode, UsageError

if TYPE_CHECKING:
    from composegen.model import Stack
    from composegen.places.engine.notes import Notes


def _find_notes(file: str) -> Notes | None:
    """What is up on the Docker engine; None where processes run, or nothing is up.

    Raises OtherEngine.
    """
    import os

    from composegen.places.engine.notes import read_notes
    from composegen.places.processes.records import RunFolder

    folder = Path(file).absolute().parent
    runs = RunFolder.find(folder)
    if runs is not None and runs.list_runs():
        return None
    return read_notes(folder, os.environ) or _find_unnoted(folder, file)


def _find_unnoted(folder: Path, file: str) -> Notes | None:
    from composegen.paths import is_file
    from composegen.places.engine.finding import COMPOSE_FILE, find_unnoted
    from composegen.planning.plan import make_plan

    if not is_file(folder / COMPOSE_FILE):
        return None
    return find_unnoted(
        folder, lambda selection: make_plan(load_file(file, selection).stack, selection)
    )


def _check_noted(notes: Notes, names: tuple[str, ...]) -> None:
    from composegen.text import find_near

    known = [each.name for each in notes.services]
    for name in names:
        if name not in known:
            near = find_near(name, known)
            raise UsageError(
                f"there is no service `{name}` in what is up",
                help=f"did you mean `{near}`?" if near else f"up: {', '.join(known)}",
            )


def _show_engine_status(notes: Notes, form: str) -> bool:
    from composegen.places.engine.place import look_at_engine
    from composegen.places.engine.status import format_seen
    from composegen.places.status import describe_statuses

    console = make_console()
    seen = look_at_engine(notes)
    if form == "json":
        console.write_json(describe_statuses(seen.statuses))
    else:
        console.write_data(format_seen(seen))
    return seen.is_up


def _explain_engine(notes: Notes, file: str, service: str) -> None:
    from composegen.places.engine.why import explain_engine
    from composegen.places.reasons import format_reasons

    console = make_console()
    _check_noted(notes, (service,) if service else ())
    reasons = explain_engine(notes, Path(file).absolute().parent, service)
    if reasons:
        console.write_data(format_reasons(reasons))
        raise SystemExit(ExitCode.PROBLEM)
    console.say(f"{service or 'everything'} is up")


def _take_engine_down(file: str) -> bool:
    """Take down what is up on the engine; whether anything was."""
    from composegen.places.engine.place import take_engine_down

    notes = _find_notes(file)
    if notes is None:
        return False
    console = make_console()
    taken = take_engine_down(notes, Path(file).absolute().parent)
    if taken is None:
        raise SystemExit(ExitCode.PROBLEM)
    console.say(f"took {taken.project} down")
    if taken.volumes:
        names = " ".join(taken.volumes)
        console.say(f"its data stays; to remove it: docker volume rm {names}")
    return True


@cli.command()
@stack_option
@format_option
@click.option("--watch", is_flag=True, help="Show it anew every second.")
def status(file: str, form: str, watch: bool) -> None:
    """Show how every service is doing.

    Ends with 0 when all that is required is up.
    """
    import time

    check_platform()
    say_distrusted(file)
    notes = _find_notes(file)
    if notes is not None:
        is_up = _show_engine_status(notes, form)
        while watch:
            time.sleep(1)
            is_up = _show_engine_status(notes, form)
        if not is_up:
            raise SystemExit(ExitCode.PROBLEM)
        return
    from composegen.places.processes.place import format_statuses, look_at_runs
    from composegen.places.status import describe_statuses

    console = make_console()
    stack, folder = _load_beside_runs(file), Path(file).absolute().parent
    while True:
        seen = look_at_runs(stack, folder)
        for note in seen.notes:
            console.say(f"note: {note}")
        if not seen.is_running:
            was = "; this is how the last run ended" if seen.has_ended else ""
            console.say(
                f"nothing runs here: composegen up or composegen run starts it{was}"
            )
        if form == "json":
            console.write_json(describe_statuses(seen.statuses))
        else:
            console.write_data(format_statuses(seen))
        if not watch:
            break
        time.sleep(1)
    if not seen.is_up:
        raise SystemExit(ExitCode.PROBLEM)


@cli.command()
@click.argument("service", required=False, default="", shell_complete=complete_services)
@stack_option
def why(service: str, file: str) -> None:
    """Say why a service is not up.

    What blocks it, the cause, its last lines.
    """
    check_platform()
    say_distrusted(file)
    notes = _find_notes(file)
    if notes is not None:
        _explain_engine(notes, file, service)
        return
    from composegen.places.processes.place import (
        NothingRuns,
        find_reasons,
        look_at_runs,
    )

    console = make_console()
    folder = Path(file).absolute().parent
    seen = look_at_runs(_load_beside_runs(file), folder)
    _check_services((service,) if service else (), seen.names)
    reasons = find_reasons(folder, seen, service)
    for note in seen.notes:
        console.say(f"note: {note}")
    if not seen.is_running:
        if seen.ending:
            console.say("nothing runs here as processes")
            console.write_data(f"{seen.ending}\n")
            raise SystemExit(ExitCode.PROBLEM)
        if not seen.failures:
            raise NothingRuns(
                "nothing runs here", help="start it: composegen up, or composegen run"
            )
        console.say("nothing runs here as processes; this is how the last run ended")
    for reason in reasons:
        console.write_data(str(reason))
    if reasons:
        raise SystemExit(ExitCode.PROBLEM)
    console.say(f"{service or 'everything'} is up")


@cli.command()
@click.argument(
    "services",
    metavar="[SERVICE]...",
    nargs=-1,
    shell_complete=complete_services,
)
@stack_option
@click.option(
    "-n",
    "--lines",
    type=AtLeast(0),
    metavar="COUNT",
    default=20,
    show_default=True,
    help="How many of each.",
)
@click.option("--follow", is_flag=True, help="Go on with what comes.")
def logs(services: tuple[str, ...], file: str, lines: int, follow: bool) -> None:
    """Show the last lines of the services' logs."""
    from itertools import chain

    check_platform()
    say_distrusted(file)
    notes = _find_notes(file)
    if notes is not None:
        from composegen.places.engine.place import show_logs

        _check_noted(notes, services)
        code = show_logs(notes, services, lines, follow=follow)
        if code:
            raise SystemExit(ExitCode.PROBLEM)
        return
    from composegen.places.processes.place import (
        follow_logs,
        list_logged,
        look_at_runs,
        read_logs,
    )

    console = make_console()
    folder = Path(file).absolute().parent
    seen = look_at_runs(_load_beside_runs(file), folder)
    known = seen.names
    _check_services(services, (*known, *list_logged(folder)))
    names = services or known or list_logged(folder)
    width = max(map(len, names))
    if not seen.is_running and list_logged(folder):
        console.say("note: nothing runs here: these are lines of earlier runs")
    shown = read_logs(folder, names, lines)
    has_shown = follow
    for name, line in chain(shown, follow_logs(folder, names) if follow else ()):
        prefix = f"{name:<{width}} | " if len(names) > 1 else ""
        console.write_data(f"{prefix}{line}\n")
        has_shown = True
    if not has_shown:
        console.say("nothing has been logged here")


@cli.command()
@stack_option
def down(file: str) -> None:
    """End what runs in this folder."""
    check_platform()
    from composegen.places.processes.place import take_down

    console = make_console()
    say_distrusted(file)
    ended = take_down(Path(file).absolute().parent, console.say)
    for run in ended:
        what = ", ".join(run.names) or "the whole stack"
        console.say(f"ended the run of {what}, pid {run.supervisor.pid}")
    if not _take_engine_down(file) and not ended:
        console.say("nothing runs here")


def _load_beside_runs(file: str) -> Stack | None:
    """The stack; None where its file is wrong and runs can speak for themselves."""
    from composegen.places.processes.place import has_records

    try:
        return load_file(file).stack
    except ComposegenError:
        if not has_records(Path(file).absolute().parent):
            raise
        make_console().say(
            f"note: {file} cannot be used as it is now (composegen check says why): "
            "told is what runs know"
        )
        return None


def _check_services(names: tuple[str, ...], known: tuple[str, ...]) -> None:
    from composegen.places.processes.plan import check_services

    check_services(names, known)
