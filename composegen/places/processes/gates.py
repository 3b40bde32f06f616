"""The gates of one service: open only while what it needs is well, all at once.

A gate looks at the present. What was ready once and no longer is holds up every
dependent service that starts or restarts meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from enum import Enum, auto

from composegen.needs import Condition
from composegen.places.processes.service import RunningService
from composegen.places.status import State
from composegen.planning.plan import Gate, Step

_OVER = frozenset({State.FAILED, State.STOPPED})


class Verdict(Enum):
    """What a gate says: go on, wait, or never."""

    OPEN = auto()
    CLOSED = auto()
    SHUT = auto()


class Gates:
    """The gates of a step, by the services of its run.

    ``is_fallback`` says which gates are of services that may be excluded.
    """

    def __init__(
        self,
        step: Step,
        services: Mapping[str, RunningService],
        is_fallback: Callable[[Gate], bool] = lambda _: False,
    ) -> None:
        self._is_fallback = is_fallback
        self._gates = tuple(
            (gate, services[gate.service])
            for gate in step.gates
            if gate.service in services
        )

    def find_closed(self, now: float) -> tuple[str, ...]:
        """The services that are waited for at a moment of the monotonic clock."""
        return self._find(Verdict.CLOSED, now)

    def find_shut(self, now: float) -> tuple[str, ...]:
        """The required services that will not come back in this run."""
        return self._find(Verdict.SHUT, now)

    def _find(self, verdict: Verdict, now: float) -> tuple[str, ...]:
        return tuple(
            gate.service
            for gate, needed in self._gates
            if judge_gate(gate, needed, now) is verdict
        )

    def find_absent(self) -> frozenset[str]:
        """The services that may be excluded and do not do what is needed of them now.

        What starts at this moment starts without them.
        """
        return frozenset(
            gate.service
            for gate, needed in self._gates
            if self._is_fallback(gate) and not serves(gate, needed)
        )

    async def wait_for_change(self, now: float) -> None:
        """Return when any of the services has changed, or time has opened a gate.

        ``now`` is the moment at which the gates were looked at: one that time has
        opened since then must not be waited for.
        """
        ends = [
            find_patience(needed) - time.monotonic()
            for gate, needed in self._gates
            if judge_gate(gate, needed, now) is Verdict.CLOSED
            and gate.is_optional
            and needed.away_since is not None
        ]
        changes = [needed.wait_for_change() for _, needed in self._gates]
        try:
            await asyncio.wait(
                changes,
                timeout=max(0.0, min(ends)) if ends else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            for change in changes:
                change.cancel()


def judge_gate(gate: Gate, needed: RunningService, now: float) -> Verdict:
    """What a gate says of a service at a moment of the monotonic clock, in seconds.

    An optional service that was well is waited for up to its ``boot`` while it is away.
    One that the user has stopped may come back: it is away.
    """
    if needed.state in _OVER and needed.by is None:
        return Verdict.OPEN if gate.is_optional else Verdict.SHUT
    if serves(gate, needed):
        return Verdict.OPEN
    is_late = needed.away_since is not None and now >= find_patience(needed)
    return Verdict.OPEN if gate.is_optional and is_late else Verdict.CLOSED


def serves(gate: Gate, needed: RunningService) -> bool:
    """Whether a service does now what a gate waits for."""
    is_there = needed.pid is not None or needed.state is State.FINISHED
    is_there = is_there and needed.by is None
    return needed.is_well or (gate.condition is Condition.STARTED and is_there)


def find_patience(needed: RunningService) -> float:
    """Until when an optional service that is away is waited for."""
    return (needed.away_since or 0.0) + needed.unit.probe.boot
