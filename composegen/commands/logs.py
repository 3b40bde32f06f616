"""``composegen logs``."""

from __future__ import annotations

from pathlib import Path

import click

from composegen.commands.options import (
    AtLeast,
    check_platform,
    find_places,
    long_stack_option,
    make_console,
    say_notes,
    services_argument,
)
from composegen.errors import ComposegenError, UsageError


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


@click.command()
@services_argument()
@long_stack_option
@click.option(
    "-n",
    "--lines",
    type=AtLeast(0),
    metavar="COUNT",
    default=20,
    show_default=True,
    help="Number of lines per service.",
)
@click.option("-f", "--follow", is_flag=True, help="Keep printing new lines.")
def logs(services: tuple[str, ...], file: str, lines: int, follow: bool) -> None:
    """Show the last lines of the services' logs."""
    check_platform()
    try:
        place = find_places(file).find_place()
        read = place.read_logs(services, lines, follow=follow)
    except ComposegenError:
        _check_no_file(services, file)
        raise
    console = make_console()
    say_notes(read.notes)
    width = max(map(len, read.names), default=0)
    has_shown = follow
    for name, line in read.lines:
        prefix = f"{name:<{width}} | " if len(read.names) > 1 else ""
        console.write_data(f"{prefix}{line}\n")
        has_shown = True
    if not has_shown:
        console.say("no service has logged anything here")
