"""The group that all commands belong to."""

from __future__ import annotations

import click

from composegen import __version__

_EPILOG = """\b
Exit codes: 0 fine, 1 a problem was found, 2 wrong usage,
129, 130 and 143 when interrupted."""


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88},
    epilog=_EPILOG,
    no_args_is_help=True,
)
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")
def cli() -> None:
    """Turn one stack file into a Compose file gated on real health.

    Every optional service has a declared fallback.
    """
