"""``composegen graph``."""

from __future__ import annotations

import click

from composegen.commands.options import (
    check_platform,
    find_places,
    load_plan,
    make_console,
    make_selection,
    selection_options,
    stack_option,
)


@click.command()
@stack_option
@selection_options
@click.option(
    "--now",
    is_flag=True,
    help="Also mark the services that failed and are excluded where the stack runs.",
)
def graph(
    file: str, added: tuple[str, ...], removed: tuple[str, ...], now: bool
) -> None:
    """Print the stack as a Mermaid flowchart.

    Excluded services are drawn faint.
    """
    from composegen.targets.mermaid import draw_plan

    console = make_console()
    plan = load_plan(file, make_selection(added, removed))
    console.write_file(draw_plan(plan, _list_failed(file) if now else ()))


def _list_failed(file: str) -> tuple[str, ...]:
    """The services that are excluded now because they failed."""
    check_platform()
    from composegen.places.status import State

    return tuple(
        each.service
        for place in find_places(file).find_shown()
        for each in place.look().statuses
        if each.state is State.EXCLUDED and each.fallback
    )
