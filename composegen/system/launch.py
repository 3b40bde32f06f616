"""What is to be started as a process: command, folder, environment, log, its end."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping
from pathlib import Path

from composegen.patterns import make_pattern
from composegen.records import field, record

_CONTAINER = make_pattern(r"composegen-([a-z][a-z0-9-]*)-[0-9a-f]{8}", re.ASCII)


@record
class Launch:
    """One process to start in a service's place.

    Without a ``log`` it runs in the foreground: it has our terminal and our streams.
    ``grace`` is the time in seconds between its stop signal and the kill. ``cleanup``
    is a command that removes what it leaves behind that is no process.
    """

    service: str
    command: tuple[str, ...]
    folder: Path
    env: Mapping[str, str] = field(repr=False)
    log: Path | None = None
    grace: float = 10.0
    stop_signal: int = signal.SIGTERM
    cleanup: tuple[str, ...] = ()


def is_container_of(name: str, service: str | None = None) -> bool:
    """Whether a store's container is called so, that service's where one is named."""
    match = _CONTAINER.fullmatch(name)
    return match is not None and service in {None, match[1]}
