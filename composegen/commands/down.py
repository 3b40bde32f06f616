"""``composegen down``."""

from __future__ import annotations

import click

from composegen.commands.options import (
    check_platform,
    find_places,
    make_console,
    stack_option,
    take_over_option,
)


@click.command()
@stack_option
@take_over_option
def down(file: str, take_over: bool) -> None:
    """Stop everything that runs in this folder."""
    check_platform()
    console = make_console()
    ended = 0
    for sentence in find_places(file).take_down(console.say, take_over=take_over):
        console.say(sentence)
        ended += 1
    if not ended:
        console.say("nothing runs here")
