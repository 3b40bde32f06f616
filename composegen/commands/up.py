"""``composegen up``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from composegen.commands.boarding import board_option
from composegen.commands.declare import command, option
from composegen.commands.options import (
    check_platform,
    say_notes,
    selection_options,
    services_argument,
    stack_option,
    take_over_option,
)
from composegen.commands.recording import report_option
from composegen.commands.types import Time
from composegen.commands.up_asked import Asked
from composegen.commands.where import (
    check_context_options,
    context_options,
    on_option,
)
from composegen.errors import UsageError

_BARE_WAIT = "composegen.wait"


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
    _check_flags(on, flags)
    asked = Asked(
        services=services,
        file=file,
        added=added,
        removed=removed,
        wait=wait,
        stay=flags["stay"] or flags["with_board"],
        flags=flags,
    )
    if on == "kubernetes":
        from composegen.commands.up_cluster import up_on_kubernetes

        raise SystemExit(up_on_kubernetes(asked))
    from composegen.commands.up_engine import up_on_engine

    _explain_defaults(build=bool(flags["build"]), detach=flags["detach"])
    raise SystemExit(up_on_engine(asked))


def _check_flags(on: str, flags: Mapping[str, Any]) -> None:
    """Raises UsageError for options that contradict each other or the place."""
    stays = flags["stay"] or flags["with_board"] or flags["forward"]
    if flags["detach"] and stays:
        raise UsageError("--detach contradicts --stay, --board and --forward")
    if flags["forward"] and on != "kubernetes":
        raise UsageError("--forward is for a cluster", help="--on kubernetes --forward")
    if on == "processes":
        raise UsageError("`up` runs no processes", help="composegen run")


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
