"""What still runs of a service whose run is gone."""

from __future__ import annotations

import signal

from composegen.places.processes.records import ServiceRecord
from composegen.system import guardian
from composegen.system.identity import is_still


def kill_leftover(record: ServiceRecord) -> bool:
    """Kill what still runs of a service whose run is gone; whether there was any."""
    look = guardian.Look()
    is_alive = is_still(record.process)
    if is_alive:
        guardian.signal_members(record.process.pid, signal.SIGKILL, look)
    guardian.signal_marked(record.run, signal.SIGKILL, look, service=record.service)
    return is_alive or bool(look.find_marked(record.run, record.service))


def has_left(record: ServiceRecord) -> bool:
    """Whether anything runs of a service that was noted."""
    marked = guardian.Look().find_marked(record.run, record.service)
    return is_still(record.process) or bool(marked or record.container)
