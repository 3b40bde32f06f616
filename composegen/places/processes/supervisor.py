"""Executes a plan on processes and decides nothing: order, gates and ways are given.

Every service has one tender; everything that happens is reported as an event. While the
run goes on, the user may stop and start single services.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import (
    Collection,
    Coroutine,
    Iterable,
    Iterator,
    Sequence,
)
from typing import Any

from composegen.places.events import (
    Failure,
    Message,
    Report,
)
from composegen.places.processes.claims import Claims
from composegen.places.processes.describing import describe_service
from composegen.places.processes.exclusions import Exclusions
from composegen.places.processes.gates import Gates
from composegen.places.processes.later import Restarts, can_change, list_stale
from composegen.places.processes.service import RunningService
from composegen.places.processes.tailing import Tailing
from composegen.places.processes.tender import Tender
from composegen.places.processes.units import Unit
from composegen.places.status import ExcludedNote, ServiceStatus
from composegen.places.timeline import Boot
from composegen.planning.changes import BACK_AFTER, Change
from composegen.planning.exclusion import list_exclusions
from composegen.planning.fallbacks import Excluded
from composegen.planning.plan import Step
from composegen.records import replace
from composegen.system.process import Processes
from composegen.values import format_duration


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
        exclusions: Exclusions,
        restart: bool = True,
    ) -> None:
        begin = time.monotonic()
        self._exclusions = exclusions
        self._report = report
        self.services = {
            unit.name: RunningService(
                unit, dependents=_list_dependents(unit, units), begin=begin
            )
            for unit in units
        }
        self.tenders = {
            name: Tender(
                service,
                self.services,
                processes,
                claims,
                report,
                exclusions=exclusions,
                lose=self._lose,
                restart=restart,
            )
            for name, service in self.services.items()
        }
        self.tailing = Tailing(tuple(self.tenders.values()))
        self.locks = {name: asyncio.Lock() for name in self.services}
        self._fallbacks = {
            step.name: [each for each in step.gates if exclusions.is_fallback(each)]
            for step in exclusions.plan.steps
        }
        self._restarts = Restarts(self.services, self._fallbacks)
        self._changing: set[str] = set()
        self._others: set[asyncio.Task[None]] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._following: asyncio.Task[None] | None = None
        self._is_ending = False
        self._acted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def bring_up(self) -> None:
        """Start everything, each service when its gates open.

        Returns when all that is required is ready or finished and the rest is so or
        has failed. Raises StartFailed the moment a required one fails.
        """
        self._following = asyncio.create_task(self.tailing.follow())
        if self._restarts.watched:
            self._do(self._watch_needs())
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
        for task in (*self._tasks.values(), *self._others):
            if task.done() and not task.cancelled():
                task.result()
                self._others.discard(task)

    async def wait_for_end(self) -> None:
        """Return when nothing is left that runs or will run again.

        What the user has stopped may be started again: the run goes on for it.
        """
        while True:
            self._raise_faults()
            running = self._list_running()
            is_held = any(each.by is not None for each in self.services.values())
            if not running and not is_held and not self._changing:
                return
            await asyncio.wait(
                [*running, self._acted], return_when=asyncio.FIRST_COMPLETED
            )

    def _list_running(self) -> list[asyncio.Future[Any]]:
        return [task for task in self._tasks.values() if not task.done()]

    # Single services

    def begin(self, name: str, *, is_again: bool = False) -> None:
        """Tend a service from its gates on, unless it is tended or was stopped."""
        if self.services[name].exclusion is None:
            self._exclusions.drop(name)
        task = self._tasks.get(name)
        is_free = task is None or task.done()
        if is_free and self.services[name].by is None and not self._is_ending:
            self._tasks[name] = asyncio.create_task(
                self.tenders[name].tend(is_again=is_again)
            )
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

    # Fallbacks

    def expect_end(self) -> None:
        """The run ends: what fails from now on is not excluded for it."""
        self._is_ending = True

    def _lose(self, name: str, reason: str) -> None:
        """A service has failed for good: exclude it, and what follows, if it may be."""
        if self._is_ending or self.services[name].unit.step.is_required:
            return
        added = {
            each: why
            for each, why in self._exclusions.add(name, reason).items()
            if each in self.services and self.services[each].exclusion is None
        }
        noted = list_exclusions(self._exclusions.plan, added)
        for each in noted:
            service = self.services[each.service]
            instead = tuple(self._list_instead(each, added))
            self._report(service.excluded(each.reason, instead))
        others = [each for each in reversed(tuple(added)) if each != name]
        if others:
            self._do(self._retire(others))

    def _list_instead(
        self, excluded: Excluded, also: Collection[str] = ()
    ) -> Iterator[str]:
        """What each service does that needs an excluded one, a line each."""
        for fallback in excluded.fallbacks:
            service = self.services.get(fallback.service)
            is_out = service is not None and service.exclusion is not None
            if is_out or fallback.service in also:
                continue
            # One that is not tended here is the program that owns the run.
            is_used = (
                service is None
                or excluded.service in service.without
                or not can_change(service)
            )
            what = fallback if is_used else "keeps running as it is"
            yield f"{fallback.service}: {what}"

    async def _retire(self, names: Iterable[str]) -> None:
        """Stop what is excluded with another one, dependent services first."""
        for name in names:
            async with self.locks[name]:
                if self.services[name].exclusion is not None:
                    await self.leave(name)
                    await self.tenders[name].halt()

    async def _watch_needs(self) -> None:
        """Restart what has to be restarted for what it needs, as time goes by."""
        restarts = self._restarts
        while True:
            now = time.monotonic()
            for change in restarts.find_due(now):
                if change.service in self._changing:
                    continue
                self._tell(change)
                if not change.is_refused:
                    restarts.note(change, now)
                    self._changing.add(change.service)
                    self._do(self.change(change.service))
            left = restarts.find_next(now) - time.monotonic()
            changes = [each.wait_for_change() for each in restarts.watched]
            await asyncio.wait(
                changes,
                timeout=None if math.isinf(left) else max(0.0, left),
                return_when=asyncio.FIRST_COMPLETED,
            )
            for each in changes:
                each.cancel()

    def _tell(self, change: Change) -> None:
        service, needed = self.services[change.service], change.needed
        if change.is_refused:
            text = f"stays without {needed}: it has restarted too often in ten minutes"
        elif change.is_back:
            text = (
                f"restarts with {needed}, which has been healthy for {BACK_AFTER:g} s"
            )
        else:
            boot = format_duration(self.services[needed].unit.probe.boot)
            text = f"restarts without {needed}, which has not been healthy for {boot}"
        self._report(Message(service=change.service, at=service.now, text=text))

    async def change(self, name: str) -> None:
        """Restart a service: what it starts with is chosen then."""
        self._changing.add(name)
        try:
            async with self.locks[name]:
                if self._is_ending or not can_change(self.services[name]):
                    return
                await self.leave(name)
                await self.tenders[name].halt()
                self.services[name].starts_otherwise()
                self.begin(name, is_again=True)
        finally:
            self._changing.discard(name)
            self._wake()

    def find_step(self, name: str) -> Step:
        """A step of the plan as it would start now: without what is not there."""
        plan = self._exclusions.plan
        step = next(each for each in plan.steps if each.name == name)
        gates = Gates(step, self.services, self._exclusions.is_fallback)
        return self._exclusions.vary(name, gates.find_absent())

    def list_users(self, names: Collection[str]) -> tuple[str, ...]:
        """The services that run without one of these, and can be restarted with it."""
        return tuple(
            name
            for name, service in self.services.items()
            if can_change(service) and service.without.intersection(names)
        )

    def list_exclusions(self) -> tuple[ExcludedNote, ...]:
        """What is excluded because it failed, and what is done instead."""
        reasons = {
            name: service.exclusion
            for name, service in self.services.items()
            if service.exclusion is not None
        }
        return tuple(
            ExcludedNote(
                service=each.service,
                reason=each.reason,
                instead=tuple(self._list_instead(each)),
                fallback=True,
            )
            for each in list_exclusions(self._exclusions.plan, reasons)
        )

    def list_stale(self) -> list[tuple[str, str]]:
        """Which services still use one that is gone."""
        return list_stale(self.services, self._fallbacks, time.monotonic())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something next to what else goes on; it ends with the run."""
        task = asyncio.create_task(work)
        self._others.add(task)
        task.add_done_callback(lambda _: self._wake())

    async def take_down(self) -> None:
        """Stop all that is ours, dependent services before what they need."""
        self._is_ending = True
        for tasks in (self._others, self._tasks.values()):
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        gone = {name: asyncio.Event() for name in self.services}
        tenders = self.tenders.values()
        await asyncio.gather(*(tender.stop(gone) for tender in tenders))
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    def list_boots(self) -> list[Boot]:
        """The boots so far, in the order of the plan."""
        return [service.boot for service in self.services.values()]

    def list_statuses(self) -> list[ServiceStatus]:
        """How every service of the run is doing."""
        missed = {
            name
            for service in self.services.values()
            if service.pid is not None
            for name in service.without
        }
        return [
            replace(described, fallback=True) if name in missed else described
            for name, service in self.services.items()
            for described in [describe_service(service)]
        ]


def _list_dependents(unit: Unit, units: Sequence[Unit]) -> tuple[str, ...]:
    """The services that wait for this one before they start."""
    return tuple(
        other.name
        for other in units
        if any(gate.service == unit.name for gate in other.step.gates)
    )
