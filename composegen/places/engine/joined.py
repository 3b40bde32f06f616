"""Which namespaces of other containers a container is in, as the engine says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from composegen.records import record

_MODES = {"network": "NetworkMode", "pid": "PidMode", "ipc": "IpcMode"}
_OF_OTHERS = "container:"


@record
class Joined:
    """A namespace of another container: ``kind`` is ``network``, ``pid`` or ``ipc``."""

    kind: str
    id: str


def read_joins(host: Mapping[str, Any]) -> tuple[Joined, ...]:
    """The namespaces that a host configuration names by the ids of their owners."""
    modes = {kind: host.get(key) or "" for kind, key in _MODES.items()}
    return tuple(
        Joined(kind=kind, id=mode.removeprefix(_OF_OTHERS))
        for kind, mode in modes.items()
        if mode.startswith(_OF_OTHERS)
    )
