"""``composegen graph``."""

from __future__ import annotations

import click

from composegen.commands.options import (
    load_plan,
    make_console,
    make_selection,
    selection_options,
    stack_option,
)


@click.command()
@stack_option
@selection_options
def graph(file: str, added: tuple[str, ...], removed: tuple[str, ...]) -> None:
    """Print the stack as a Mermaid flowchart.

    Excluded services are drawn faint.
    """
    from composegen.targets.mermaid import draw_plan

    console = make_console()
    console.write_file(draw_plan(load_plan(file, make_selection(added, removed))))
