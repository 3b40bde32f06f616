"""The group that all commands belong to."""

from __future__ import annotations

import sys
from typing import Any

import click

from composegen import __version__
from composegen.errors import ExitCode

_EPILOG = """\b
Exit codes: 0 fine, 1 a problem was found, 2 wrong usage,
129, 130 and 143 when interrupted."""


class _Group(click.Group):
    """Ends well where whoever reads the output has gone: click would end with 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            sys.stdout = None
            return ExitCode.FINE


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88},
    epilog=_EPILOG,
    no_args_is_help=True,
)
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")
def cli() -> None:
    """Turn one stack file into a Compose file gated on real health.

    Every optional service has a declared fallback.
    """
