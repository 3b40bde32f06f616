"""The table of commands; the file of a command is loaded when it is typed."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from composegen.commands.declare import make_help_option, make_version_option
from composegen.errors import ExitCode
from composegen.system.imports import keep_imported

_EPILOG = """\b
Exit codes: 0 fine, 1 a problem was found, 2 wrong usage,
129, 130 and 143 when interrupted."""


COMMANDS = (
    *(
        "adopt",
        "board",
        "check",
        "completion",
        "doctor",
        "down",
        "drill",
        "exec",
        "explain",
        "graph",
        "harden",
        "init",
    ),
    *(
        "logs",
        "plan",
        "push",
        "recipes",
        "render",
        "restart",
        "run",
        "schema",
        "secrets",
    ),
    *("start", "status", "stop", "up", "why"),
)
"""Every command. Each is a function in a file of the same name."""


class _Group(click.Group):
    """Loads a command when it is typed, and ends well where the reader has gone."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found = getattr(import_module(f"composegen.commands.{cmd_name}"), cmd_name)
        keep_imported()
        assert isinstance(found, click.Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not ctx.resilient_parsing:
            from composegen.commands.hints import check_command

            check_command(name, COMMANDS)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            sys.stdout = None
            return ExitCode.FINE


@click.group(
    cls=_Group,
    context_settings={"max_content_width": 88},
    epilog=_EPILOG,
    no_args_is_help=True,
)
def cli() -> None:
    """Turn one stack file into a Compose file gated on real health.

    Every optional service has a declared fallback.
    """


cli.params += [make_version_option(), make_help_option()]
