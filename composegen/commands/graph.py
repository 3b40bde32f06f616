"""``composegen graph``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from composegen.commands.declare import command, option
from composegen.commands.options import (
    check_platform,
    find_places,
    find_title,
    load_plan,
    make_console,
    make_selection,
    selection_options,
    stack_option,
)

if TYPE_CHECKING:
    from composegen.places.status import ServiceStatus
    from composegen.planning.plan import Plan


@command()
@stack_option
@selection_options
@option(
    "--now",
    is_flag=True,
    help="Also mark the services that failed and are excluded where the stack runs.",
)
@option(
    "--format",
    "form",
    type=click.Choice(["mermaid", "svg", "html"]),
    default="mermaid",
    show_default=True,
    help="The output format: a flowchart, a picture, or a page.",
)
def graph(
    file: str, added: tuple[str, ...], removed: tuple[str, ...], now: bool, form: str
) -> None:
    """Print the stack as a graph: services, needs, and what is excluded.

    Excluded services are drawn faint.
    """
    plan = load_plan(file, make_selection(added, removed))
    statuses = _look(file) if now else ()
    title = "" if form == "mermaid" else find_title(file, plan.stack)
    make_console().write_file(_draw(plan, statuses, form, title))


def _draw(
    plan: Plan, statuses: tuple[ServiceStatus, ...], form: str, title: str
) -> str:
    """The plan in a format, with the state of its services where one is known."""
    if form == "mermaid":
        from composegen.targets.mermaid import draw_plan

        return draw_plan(plan, _list_failed(statuses))
    from composegen.board.scene import make_scene
    from composegen.board.svg import Mark, draw_scene

    scene = make_scene(plan, title)
    marks = {
        each.service: Mark(state=each.state, detail=each.reason or "")
        for each in statuses
    }
    if form == "svg":
        return draw_scene(scene, marks)
    from composegen.board.html import write_graph

    return write_graph(scene, marks)


def _list_failed(statuses: tuple[ServiceStatus, ...]) -> tuple[str, ...]:
    """The services that are excluded now because they failed."""
    from composegen.places.status import State

    return tuple(
        each.service
        for each in statuses
        if each.state is State.EXCLUDED and each.fallback
    )


def _look(file: str) -> tuple[ServiceStatus, ...]:
    """How the services are doing where the stack runs."""
    check_platform()
    return tuple(
        each
        for place in find_places(file).find_shown()
        for each in place.look().statuses
    )
