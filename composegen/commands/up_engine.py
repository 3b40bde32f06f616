"""``composegen up`` on the Docker engine: the plan, and how it is brought up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from composegen.commands.boarding import serve_board
from composegen.commands.options import (
    load_file,
    load_plan,
    make_console,
    make_workspace,
    settle_drill,
)
from composegen.commands.recording import BootWatch

if TYPE_CHECKING:
    from composegen.commands.up_asked import Asked
    from composegen.places.engine.up import UpOptions
    from composegen.planning.plan import Plan
    from composegen.planning.selection import Selection
    from composegen.targets.output import Recorded
    from composegen.terminal.console import Console


def up_on_engine(asked: Asked) -> int:
    """Bring the stack up on the Docker engine; the exit code."""
    from composegen.places.engine.up import up_stack
    from composegen.planning.plan import take_part
    from composegen.records import replace
    from composegen.targets.output import read_recorded
    from composegen.terminal.live import UpConsole

    console, workspace = make_console(), make_workspace(asked.file)
    settle_drill(asked.file, acts=True)
    recorded = read_recorded(workspace.compose_file)
    selection = asked.choose(recorded)
    if asked.services:
        selection, names = _choose_named(asked, selection)
        asked = replace(asked, services=names)
    plan = _make_plan(asked, selection)
    watch = BootWatch(
        "engine",
        workspace,
        lambda: take_part(plan, asked.services) if asked.services else plan,
        UpConsole(console).show,
        report_file=asked.flags["report_file"],
    )
    options = _make_options(asked, plan, recorded, console)
    board = serve_board(asked.file, is_wanted=asked.flags["with_board"])
    with board, watch.until_interrupted():
        return up_stack(plan, workspace, options, report=watch.see)


def _choose_named(
    asked: Asked, selection: Selection
) -> tuple[Selection, tuple[str, ...]]:
    """The selection that chooses the named services, and their own names."""
    from composegen.planning.choices import choose_named

    return choose_named(load_file(asked.file).stack, selection, asked.services)


def _make_plan(asked: Asked, selection: Selection) -> Plan:
    """The plan for a selection, with the named services even if that excludes them.

    Raises what loading the stack does, and UsageError for a name that is not known.
    """
    from composegen.places.place import check_services
    from composegen.planning.selection import add_named

    plan = load_plan(asked.file, selection)
    check_services(asked.services, plan.stack.services)
    excluded = [name for name in asked.services if name not in plan.names]
    if not excluded:
        return plan
    asked.check_excluded(excluded)
    return load_plan(asked.file, add_named(selection, excluded))


def _make_options(
    asked: Asked, plan: Plan, recorded: Recorded | None, console: Console
) -> UpOptions:
    from composegen.places.engine.up import UpOptions

    return UpOptions(
        build=asked.flags["build"] is not False,
        limit=asked.wait,
        engine=recorded.engine if recorded is not None else "",
        is_chosen=asked.is_chosen,
        names=asked.services,
        required=plan.added if asked.is_chosen else (),
        in_terminal=console.err.isatty(),
        take_over=asked.flags["take_over"],
        stay=asked.stay,
        ask=console.confirm if console.can_ask else None,
    )
