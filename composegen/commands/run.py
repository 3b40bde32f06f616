"""``composegen run``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from composegen.commands.boarding import board_option, serve_board
from composegen.commands.declare import command, option
from composegen.commands.options import (
    check_platform,
    load_file,
    make_console,
    make_selection,
    make_workspace,
    say_distrusted,
    selection_options,
    services_argument,
    settle_drill,
    stack_option,
)
from composegen.commands.recording import BootWatch, report_option
from composegen.errors import UsageError

if TYPE_CHECKING:
    from composegen.model import Stack
    from composegen.places.processes.plan import Asked
    from composegen.planning.plan import Plan

_COMMAND = "composegen.command"


class _RunCommand(click.Command):
    """Keeps what follows ``--`` as it is: it is another program's command line."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            end = args.index("--")
            ctx.meta[_COMMAND] = args[end + 1 :]
            args = args[:end]
        return super().parse_args(ctx, args)


@command(cls=_RunCommand)
@services_argument()
@stack_option
@selection_options
@option("-v", "--verbose", is_flag=True, help="Show every line of every service.")
@option(
    "--no-restart",
    is_flag=True,
    help="Do not restart services that exit after becoming ready.",
)
@option(
    "--reuse",
    is_flag=True,
    help="Use a process that already listens on a service's port.",
)
@report_option
@board_option("Serve the board meanwhile, a page about what runs.")
@click.pass_context
def run(
    context: click.Context,
    /,
    services: tuple[str, ...],
    file: str,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    **typed: Any,
) -> None:
    """Run the stack as processes, without containers.

    With services named, only those run, with what they need.

    `run SERVICE -- COMMAND` runs a command in place of that service, with the
    service's environment, and ends with the command's exit code.
    """
    check_platform()
    from composegen.places.processes.plan import Asked
    from composegen.places.processes.run import RunOptions, run_stack
    from composegen.planning.selection import check_names
    from composegen.terminal.stream import RunConsole

    command = _read_command(context, services, typed["report_file"])
    asked = Asked(
        selection=make_selection(added, removed),
        names=services,
        command=command,
        reuse=typed["reuse"],
    )
    console = make_console()
    shown = RunConsole(console, verbose=typed["verbose"], lines_to_err=bool(command))
    options = RunOptions(
        restart=not typed["no_restart"],
        colours=console.is_coloured("out"),
        width=console.measure_width("err"),
        wants_lines=shown.wants_lines,
    )
    stack = load_file(file).stack
    check_names(stack, asked.selection)
    workspace = make_workspace(file)
    say_distrusted(workspace)
    settle_drill(file, acts=True)
    watch = BootWatch(
        "processes",
        workspace,
        lambda: _plan_part(stack, asked),
        shown.show,
        report_file=typed["report_file"],
    )
    board = serve_board(file, is_wanted=typed["with_board"])
    with board, console.in_background():
        code = run_stack(stack, workspace, asked, options, report=watch.see)
    context.exit(code)


def _read_command(
    context: click.Context, services: tuple[str, ...], report_file: str | None
) -> tuple[str, ...]:
    """The command after ``--``, empty if there is none. Raises UsageError."""
    command = tuple(context.meta.get(_COMMAND, ()))
    if _COMMAND in context.meta and (not command or len(services) != 1):
        raise UsageError(
            "a command after `--` needs exactly one service"
            if command
            else "`--` needs a command",
            help="composegen run SERVICE -- COMMAND",
        )
    if command and report_file is not None:
        raise UsageError("--report is about the boot of services, not of a command")
    return command


def _plan_part(stack: Stack, asked: Asked) -> Plan:
    """The plan of what was asked for, as it is drawn."""
    from composegen.planning.choices import choose_named
    from composegen.planning.plan import make_plan, take_part
    from composegen.planning.selection import add_named

    if not asked.names:
        return make_plan(stack, asked.selection)
    selection, names = choose_named(stack, asked.selection, asked.names)
    return take_part(make_plan(stack, add_named(selection, names)), names)
