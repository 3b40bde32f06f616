"""``composegen up``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from composegen.commands.boarding import board_option, serve_board
from composegen.commands.declare import command, option
from composegen.commands.options import (
    check_platform,
    load_file,
    load_plan,
    make_console,
    make_selection,
    make_workspace,
    say_notes,
    selection_options,
    services_argument,
    settle_drill,
    stack_option,
    take_over_option,
)
from composegen.commands.recording import BootWatch, report_option
from composegen.commands.up_cluster import Asked, check_options, up_there
from composegen.commands.where import (
    check_context_options,
    context_options,
    on_option,
)
from composegen.errors import UsageError

if TYPE_CHECKING:
    from composegen.planning.plan import Plan
    from composegen.planning.selection import Selection

_BARE_WAIT = "composegen.wait"


class Time(click.ParamType[float]):
    """A duration in Compose's form, above 0, in seconds."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The seconds; a usage error shows what a duration is like."""
        from composegen.values import parse_duration

        try:
            duration = parse_duration(str(value))
        except ValueError:
            self.fail(f"`{value}` is not a duration such as 90s or 2m30s", param, ctx)
        if not duration.seconds > 0:
            self.fail(f"`{value}` is no time: it has to be above 0", param, ctx)
        return duration.seconds


class _UpCommand(click.Command):
    """Takes `--wait` without a time as well: the next word is one if it is a number."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        kept = []
        for word, following in zip(args, [*args[1:], ""], strict=False):
            if word == "--wait" and not following[:1].isdigit():
                ctx.meta[_BARE_WAIT] = True
            else:
                kept.append(word)
        return super().parse_args(ctx, kept)


@command(cls=_UpCommand)
@services_argument()
@stack_option
@selection_options
@option(
    "--build/--no-build",
    default=None,
    help="Build images, which is the default, or do not build them.",
)
@option(
    "--wait",
    type=Time(),
    metavar="[TIME]",
    help="One deadline for everything, such as 2m.  [default: each service's boot]",
)
@option(
    "-d",
    "--detach",
    is_flag=True,
    help="Accepted for users of Compose: `up` always ends by itself.",
)
@option(
    "--stay",
    is_flag=True,
    help="Once the stack is up, show what happens until Ctrl-C. The stack stays up.",
)
@option(
    "--forward",
    is_flag=True,
    help="Forward the published ports to the cluster until Ctrl-C. The stack stays up.",
)
@report_option
@board_option("Serve the board, a page about the stack, and stay as with --stay.")
@on_option("Where to bring it up.  [default: engine]")
@context_options
@take_over_option
def up(
    services: tuple[str, ...],
    file: str,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    build: bool | None,
    wait: float | None,
    on: str,
    **flags: Any,
) -> None:
    """Bring the stack up on the Docker engine, or on a Kubernetes cluster.

    Ends when every service is ready, or when a required one cannot become ready.
    Without --with and --without it updates the rendered file and keeps its selection.

    With services named, only those are brought up, with what they need. All others
    and the rendered file stay as they are.

    On a cluster it applies what `render --target kubernetes` writes, with the flags
    that the header of kubernetes.yaml holds.
    """
    check_platform()
    check_context_options(on, flags)
    stay, detach = flags["stay"] or flags["with_board"], flags["detach"]
    if detach and (stay or flags["forward"]):
        raise UsageError("--detach contradicts --stay, --board and --forward")
    if flags["forward"] and on != "kubernetes":
        raise UsageError("--forward is for a cluster", help="--on kubernetes --forward")
    if on == "processes":
        raise UsageError("`up` runs no processes", help="composegen run")
    if on == "kubernetes":
        check_options({**flags, "build": build})
        asked = Asked(
            services=services,
            file=file,
            added=added,
            removed=removed,
            wait=wait,
            stay=stay,
            forward=flags["forward"],
            where=flags,
        )
        raise SystemExit(up_there(asked))
    from composegen.places.engine.up import UpOptions, up_stack
    from composegen.planning.plan import take_part
    from composegen.targets.output import read_recorded
    from composegen.terminal.live import UpConsole

    console = make_console()
    workspace = make_workspace(file)
    settle_drill(file, acts=True)
    selection = make_selection(added, removed)
    recorded = read_recorded(workspace.compose_file)
    is_chosen = bool(added or removed)
    if not is_chosen and recorded is not None:
        selection = recorded.selection
    if services:
        selection, services = _choose_named(services, file, selection)
    made = _plan_with(services, file, selection, removed)
    _explain_defaults(build=bool(build), detach=detach)
    options = UpOptions(
        build=build is not False,
        limit=wait,
        engine=recorded.engine if recorded is not None else "",
        is_chosen=is_chosen,
        names=services,
        required=made.added if is_chosen else (),
        in_terminal=console.err.isatty(),
        take_over=flags["take_over"],
        stay=stay,
        ask=console.confirm if console.can_ask else None,
    )
    watch = BootWatch(
        "engine",
        workspace,
        lambda: take_part(made, services) if services else made,
        UpConsole(console).show,
        report_file=flags["report_file"],
    )
    with serve_board(file, is_wanted=flags["with_board"]):
        code = up_stack(made, workspace, options, report=watch.see)
    if code:
        raise SystemExit(code)


def _choose_named(
    services: tuple[str, ...], file: str, selection: Selection
) -> tuple[Selection, tuple[str, ...]]:
    """The selection that chooses the named services, and their own names."""
    from composegen.planning.choices import choose_named

    return choose_named(load_file(file).stack, selection, services)


def _plan_with(
    services: tuple[str, ...],
    file: str,
    selection: Selection,
    removed: tuple[str, ...],
) -> Plan:
    """The plan for a selection, with the named services even if that excludes them.

    Raises what loading the stack does, and UsageError for a name that is not known.
    """
    from composegen.places.place import check_services
    from composegen.planning.selection import add_named

    made = load_plan(file, selection)
    check_services(services, made.stack.services)
    excluded = [name for name in services if name not in made.names]
    if not excluded:
        return made
    _check_typed(excluded, removed)
    return load_plan(file, add_named(selection, excluded))


def _explain_defaults(*, build: bool, detach: bool) -> None:
    """Say of options of `docker compose up` that they ask for what `up` does anyway."""
    if build:
        say_notes(["--build changes nothing: `up` builds images unless --no-build"])
    if detach:
        say_notes(["--detach changes nothing: `up` ends when the stack is up"])
    if click.get_current_context().meta.get(_BARE_WAIT):
        say_notes(
            ["--wait without a time changes nothing: `up` waits until all is ready"]
        )


def _check_typed(services: list[str], removed: tuple[str, ...]) -> None:
    """Raises UsageError for a service that the same command names and excludes."""
    for name in services:
        if name in make_selection((), removed).removed:
            raise UsageError(f"`{name}` is selected, and excluded with --without")
