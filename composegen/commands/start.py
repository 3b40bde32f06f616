"""``composegen start``."""

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
def start(services: tuple[str, ...], file: str, take_over: bool) -> None:
    """Start stopped services, with what they require.

    Ends when they are ready, or when one has failed.
    """
    check_named(services, help="to start everything: composegen up, or composegen run")
    act_on_services("start", services, file, take_over=take_over)
