"""``composegen why``."""

from __future__ import annotations

import click

from composegen.commands.declare import command
from composegen.commands.options import (
    check_platform,
    complete_services,
    find_places,
    make_console,
    say_notes,
    stack_option,
)
from composegen.commands.where import head_place, on_option
from composegen.errors import ExitCode


@command()
@click.argument("service", required=False, default="", shell_complete=complete_services)
@stack_option
@on_option("Where the stack runs, if it runs in several places.")
def why(service: str, file: str, on: str) -> None:
    """Explain why a service is not up.

    Shows what blocks it, the cause, a fix, and its last log lines.
    """
    check_platform()
    from composegen.places.reasons import format_reasons

    console = make_console()
    places = find_places(file).find_shown(on)
    has_reasons = False
    for number, place in enumerate(places):
        explanation = place.explain(service)
        if len(places) > 1:
            console.say(head_place(place.name, number).rstrip("\n"))
        say_notes(explanation.notes)
        if explanation.heading:
            console.say(explanation.heading)
        console.write_data(format_reasons(explanation.reasons) + explanation.ending)
        if explanation.reasons or explanation.ending:
            has_reasons = True
        else:
            console.say(f"{service or 'everything'} is up")
    if has_reasons:
        raise SystemExit(ExitCode.PROBLEM)
