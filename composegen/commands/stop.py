"""``composegen stop``."""

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
def stop(services: tuple[str, ...], file: str, take_over: bool) -> None:
    """Stop services; the others keep running.

    A stopped service is not restarted until `composegen start`.
    """
    check_named(services, help="to stop everything: composegen down")
    act_on_services("stop", services, file, take_over=take_over)
