"""``composegen schema``."""

from __future__ import annotations

from composegen.commands.declare import command
from composegen.commands.options import (
    make_console,
)


@command()
def schema() -> None:
    """Print the JSON Schema of stack files, for editors."""
    from composegen.stackfile.schema import make_schema

    make_console().write_json(make_schema())
