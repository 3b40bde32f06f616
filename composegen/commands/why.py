"""``composegen why``."""

from __future__ import annotations

import click

from composegen.commands.options import (
    check_platform,
    complete_services,
    find_places,
    make_console,
    say_notes,
    stack_option,
)
from composegen.errors import ExitCode


@click.command()
@click.argument("service", required=False, default="", shell_complete=complete_services)
@stack_option
def why(service: str, file: str) -> None:
    """Explain why a service is not up.

    Shows what blocks it, the cause, a fix, and its last log lines.
    """
    check_platform()
    explanation = find_places(file).find_place().explain(service)
    from composegen.places.reasons import format_reasons

    console = make_console()
    say_notes(explanation.notes)
    if explanation.heading:
        console.say(explanation.heading)
    console.write_data(format_reasons(explanation.reasons) + explanation.ending)
    if explanation.reasons or explanation.ending:
        raise SystemExit(ExitCode.PROBLEM)
    console.say(f"{service or 'everything'} is up")
