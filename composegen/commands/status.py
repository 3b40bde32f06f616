"""``composegen status``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from composegen.commands.declare import command, option
from composegen.commands.options import (
    check_platform,
    find_places,
    format_option,
    make_console,
    say_notes,
    stack_option,
)
from composegen.commands.where import head_place, on_option
from composegen.errors import ExitCode

if TYPE_CHECKING:
    from composegen.places.place import Place


@command()
@stack_option
@format_option
@on_option("Where the stack runs, if it runs in several places.")
@option("--watch", is_flag=True, help="Refresh every second.")
def status(file: str, form: str, on: str, watch: bool) -> None:
    """Show the state of every service.

    Ends with 0 when every required service is up.
    """
    check_platform()
    places = find_places(file).find_shown(on)
    while True:
        are_up = _show(places, form)
        if not watch:
            break
        time.sleep(1)
    if not are_up:
        raise SystemExit(ExitCode.PROBLEM)


def _show(places: tuple[Place, ...], form: str) -> bool:
    """Show every service of each place; whether all that is required is up."""
    from composegen.places.status import describe_statuses, format_statuses

    console = make_console()
    looks = [(place.name, place.look()) for place in places]
    for number, (name, seen) in enumerate(looks):
        say_notes(seen.notes)
        if not seen.is_running:
            was = "; this is how the last run ended" if seen.has_ended else ""
            console.say(
                f"nothing runs here: composegen up or composegen run starts it{was}"
            )
        if form == "json":
            continue
        if len(looks) > 1:
            console.write_data(head_place(name, number))
        width = console.measure_width("out")
        console.write_data(format_statuses(seen.statuses, seen.excluded, width=width))
    if form == "json":
        rows = [
            {**row, "place": name} if len(looks) > 1 else row
            for name, seen in looks
            for row in describe_statuses(seen.statuses)
        ]
        console.write_json(rows)
    return all(seen.is_up for _, seen in looks)
