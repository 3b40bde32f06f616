"""``composegen restart``."""

from __future__ import annotations

import click

from composegen.commands.acting import act_on_services, check_named
from composegen.commands.options import (
    complete_services,
    stack_option,
    take_over_option,
)


@click.command()
@click.argument(
    "services",
    metavar="SERVICE...",
    nargs=-1,
    shell_complete=complete_services,
)
@stack_option
@take_over_option
def restart(services: tuple[str, ...], file: str, take_over: bool) -> None:
    """Stop services and start them again.

    Ends when they are ready, or when one has failed. To use a changed stack file, run
    `composegen up`.
    """
    check_named(
        services,
        help="to restart everything: composegen down, then composegen up",
    )
    act_on_services("restart", services, file, take_over=take_over)
