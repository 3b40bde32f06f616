"""Which processes are restarted for what they need, and which still use what is gone.

``planning.changes`` has the rules; here is how the services of a run stand. Nothing
here waits or acts; times are seconds of the monotonic clock, passed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from composegen.needs import Later
from composegen.places.processes.gates import find_patience, serves
from composegen.places.processes.plan import Way
from composegen.places.processes.service import RunningService
from composegen.places.status import State
from composegen.planning.changes import Change, Pace, RestartNeed, Turn
from composegen.planning.plan import Gate


class Restarts:
    """The needs with ``later: restart`` of a run, and the changes that they made."""

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
        self._pace = Pace()

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

        A refusal comes once.
        """
        return self._pace.find_due(self._list_turns(), now)

    def note(self, change: Change, now: float) -> None:
        """A change is made."""
        self._pace.note(change, now)

    def find_next(self, now: float) -> float:
        """The next moment at which time alone makes something due; infinite if none."""
        return self._pace.find_next(self._list_turns(), now)

    def _list_turns(self) -> Iterator[Turn]:
        for service, gate, needed in self._needs:
            is_back = gate.service in service.without
            since = needed.well_since if is_back else needed.away_since
            is_served = not is_back and serves(gate, needed)
            if since is not None and not is_served and can_change(service):
                need = RestartNeed(
                    service=service.name,
                    needed=gate.service,
                    boot=needed.unit.probe.boot,
                )
                yield Turn(need=need, is_back=is_back, since=since)


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
