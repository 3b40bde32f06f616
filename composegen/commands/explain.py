"""``composegen explain``."""

from __future__ import annotations

import click

from composegen.commands.declare import command
from composegen.commands.options import (
    complete_problems,
    make_console,
)


@command()
@click.argument("name", required=False, shell_complete=complete_problems)
def explain(name: str | None) -> None:
    """Explain a problem, with an example and its fix."""
    from composegen.stackfile.guide import list_problems, read_problem_page

    console = make_console()
    if name is not None:
        console.write_data(read_problem_page(name))
        return
    for level, key, title in list_problems():
        console.write_data(f"{level:<8} {key:<20} {title}\n")
