"""The lines that a help shows for a service that is a process."""

from __future__ import annotations

from composegen.places.advice import advise_for, describe_health
from composegen.places.processes.units import Unit
from composegen.system.listeners import is_free
from composegen.values import format_duration

_FAR_ENOUGH = 100


def advise(unit: Unit, *lines: str) -> str:
    """The lines to add below a service in the stack file."""
    return advise_for(unit.name, *lines)


def write_longer_boot(unit: Unit) -> str:
    """The `health` of a service with twice its boot."""
    probe = unit.probe
    boot = f"boot: {format_duration(probe.boot * 2)}"
    return describe_health(probe.kind.value, probe.path, boot)


def find_free(port: int) -> int:
    """A port of this machine near a taken one; the next one where none is free."""
    near = range(port + 1, min(port + _FAR_ENOUGH, 65536))
    return next((each for each in near if is_free(each)), port + 1)


def write_port(port: int) -> str:
    """The `local` of a service that listens on another port here."""
    return f"local: {{port: {port}}}"
