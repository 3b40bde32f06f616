"""One service of a run as it is right now; each change wakes those who wait for it."""

from __future__ import annotations

import asyncio
import time

from composegen.places.events import Failure
from composegen.places.processes.claims import Found
from composegen.places.processes.plan import Way
from composegen.places.processes.records import format_now
from composegen.places.processes.units import Unit
from composegen.places.status import FINE, ServiceStatus, State
from composegen.places.timeline import Boot
from composegen.records import replace
from composegen.system.logfiles import Tail
from composegen.system.process import Process


class Tended:
    """One service as it is right now."""

    def __init__(self, unit: Unit, loop: asyncio.AbstractEventLoop) -> None:
        self.unit = unit
        self.state = State.WAITING
        self.health: str | None = None
        self.process: Process | None = None
        self.found: Found | None = None
        self.since = format_now()
        self.restarts = 0
        self.exit_code: int | None = None
        self.failure: Failure | None = None
        self.again_at: float | None = None
        self.last_answer = ""
        self.away_since: float | None = None
        self.waits_for: tuple[str, ...] = ()
        self.boot = Boot(service=unit.name, created=0.0)
        self.settled: asyncio.Future[bool] = loop.create_future()
        self.tail: Tail | None = None
        self._loop = loop
        self._changes: set[asyncio.Future[None]] = set()

    @property
    def pid(self) -> int | None:
        """The process that serves, ours or not."""
        if self.process is not None and self.process.is_alive:
            return self.process.pid
        return self.found.pid if self.found is not None else None

    @property
    def is_well(self) -> bool:
        """Whether it does what is asked of it at this moment."""
        return self.state in FINE and self.health != "unhealthy"

    def enter(self, state: State, health: str | None = None) -> None:
        """Take a new state; those who wait for it go on."""
        was_well = self.is_well
        self.state = state
        self.since = format_now()
        self.health = health
        if not self.settled.done() and (state in FINE or state is State.FAILED):
            self.settled.set_result(state in FINE)
        self._note_change(was_well=was_well)

    def change_health(self, health: str) -> None:
        """Take another health in the same state."""
        was_well = self.is_well
        self.health = health
        self._note_change(was_well=was_well)

    def take_process(self, process: Process) -> None:
        """It runs, as this process."""
        self.found = None
        self.process = process
        self.exit_code = None
        self.last_answer = ""
        self._note_change(was_well=self.is_well)

    def _note_change(self, *, was_well: bool) -> None:
        if self.is_well:
            self.away_since = None
        elif was_well:
            self.away_since = time.monotonic()
        changes, self._changes = self._changes, set()
        for change in changes:
            if not change.done():
                change.set_result(None)

    def wait_for_change(self) -> asyncio.Future[None]:
        """A future that is done as soon as something about it has changed."""
        change: asyncio.Future[None] = self._loop.create_future()
        self._changes.add(change)
        return change


def describe_failure(tended: Tended) -> Failure | None:
    """Why a service is not up, as it is at this moment, or None.

    One that died is started again after a pause, or has been and boots.
    """
    failure = tended.failure
    if failure is None or tended.state not in {State.STARTING, State.WAITING}:
        return failure
    if tended.waits_for:
        then = f"it is started again when {', '.join(tended.waits_for)} is back"
    elif tended.again_at is not None:
        left = max(0.0, tended.again_at - time.monotonic())
        then = f"it is started again in {left:.1f} s"
    else:
        then = "it was started again and is not ready yet"
        then += f": {tended.last_answer}" if tended.last_answer else ""
    return replace(failure, reason=f"{failure.reason}; {then}")


def describe_tended(tended: Tended) -> ServiceStatus:
    """A tended service in the shape that both places share."""
    launch = tended.unit.launch
    log = launch.log if launch is not None and tended.found is None else None
    image = tended.unit.step.service.image if tended.unit.way is Way.DOCKER else None
    return ServiceStatus(
        service=tended.unit.name,
        state=tended.state,
        health=tended.health,
        pid=tended.pid,
        since=tended.since,
        restarts=tended.restarts,
        exit_code=tended.exit_code,
        address=tended.unit.address or None,
        image=image,
        log=str(log) if log is not None else None,
        reused=tended.found is not None,
    )
