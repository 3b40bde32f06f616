"""``composegen logs``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from composegen.commands.declare import command, option
from composegen.commands.options import (
    check_platform,
    find_places,
    long_stack_option,
    make_console,
    say_notes,
    services_argument,
)
from composegen.commands.types import AtLeast
from composegen.commands.where import head_place, on_option
from composegen.errors import ComposegenError, UsageError

if TYPE_CHECKING:
    from composegen.places.place import Logs


def _check_no_file(services: tuple[str, ...], file: str) -> None:
    """Raises UsageError for a stack file that was typed after ``-f``."""
    from composegen.paths import is_file
    from composegen.stackfile.load import find_service_names

    known = find_service_names(Path(file))
    for word in services:
        if word not in known and is_file(Path(word)):
            raise UsageError(
                f"`{word}` is a file and no service; -f means --follow here",
                help=f"name the stack file with --file {word}",
            )


@command()
@services_argument()
@long_stack_option
@option(
    "-n",
    "--lines",
    "--tail",
    type=AtLeast(0),
    metavar="COUNT",
    default=20,
    show_default=True,
    help="Number of lines per service.",
)
@on_option("Where the stack runs, if it runs in several places.")
@option("-f", "--follow", is_flag=True, help="Keep printing new lines.")
def logs(
    services: tuple[str, ...], file: str, lines: int, on: str, follow: bool
) -> None:
    """Show the last lines of the services' logs."""
    check_platform()
    try:
        places = find_places(file).find_shown(on)
        if follow:
            from composegen.places.find import check_one_place

            check_one_place(each.name for each in places)
        reads = [
            (place.name, place.read_logs(services, lines, follow=follow))
            for place in places
        ]
    except ComposegenError:
        _check_no_file(services, file)
        raise
    console = make_console()
    for number, (name, read) in enumerate(reads):
        if len(reads) > 1:
            console.write_data(head_place(name, number))
        if not _show(read) and not follow:
            console.say("no service has logged anything here")


def _show(read: Logs) -> bool:
    """Print the lines as they come; whether there were any."""
    console = make_console()
    say_notes(read.notes)
    width = max(map(len, read.names), default=0)
    has_shown = False
    for name, line in read.lines:
        is_named = len(read.names) > 1 or "/" in name
        prefix = f"{name:<{width}} | " if is_named else ""
        console.write_data(f"{prefix}{line}\n")
        has_shown = True
    return has_shown
