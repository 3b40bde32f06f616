"""One service of a run as it is right now, and the gates that others wait at."""

from __future__ import annotations

import asyncio
import time

from composegen.claims import Found
from composegen.events import Failure
from composegen.localplan import Way
from composegen.localunits import Unit
from composegen.logs import Tail
from composegen.records import replace
from composegen.runfiles import format_now
from composegen.runtimes.process import Process
from composegen.status import FINE, ServiceStatus, State
from composegen.timeline import Boot


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
        self.boot = Boot(service=unit.name, created=0.0)
        self.started: asyncio.Future[bool] = loop.create_future()
        self.settled: asyncio.Future[bool] = loop.create_future()
        self.tail: Tail | None = None

    @property
    def pid(self) -> int | None:
        """The process that serves, ours or not."""
        if self.process is not None and self.process.is_alive:
            return self.process.pid
        return self.found.pid if self.found is not None else None

    def enter(self, state: State, health: str | None = None) -> None:
        """Take a new state; those who wait for it go on."""
        self.state = state
        self.since = format_now()
        self.health = health
        if state in FINE or state is State.FAILED:
            for gate in (self.started, self.settled):
                if not gate.done():
                    gate.set_result(state in FINE)


def describe_failure(tended: Tended) -> Failure | None:
    """Why a service is not up, as it is at this moment, or None.

    One that died is started again after a pause, or has been and boots.
    """
    failure = tended.failure
    if failure is None or tended.state is not State.STARTING:
        return failure
    if tended.again_at is not None:
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
