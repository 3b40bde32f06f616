"""Numbers as Kubernetes writes them: its own units for memory, processors, seconds.

A bare ``2G`` means 2,000,000,000 bytes there and 2 GiB in Compose.
"""

from __future__ import annotations

import math

from composegen.model import Raw, Resources
from composegen.values import parse_size

_UNITS = ("Ti", "Gi", "Mi", "Ki")
_STEP = 1024
_CPU_REQUEST = 0.01
_MEMORY_REQUEST = 32 * _STEP * _STEP
_MILLI = 1000


def write_memory(size: int) -> str:
    """So many bytes in the largest unit that holds them exactly."""
    for power, unit in zip(range(len(_UNITS), 0, -1), _UNITS, strict=True):
        if size and size % _STEP**power == 0:
            return f"{size // _STEP**power}{unit}"
    return str(size)


def write_cpus(cpus: float) -> str:
    """So many processors, in thousandths where they are not whole."""
    if cpus == int(cpus):
        return str(int(cpus))
    return f"{max(1, round(cpus * _MILLI))}m"


def write_seconds(seconds: float) -> int:
    """Seconds as a probe takes them: whole ones, at least one."""
    return max(1, math.ceil(seconds))


def write_resources(resources: Resources) -> dict[str, Raw]:
    """Requests and limits of a container, from texts that hold no variable.

    Without a request, a limit would count as one, and two processors hold no second
    service. A limit that is not there is not written. Raises ValueError.
    """
    cpus = float(resources.cpus or 0)
    memory = parse_size(resources.memory) if resources.memory else 0
    limits: dict[str, Raw] = {}
    if cpus:
        limits["cpu"] = write_cpus(cpus)
    if memory:
        limits["memory"] = write_memory(memory)
    requests: dict[str, Raw] = {
        "cpu": write_cpus(min(_CPU_REQUEST, cpus or _CPU_REQUEST)),
        "memory": write_memory(min(_MEMORY_REQUEST, memory or _MEMORY_REQUEST)),
    }
    return {"requests": requests, **({"limits": limits} if limits else {})}
