"""The commands that start a stack, and whether this machine can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from composegen.cli.group import cli
from composegen.cli.options import (
    DEFAULT_FILE,
    check_platform,
    complete_services,
    format_option,
    load_file,
    make_console,
    make_selection,
    say_distrusted,
    selection_options,
    stack_option,
)
from composegen.errors import ExitCode, UsageError


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
            self.fail(f"`{value}` is no time such as 90s or 2m30s", param, ctx)
        return duration.seconds


@cli.command()
@stack_option
@selection_options
@click.option("--no-build", is_flag=True, help="Take the images as they are.")
@click.option(
    "--wait",
    type=_Time(),
    metavar="TIME",
    help="One deadline for everything, such as 2m.  [default: each service's boot]",
)
def up(
    file: str,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    no_build: bool,
    wait: float | None,
) -> None:
    """Bring the stack up on the Docker engine.

    Ends when all is ready, or when a required service cannot become so. Without
    --with and --without it renews compose.yaml and keeps its selection.
    """
    check_platform()
    from composegen.places.engine.finding import COMPOSE_FILE
    from composegen.places.engine.up import UpOptions, up_stack
    from composegen.planning.plan import make_plan
    from composegen.targets.compose.render import OLDEST_START_INTERVAL
    from composegen.targets.output import read_recorded
    from composegen.terminal.live import UpConsole

    console = make_console()
    folder = Path(file).absolute().parent
    selection = make_selection(added, removed)
    recorded = read_recorded(folder / COMPOSE_FILE)
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
    )
    code = up_stack(made, folder, options, report=UpConsole(console).show)
    if code:
        raise SystemExit(code)


@cli.command()
@stack_option
@format_option
def doctor(file: str, form: str) -> None:
    """Say whether this machine can run the stack.

    Ends with 0 when it can, on the Docker engine or as processes.
    """
    check_platform()
    from composegen.paths import is_file
    from composegen.places.doctor import examine, find_ways, look_at_this_machine
    from composegen.planning.plan import make_plan
    from composegen.records import as_dict

    console = make_console()
    made = None
    if is_file(Path(file)):
        made = make_plan(load_file(file).stack)
    elif file != DEFAULT_FILE:
        load_file(file)  # says what is wrong with the name
    findings = examine(made, Path(file).absolute().parent, look_at_this_machine())
    if form == "json":
        console.write_json([as_dict(finding) for finding in findings])
    else:
        for finding in findings:
            console.show_finding(finding.message, finding.level, finding.help)
    ways = find_ways(findings)
    words = {"engine": "on the Docker engine", "processes": "as processes"}
    what = "this stack" if made is not None else "a stack"
    if not ways:
        console.say(f"\n{what} cannot run here")
        raise SystemExit(ExitCode.PROBLEM)
    console.say(f"\n{what} can run here {' and '.join(words[way] for way in ways)}")


_COMMAND = "composegen.command"


class _RunCommand(click.Command):
    """Keeps what stands after ``--`` as it is: it is somebody else's command line."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            end = args.index("--")
            ctx.meta[_COMMAND] = args[end + 1 :]
            args = args[:end]
        return super().parse_args(ctx, args)


@cli.command(cls=_RunCommand)
@click.argument(
    "services",
    metavar="[SERVICE]...",
    nargs=-1,
    shell_complete=complete_services,
)
@stack_option
@selection_options
@click.option("-v", "--verbose", is_flag=True, help="Show every line of every service.")
@click.option("--no-restart", is_flag=True, help="What dies later stays away.")
@click.option("--reuse", is_flag=True, help="Use whoever answers on a service's port.")
@click.pass_context
def run(
    context: click.Context,
    services: tuple[str, ...],
    file: str,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    verbose: bool,
    no_restart: bool,
    reuse: bool,
) -> None:
    """Run the stack as processes, no containers needed.

    With services named, those alone with what they need.

    `run SERVICE -- COMMAND` runs another command in that service's place, with its
    environment, and ends with that command's exit code.
    """
    check_platform()
    from composegen.places.processes.plan import Asked
    from composegen.places.processes.run import RunOptions, run_stack
    from composegen.planning.selection import check_names
    from composegen.terminal.stream import RunConsole

    command = tuple(context.meta.get(_COMMAND, ()))
    if _COMMAND in context.meta and (not command or len(services) != 1):
        raise UsageError(
            "a command after -- stands in for one service"
            if command
            else "no command stands after --",
            help="composegen run SERVICE -- COMMAND",
        )
    asked = Asked(
        selection=make_selection(added, removed),
        names=services,
        command=command,
        reuse=reuse,
    )
    console = make_console()
    shown = RunConsole(console, verbose=verbose, lines_to_err=bool(command))
    options = RunOptions(restart=not no_restart, colours=console.is_coloured("out"))
    stack = load_file(file).stack
    check_names(stack, asked.selection)
    say_distrusted(file)
    folder = Path(file).absolute().parent
    with console.in_background():
        code = run_stack(stack, folder, asked, options, report=shown.show)
    context.exit(code)
