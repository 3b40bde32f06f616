"""The systems that services can be watched and owned on."""

from __future__ import annotations

import os

from composegen.errors import CannotRun


def check_platform(name: str = os.name) -> None:
    """Raises CannotRun where services cannot be looked after as they are here."""
    if name != "posix":
        raise CannotRun(
            "composegen runs services only on Linux and macOS",
            help="run it in WSL, or render the stack and use `docker compose up`",
        )
