"""What every target gets and what it makes: options in, files out."""

from __future__ import annotations

from composegen.records import record

OLDEST_START_INTERVAL = 25
"""The first major version of Docker Engine that knows ``start_interval``."""


@record(kw_only=False)
class File:
    """One file to write: its name and its whole text."""

    name: str
    text: str


@record
class Options:
    """How to render: ``engine`` is the oldest major version that must take the file.

    ``prefix`` leads from the folder of the output to that of the stack file; ``name``
    is the output's, empty for the one that the stack names. ``for_podman`` says that it
    is for Podman, which knows no owner of a folder in memory.
    """

    engine: int = OLDEST_START_INTERVAL
    prefix: str = "."
    name: str = ""
    for_podman: bool = False
