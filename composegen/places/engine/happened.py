"""What happens to containers, from the events of the Docker engine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from composegen.places.engine.containers import LABEL
from composegen.records import record

_NOT_THE_END = frozenset({1, 10, 12})
"""SIGHUP, SIGUSR1 and SIGUSR2 make most programs read something again."""


class Action(StrEnum):
    """What can happen to a container."""

    CREATE = "create"
    START = "start"
    DIE = "die"
    OUT_OF_MEMORY = "oom"
    KILL = "kill"
    DESTROY = "destroy"
    HEALTH = "health_status"


@record
class Happened:
    """Something that happened to a container.

    ``at`` is when we heard of it, on the monotonic clock; ``time`` when it was, in
    seconds since 1970 on the engine's clock. ``exit_code`` goes with a death,
    ``health`` with a health check, ``signal`` with a kill: 0 where it is not known.
    """

    id: str
    service: str
    number: int = 1
    action: Action
    at: float
    time: float = 0.0
    exit_code: int | None = None
    health: str = ""
    signal: int = 0

    @property
    def is_end_asked(self) -> bool:
        """Whether the engine was asked to end it; a reload is no such wish."""
        return self.action is Action.KILL and self.signal not in _NOT_THE_END


def read_happened(data: Mapping[str, Any]) -> Happened | None:
    """An event of the engine; None for one that has no use here."""
    name, _, detail = str(data.get("Action") or data.get("status") or "").partition(":")
    actor = data.get("Actor") or {}
    attributes = actor.get("Attributes") or {}
    is_one_off = attributes.get(f"{LABEL}oneoff") == "True"
    if name not in set(Action) or not actor.get("ID") or is_one_off:
        return None
    code = attributes.get("exitCode")
    return Happened(
        id=actor["ID"],
        service=attributes.get(f"{LABEL}service", ""),
        number=int(attributes.get(f"{LABEL}container-number") or 1),
        action=Action(name),
        at=time.monotonic(),
        time=int(data.get("timeNano") or 0) / 1e9,
        exit_code=None if code is None else int(code),
        # Docker writes it behind the action, Podman next to it.
        health=detail.strip() or str(data.get("HealthStatus") or ""),
        signal=_read_number(attributes.get("signal")),
    )


def _read_number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0
