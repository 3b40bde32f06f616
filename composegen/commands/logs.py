"""``composegen logs``."""

from __future__ import annotations

import click

from composegen.commands.options import (
    AtLeast,
    check_platform,
    complete_services,
    find_places,
    make_console,
    say_notes,
    stack_option,
)


@click.command()
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
    help="Number of lines per service.",
)
@click.option("--follow", is_flag=True, help="Keep printing new lines.")
def logs(services: tuple[str, ...], file: str, lines: int, follow: bool) -> None:
    """Show the last lines of the services' logs."""
    check_platform()
    place = find_places(file).find_place()
    read = place.read_logs(services, lines, follow=follow)
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
