"""``composegen drill``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from composegen.commands.declare import command, option
from composegen.commands.options import (
    check_platform,
    find_places,
    load_file,
    make_console,
    make_workspace,
    services_argument,
    stack_option,
)
from composegen.commands.types import Time
from composegen.commands.where import on_option
from composegen.errors import ExitCode, NotDrillable, NothingRuns, UsageError

if TYPE_CHECKING:
    from composegen.drill.rows import Report
    from composegen.drill.steps import Step
    from composegen.drill.trials import Chosen, Fault
    from composegen.model import Stack
    from composegen.places.place import Place

_STRIP, _NARROWEST = 60, 20


@command()
@services_argument()
@stack_option
@on_option("Where the stack runs, if it runs in several places.")
@option(
    "--faults",
    metavar="FAULT,..",
    help="Only these: stop, kill, freeze, cut, without.",
)
@option(
    "--for",
    "stand",
    type=Time(),
    default="3s",
    metavar="TIME",
    show_default=True,
    help="How long a fault stands.",
)
@option(
    "--within",
    "recover",
    type=Time(),
    default="10s",
    metavar="TIME",
    show_default=True,
    help="How long recovery may take.",
)
@option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "junit"]),
    default="text",
    show_default=True,
    help="The output format.",
)
@option(
    "--picture",
    metavar="FILE.svg",
    help="Also draw the answers over time, with the faults as bands.",
)
@option("--yes", is_flag=True, help="Begin without a question.")
@option("--steps", is_flag=True, hidden=True)  # for the board, a line each
@option("--undo", is_flag=True, help="Undo what a drill that was killed has left.")
def drill(services: tuple[str, ...], file: str, **options: Any) -> None:
    """Disturb what a running stack needs, and report who copes.

    Each service that others need is stopped, killed, frozen, cut off from its networks
    and excluded, one after another, and each fault is undone. Meanwhile the services
    that need it are asked what their `drill` says, or their health check.

    Ends with 0 when every need holds, with 1 when one does not, or when a service that
    was up before is not up after it.
    """
    from composegen.drill.report import list_down

    check_platform()
    if options["undo"]:
        _undo(file)
        return
    wanted = _read_faults(options["faults"])
    picture = options["picture"]
    if picture is not None:
        _check_picture(picture)
    stack, place = _find(file, services, options["on"])
    report = _run(place, file, stack, services, wanted, options)
    if report is None:
        make_console().say("nothing was done")
        raise SystemExit(ExitCode.PROBLEM)
    if options["form"] != "text":
        for line in list_down(report):
            make_console().say(line)
    if options["steps"]:
        _show_end(report)
    else:
        _show(report, options["form"], stack.name)
    if picture is not None:
        _draw(report, picture)
    if report.has_failure:
        raise SystemExit(ExitCode.PROBLEM)


def _find(file: str, services: tuple[str, ...], on: str) -> tuple[Stack, Place]:
    """What runs, and the stack file as it is read for where that is.

    Raises NotDrillable where nothing runs, and UsageError for a name that is not known.
    """
    from composegen.places.names import KUBERNETES
    from composegen.places.place import check_services

    finder = find_places(file, acts=True)
    nothing: NothingRuns | None = None
    try:
        place = finder.find_acting(on)
        is_there = place.name == KUBERNETES
    except NothingRuns as error:
        nothing, is_there = error, False
    stack = load_file(file, target="kubernetes" if is_there else "compose").stack
    check_services(services, stack.services)
    if nothing is not None:
        raise NotDrillable(nothing.message, help=nothing.help)
    return stack, place


def _run(
    place: Place,
    file: str,
    stack: Stack,
    services: tuple[str, ...],
    faults: tuple[Fault, ...],
    options: Mapping[str, Any],
) -> Report | None:
    """Drill what runs; None where a person says no. Raises NotDrillable and more."""
    from composegen.drill.conduct import Pace
    from composegen.drill.session import Talk, run_drill
    from composegen.drill.trials import Wish

    console = make_console()
    return run_drill(
        place,
        make_workspace(file),
        stack,
        Wish(names=services, faults=faults),
        Pace(stand=options["stand"], recover=options["recover"]),
        Talk(
            confirm=lambda chosen: _confirm(chosen, is_sure=options["yes"]),
            tell=console.say,
            show=_show_step if options["steps"] else lambda _: None,
        ),
    )


def _undo(file: str) -> None:
    from composegen.drill.leftover import undo_leftover
    from composegen.workspace.state import NotTrusted

    console = make_console()
    try:
        was_left = undo_leftover(
            make_workspace(file),
            lambda target: load_file(file, target=target).stack,
            console.say,
            patience=10.0,
        )
    except NotTrusted as refused:
        raise UsageError(str(refused), help=refused.help) from None
    console.say("undone" if was_left else "there is nothing to undo")


def _read_faults(text: str | None) -> tuple[Fault, ...]:
    """The faults that were named. Raises UsageError."""
    from composegen.drill.trials import Fault
    from composegen.text import suggest

    known = [each.value for each in Fault]
    names = [] if text is None else [each.strip() for each in text.split(",")]
    for name in names:
        if not name:
            raise UsageError(
                "--faults: a fault is missing", help=f"there are {', '.join(known)}"
            )
        if name not in known:
            raise UsageError(
                f"--faults: there is no fault `{name}`",
                help=suggest(name, known, f"there are {', '.join(known)}"),
            )
    return tuple(Fault(name) for name in dict.fromkeys(names))


def _check_picture(picture: str) -> None:
    from composegen.paths import is_folder

    path = Path(picture)
    if path.suffix != ".svg":
        raise UsageError(f"--picture {picture}: the picture is SVG: name it .svg")
    if not is_folder(path.absolute().parent):
        raise UsageError(f"--picture {picture}: there is no such folder")


def _confirm(chosen: Chosen, *, is_sure: bool) -> bool:
    """List what will be done; raises UsageError where there is no one to ask."""
    from composegen.drill.report import format_chosen

    console = make_console()
    if not chosen.trials:
        return True  # nothing is done: the report says why
    console.say("this will be done to what runs here, one after another:")
    console.say(format_chosen(chosen).rstrip("\n"))
    if is_sure:
        return True
    if not console.can_ask:
        raise UsageError(
            "there is no terminal to ask whether this may be done",
            help="composegen drill --yes",
        )
    return console.confirm("begin?")


def _show(report: Report, form: str, name: str) -> None:
    from composegen.drill.picture import draw_strip
    from composegen.drill.report import describe_report, format_report, write_junit

    console = make_console()
    if form == "json":
        console.write_json(describe_report(report))
    elif form == "junit":
        console.write_file(write_junit(report, name or "drill"))
    else:
        width = console.measure_width("out")
        console.write_data(format_report(report, width=width))
        if report.bands:
            columns = _STRIP if width is None else max(_NARROWEST, width - 20)
            console.write_data(f"\n{draw_strip(report, width=columns)}")


def _show_step(step: Step) -> None:
    from composegen.drill.steps import describe_step

    _write_line(describe_step(step))


def _show_end(report: Report) -> None:
    from composegen.drill.report import format_report
    from composegen.drill.steps import describe_end

    _write_line(describe_end(report, format_report(report)))


def _write_line(data: Mapping[str, Any]) -> None:
    import json

    make_console().write_data(f"{json.dumps(data)}\n")


def _draw(report: Report, picture: str) -> None:
    from composegen.drill.picture import draw_svg
    from composegen.system.files import write_atomically

    write_atomically(Path(picture), draw_svg(report))
    make_console().say(f"wrote {picture}")
