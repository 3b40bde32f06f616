"""When a running service is restarted with its fallback, and when it gets back.

``later: restart`` in a need asks for it. Nothing here waits or acts; times are seconds
of the monotonic clock, passed in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from composegen.needs import Later
from composegen.places.processes.gates import find_patience, serves
from composegen.places.processes.plan import Way
from composegen.places.processes.service import RunningService
from composegen.places.status import State
from composegen.planning.plan import Gate
from composegen.records import record

BACK_AFTER = 30.0
MOST_CHANGES, WINDOW = 3, 600.0


@record
class Change:
    """A service that is to be restarted: without one that it needs, or with it again.

    ``is_refused``: it has changed too often and stays as it is.
    """

    service: str
    needed: str
    is_back: bool
    is_refused: bool = False


class Restarts:
    """The needs with ``later: restart`` of a run, and the changes that they made.

    At most three changes of a service in ten minutes. It gets back only if it could be
    changed once more, so that it ends with its fallback.
    """

    def __init__(
        self,
        services: Mapping[str, RunningService],
        gates: Mapping[str, Iterable[Gate]],
    ) -> None:
        self._needs = [
            (services[name], gate, services[gate.service])
            for name, listed in gates.items()
            for gate in listed
            if gate.later is Later.RESTART
            and name in services
            and gate.service in services
        ]
        self._changes: dict[str, list[float]] = {}
        self._refused: dict[str, str] = {}

    @property
    def watched(self) -> tuple[RunningService, ...]:
        """The services whose changes matter."""
        return tuple(
            dict.fromkeys(
                each for one, _, other in self._needs for each in (one, other)
            )
        )

    def find_due(self, now: float) -> list[Change]:
        """What is to be changed at a moment, at most one thing of each service.

        What is refused is in it once.
        """
        due: dict[str, Change] = {}
        for service, gate, needed in self._needs:
            name = service.name
            if name in due or not can_change(service):
                continue
            is_back = gate.service in service.without
            if now < self._find_moment(service, gate, needed):
                continue
            change = Change(service=name, needed=gate.service, is_back=is_back)
            if not is_back or self._count(name, now) < MOST_CHANGES - 1:
                due[name] = change
            elif self._refused.get(name) != gate.service:
                self._refused[name] = gate.service
                due[name] = Change(
                    service=name, needed=gate.service, is_back=True, is_refused=True
                )
        return list(due.values())

    def note(self, change: Change, now: float) -> None:
        """A change is made."""
        self._refused.pop(change.service, None)
        self._changes.setdefault(change.service, []).append(now)

    def find_next(self, now: float) -> float:
        """The next moment at which time alone makes something due; infinite if none."""
        moments = [
            self._find_moment(service, gate, needed)
            for service, gate, needed in self._needs
            if can_change(service)
        ]
        moments += [
            moment + WINDOW
            for name in self._refused
            for moment in self._changes.get(name, ())
        ]
        return min((each for each in moments if each > now), default=math.inf)

    def _count(self, name: str, now: float) -> int:
        """How often a service was changed in the last ten minutes."""
        recent = [each for each in self._changes.get(name, ()) if each > now - WINDOW]
        self._changes[name] = recent
        return len(recent)

    def _find_moment(
        self, service: RunningService, gate: Gate, needed: RunningService
    ) -> float:
        """When a service is to be changed if nothing happens; infinite for never."""
        if gate.service in service.without:
            since = needed.well_since
            return math.inf if since is None else since + BACK_AFTER
        is_gone = needed.away_since is not None and not serves(gate, needed)
        return find_patience(needed) if is_gone else math.inf


def can_change(service: RunningService) -> bool:
    """Whether a service runs that this run has started, and may restart."""
    return (
        service.state is State.READY
        and service.by is None
        and service.found is None
        and service.unit.way is not Way.COMMAND
    )


def list_stale(
    services: Mapping[str, RunningService],
    fallbacks: Mapping[str, Iterable[Gate]],
    now: float,
) -> list[tuple[str, str]]:
    """Which services still use one that is gone: excluded, or away for its ``boot``.

    ``fallbacks`` are the gates of services that may be excluded.
    """
    return [
        (name, gate.service)
        for name, gates in fallbacks.items()
        for gate in gates
        if name in services
        and gate.service in services
        and services[name].state is State.READY
        and gate.service not in services[name].without
        and _is_gone(gate, services[gate.service], now)
    ]


def _is_gone(gate: Gate, needed: RunningService, now: float) -> bool:
    if serves(gate, needed):
        return False
    is_late = needed.away_since is not None and now >= find_patience(needed)
    return needed.exclusion is not None or is_late
