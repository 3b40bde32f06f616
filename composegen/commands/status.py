"""``composegen status``."""

from __future__ import annotations

import time

import click

from composegen.commands.options import (
    check_platform,
    find_places,
    format_option,
    make_console,
    say_notes,
    stack_option,
)
from composegen.errors import ExitCode


@click.command()
@stack_option
@format_option
@click.option("--watch", is_flag=True, help="Refresh every second.")
def status(file: str, form: str, watch: bool) -> None:
    """Show the state of every service.

    Ends with 0 when every required service is up.
    """
    check_platform()
    place = find_places(file).find_place()
    from composegen.places.status import describe_statuses, format_statuses

    console = make_console()
    while True:
        seen = place.look()
        say_notes(seen.notes)
        if not seen.is_running:
            was = "; this is how the last run ended" if seen.has_ended else ""
            console.say(
                f"nothing runs here: composegen up or composegen run starts it{was}"
            )
        if form == "json":
            console.write_json(describe_statuses(seen.statuses))
        else:
            width = console.measure_width("out")
            table = format_statuses(seen.statuses, seen.excluded, width=width)
            console.write_data(table)
        if not watch:
            break
        time.sleep(1)
    if not seen.is_up:
        raise SystemExit(ExitCode.PROBLEM)
