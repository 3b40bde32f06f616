"""``composegen up``."""

from __future__ import annotations

from typing import Any

import click

from composegen.commands.options import (
    check_platform,
    load_file,
    make_console,
    make_selection,
    make_workspace,
    selection_options,
    stack_option,
    take_over_option,
)


class _Time(click.ParamType[float]):
    """A duration in Compose's form, in seconds."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        from composegen.values import parse_duration

        try:
            duration = parse_duration(str(value))
        except ValueError:
            self.fail(f"`{value}` is not a duration such as 90s or 2m30s", param, ctx)
        return duration.seconds


@click.command()
@stack_option
@selection_options
@click.option("--no-build", is_flag=True, help="Do not build images.")
@click.option(
    "--wait",
    type=_Time(),
    metavar="TIME",
    help="One deadline for everything, such as 2m.  [default: each service's boot]",
)
@take_over_option
def up(
    file: str,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    no_build: bool,
    wait: float | None,
    take_over: bool,
) -> None:
    """Bring the stack up on the Docker engine.

    Ends when every service is ready, or when a required one cannot become ready.
    Without --with and --without it updates compose.yaml and keeps its selection.
    """
    check_platform()
    from composegen.places.engine.up import UpOptions, up_stack
    from composegen.planning.plan import make_plan
    from composegen.targets.files import OLDEST_START_INTERVAL
    from composegen.targets.output import read_recorded
    from composegen.terminal.live import UpConsole

    console = make_console()
    workspace = make_workspace(file)
    selection = make_selection(added, removed)
    recorded = read_recorded(workspace.compose_file)
    is_chosen = bool(added or removed)
    if not is_chosen and recorded is not None:
        selection = recorded.selection
    engine = recorded.engine if recorded is not None else None
    made = make_plan(load_file(file, selection).stack, selection)
    options = UpOptions(
        build=not no_build,
        limit=wait,
        engine=engine or OLDEST_START_INTERVAL,
        is_chosen=is_chosen,
        in_terminal=console.err.isatty(),
        take_over=take_over,
        ask=console.confirm if console.can_ask else None,
    )
    code = up_stack(made, workspace, options, report=UpConsole(console).show)
    if code:
        raise SystemExit(code)
