"""``composegen harden``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from composegen.commands.declare import command
from composegen.commands.options import (
    check_platform,
    complete_services,
    format_option,
    load_file,
    make_console,
    make_workspace,
    stack_option,
)
from composegen.errors import ExitCode

if TYPE_CHECKING:
    from composegen.places.engine.harden import Tried
    from composegen.planning.plan import Plan
    from composegen.planning.selection import Selection
    from composegen.stackfile.relaxing import Relaxed, Relaxing
    from composegen.terminal.console import Console


@command()
@click.argument("service", metavar="SERVICE", shell_complete=complete_services)
@stack_option
@format_option
def harden(service: str, file: str, form: str) -> None:
    """Take away each `relax` of a service that it does not need.

    Starts the service with what it needs on the Docker engine, in a project of its own
    that is removed afterwards: without what it relaxes, on new volumes and on volumes
    that it has filled before. Then rewrites its `relax` in the stack file: what stays
    gets what was found as its reason, unless you have written one.

    Ends with 0 if nothing is relaxed any more, and with 1 if something remains.
    """
    check_platform()
    from composegen.places.engine.harden import harden_service
    from composegen.places.place import check_services

    console = make_console()
    check_services((service,), load_file(file).stack.services)
    relaxing, selection = _read(file, service)
    if not relaxing.names:
        _show(console, (), form)
        console.say(f"`{service}` relaxes nothing")
        return
    relaxing.take(relaxing.names)  # what cannot be rewritten is not tried

    def make(names: frozenset[str]) -> Plan:
        from composegen.planning.plan import make_plan, take_part

        stack = relaxing.take(names).stack if names else relaxing.stack
        return take_part(make_plan(stack, selection), (service,))

    tried = harden_service(
        service, relaxing.names, make, make_workspace(file), tell=console.say
    )
    _show(console, tried, form)
    taken = [each.name for each in tried if each.is_taken]
    found = {each.name: each.why for each in tried if not each.is_taken}
    relaxed = relaxing.take(taken, found)
    if taken or relaxed.stack != relaxing.stack:
        relaxing.save(relaxed)
        _say_written(console, relaxed, file, service)
    else:
        console.say(f"{file} was not changed")
    if len(taken) < len(tried):
        raise SystemExit(ExitCode.PROBLEM)


def _read(file: str, service: str) -> tuple[Relaxing, Selection]:
    """The file and the selection that has the service, which may be disabled."""
    from composegen.planning.plan import make_plan
    from composegen.planning.selection import Selection, add_named
    from composegen.stackfile.relaxing import Relaxing

    selection = Selection()
    relaxing = Relaxing(Path(file), file, service, selection)
    if service in make_plan(relaxing.stack, selection).names:
        return relaxing, selection
    selection = add_named(selection, (service,))
    return Relaxing(Path(file), file, service, selection), selection


def _show(console: Console, tried: tuple[Tried, ...], form: str) -> None:
    if form == "json":
        console.write_json(
            [
                {
                    "name": each.name,
                    "taken_away": each.is_taken,
                    "seen": None if each.seen is None else str(each.seen),
                    "help": each.help or None,
                }
                for each in tried
            ]
        )
        return
    for each in tried:
        if each.seen is None:
            console.write_data(f"{each.name}: no longer relaxed\n")
            continue
        seen = str(each.seen).rstrip().replace("\n", "\n  ")
        console.write_data(f"{each.name}: remains relaxed\n  {seen}\n")


def _say_written(console: Console, relaxed: Relaxed, file: str, service: str) -> None:
    written = relaxed.edited.written
    now = f"relax: {written}" if written else f"`{service}` has no `relax` any more"
    console.say(f"wrote {file}:{relaxed.edited.line}: {now}")
    if relaxed.kept:
        where = "the top level" if ("relax",) in relaxed.stack.places else "its recipe"
        names = ", ".join(relaxed.kept)
        console.say(
            f"note: {where} relaxes {names}, and still does for other services; "
            f"`false` keeps it in `{service}`"
        )
    console.say("to use it: composegen up")
