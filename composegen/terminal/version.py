"""``--version``, written without click, whose import takes most of its time."""

from __future__ import annotations

import os

from composegen import __version__


def write_version() -> bool:
    """Write the version to stdout; whether that could be done."""
    line = f"composegen {__version__}\n".encode()
    try:
        return os.write(1, line) == len(line)
    except OSError:
        return False
