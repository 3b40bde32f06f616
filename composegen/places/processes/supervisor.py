"""Carries out a plan on processes and decides nothing: order, gates and ways are given.

Every service has one tender; everything that happens is reported as an event. While the
run goes on, the user may stop and start single services.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from composegen.places.events import Failure, Report
from composegen.places.processes.claims import Claims
from composegen.places.processes.service import RunningService, describe_service
from composegen.places.processes.tender import Tender
from composegen.places.processes.units import Unit
from composegen.places.status import ServiceStatus
from composegen.places.timeline import Boot
from composegen.system.process import Processes

_TAIL_INTERVAL = 0.02
_QUIET_INTERVAL, _QUIET_AFTER = 0.1, 250


class StartFailed(Exception):
    """A required service cannot be brought up."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


class Supervisor:
    """The services of one run, from the first start to the last stop."""

    def __init__(
        self,
        units: Sequence[Unit],
        processes: Processes,
        claims: Claims,
        report: Report,
        *,
        restart: bool = True,
    ) -> None:
        begin = time.monotonic()
        self.services = {
            unit.name: RunningService(
                unit, dependents=_list_dependents(unit, units), begin=begin
            )
            for unit in units
        }
        self.tenders = {
            name: Tender(
                service, self.services, processes, claims, report, restart=restart
            )
            for name, service in self.services.items()
        }
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._tailing: asyncio.Task[None] | None = None
        self._is_ending = False
        self._acted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def bring_up(self) -> None:
        """Start everything, each service when its gates open.

        Returns when all that is required is ready or finished and the rest is so or
        has failed. Raises StartFailed the moment a required one fails.
        """
        self._tailing = asyncio.create_task(self._follow_logs())
        for name in self.services:
            self.begin(name)
        waiting = {service.outcome: service for service in self.services.values()}
        while waiting:
            await asyncio.wait(
                [*waiting, *self._list_running(), self._acted],
                return_when=asyncio.FIRST_COMPLETED,
            )
            for outcome in [outcome for outcome in waiting if outcome.done()]:
                service, failure = waiting.pop(outcome), outcome.result()
                if failure is not None and service.unit.step.is_required:
                    raise StartFailed(failure)
            self._raise_faults()

    def _raise_faults(self) -> None:
        """A tender never ends with an exception, unless by a fault of ours."""
        for task in self._tasks.values():
            if task.done() and not task.cancelled():
                task.result()

    async def wait_for_end(self) -> None:
        """Return when nothing is left that runs or will run again.

        What the user has stopped may be started again: the run goes on for it.
        """
        while True:
            self._raise_faults()
            running = self._list_running()
            if not running and all(each.by is None for each in self.services.values()):
                return
            await asyncio.wait(
                [*running, self._acted], return_when=asyncio.FIRST_COMPLETED
            )

    def _list_running(self) -> list[asyncio.Future[Any]]:
        return [task for task in self._tasks.values() if not task.done()]

    # Single services

    def begin(self, name: str) -> None:
        """Tend a service from its gates on, unless it is tended or was stopped."""
        task = self._tasks.get(name)
        is_free = task is None or task.done()
        if is_free and self.services[name].by is None and not self._is_ending:
            self._tasks[name] = asyncio.create_task(self.tenders[name].tend())
            self._wake()

    async def leave(self, name: str) -> None:
        """Do not tend a service any more."""
        task = self._tasks.get(name)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self._wake()

    def _wake(self) -> None:
        """Let those who wait for the run look at its services again."""
        acted, self._acted = self._acted, asyncio.get_running_loop().create_future()
        if not acted.done():
            acted.set_result(None)

    async def _follow_logs(self) -> None:
        """Look often while there is something to see, and seldom when all is quiet."""
        quiet = 0
        while True:
            tenders = self.tenders.values()
            shown = [tender.reports.show_lines() for tender in tenders]
            quiet = 0 if any(shown) else quiet + 1
            is_quiet = quiet > _QUIET_AFTER
            await asyncio.sleep(_QUIET_INTERVAL if is_quiet else _TAIL_INTERVAL)

    async def take_down(self) -> None:
        """Stop all that is ours, dependent services before what they need."""
        self._is_ending = True
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        gone = {name: asyncio.Event() for name in self.services}
        tenders = self.tenders.values()
        await asyncio.gather(*(tender.stop(gone) for tender in tenders))
        if self._tailing is not None:
            self._tailing.cancel()
            await asyncio.gather(self._tailing, return_exceptions=True)

    def list_boots(self) -> list[Boot]:
        """The boots so far, in the order of the plan."""
        return [service.boot for service in self.services.values()]

    def list_statuses(self) -> list[ServiceStatus]:
        """How every service of the run is doing."""
        return [describe_service(service) for service in self.services.values()]


def _list_dependents(unit: Unit, units: Sequence[Unit]) -> tuple[str, ...]:
    """The services that wait for this one before they start."""
    return tuple(
        other.name
        for other in units
        if any(gate.service == unit.name for gate in other.step.gates)
    )
