"""Which process has a port, in words."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from composegen.system.identity import find_start_time, read_command, read_folder
from composegen.system.listeners import find_listeners

_WIDEST = 60


def describe_holder(port: int) -> str:
    """Who listens on a port, as far as it may be seen; empty when it may not."""
    with suppress(OSError):
        for listener in find_listeners(port):
            if listener.pids:
                return describe_process(listener.pids[0])
    return ""


def describe_process(pid: int) -> str:
    """A process in words: number, command, since when, where."""
    parts = [f"pid {pid}"]
    command = read_command(pid)
    if len(command) > _WIDEST:
        command = f"{command[:_WIDEST]}.."
    if command:
        parts.append(f"`{command}`")
    started = find_start_time(pid)
    if started is not None:
        moment = datetime.fromtimestamp(started).astimezone()
        parts.append(f"since {moment:%Y-%m-%d %H:%M:%S}")
    folder = read_folder(pid)
    if folder is not None:
        parts.append(f"in {folder}")
    return ", ".join(parts)
