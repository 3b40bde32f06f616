"""What is to be started as a process: command, folder, environment, log, its end."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path

from composegen.records import field, record


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
