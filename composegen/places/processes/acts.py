"""What the user asks of single services of a run: stop, start, restart.

These are the run's own side of it; ``asking`` is the side of the other terminal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from composegen.graph import find_closure
from composegen.places.place import Act, Acted, Outcome
from composegen.places.processes.describing import describe_failure
from composegen.places.processes.later import can_change
from composegen.places.processes.service import RunningService
from composegen.places.processes.supervisor import Supervisor
from composegen.places.processes.talking import EXCLUDE
from composegen.places.status import State
from composegen.records import as_dict

_OVER = frozenset({State.STOPPED, State.FAILED, State.FINISHED})


class Objection(Exception):
    """Why a run does not do what it is asked for."""


class Acts:
    """Stops and starts single services while the run goes on.

    Several at once wait for each other where they are about the same service. Who
    asked may leave: what has begun goes on. ``tell`` gets what was asked for.
    """

    def __init__(self, supervisor: Supervisor, tell: Callable[[str], None]) -> None:
        self._supervisor = supervisor
        self._services = supervisor.services
        self._tell = tell
        self._locks = supervisor.locks
        self._tasks: set[asyncio.Task[tuple[Acted, ...]]] = set()

    async def perform(self, act: str, names: Sequence[str]) -> Mapping[str, Any]:
        """Stop, start, restart or exclude services; the answer to who asked."""
        perform = {
            Act.STOP: self._stop,
            Act.START: self._start,
            Act.RESTART: self._restart,
            EXCLUDE: self._exclude,
        }[act]
        try:
            self._check(act, names)
        except Objection as objection:
            return {"refused": str(objection)}
        listed = " ".join(names)
        is_typed = act != EXCLUDE
        self._tell(
            f"composegen {act} {listed}" if is_typed else f"a drill excludes {listed}"
        )
        task = asyncio.ensure_future(perform(names))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        acted = await asyncio.shield(task)
        return {"acted": [as_dict(each) for each in acted]}

    async def end(self) -> None:
        """Let go of all that was asked for: the run ends."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _check(self, act: str, names: Sequence[str]) -> None:
        for name in names:
            if name not in self._services:
                raise Objection(f"`{name}` is a program that the run did not start")
            if act != Act.START:
                objection = self._supervisor.tenders[name].find_objection()
                if objection:
                    raise Objection(objection)

    async def _stop(self, names: Iterable[str]) -> tuple[Acted, ...]:
        """Stop services, dependent ones first."""
        gone = {name: asyncio.Event() for name in names}
        acted = await asyncio.gather(*(self._stop_one(name, gone) for name in gone))
        return tuple(acted)

    async def _stop_one(self, name: str, gone: Mapping[str, asyncio.Event]) -> Acted:
        service = self._services[name]
        for dependent in service.dependents:
            if dependent in gone:
                await gone[dependent].wait()
        try:
            async with self._locks[name]:
                if service.state in _OVER:
                    return Acted(service=name, outcome=Outcome.WAS_STOPPED)
                service.stopped_by_user()
                await self._supervisor.leave(name)
                left = await self._supervisor.tenders[name].halt()
        finally:
            gone[name].set()
        if left:
            pids = ", ".join(map(str, left))
            reason = f"{name} could not be stopped: pid {pids} is still there"
            return Acted(service=name, outcome=Outcome.FAILED, reason=reason)
        return Acted(service=name, outcome=Outcome.STOPPED)

    async def _start(self, names: Iterable[str]) -> tuple[Acted, ...]:
        """Start services with what they require, and wait until they are ready."""
        named = frozenset(names)
        wanted = find_closure(
            {
                name: [gate.service for gate in step.gates if not gate.is_optional]
                for name, each in self._services.items()
                for step in [each.unit.step]
            },
            named,
        )
        # What is required comes first, so that a gate waits for it.
        ordered = [name for name in self._services if name in wanted]
        begun = {
            name for name in ordered if await self._begin(name, is_named=name in named)
        }
        shown = [name for name in ordered if name in named | begun]
        acted = await asyncio.gather(
            *(self._wait_for(name, is_new=name in begun) for name in shown)
        )
        ready = [each.service for each in acted if each.outcome is Outcome.STARTED]
        return (*acted, *await self._change_users(ready))

    async def _change_users(self, names: Collection[str]) -> list[Acted]:
        """Restart the services that run without these, with them."""
        users = self._supervisor.list_users(names)
        for name in users:
            needed = ", ".join(sorted(self._services[name].without.intersection(names)))
            self._tell(f"{name} restarts with {needed}")
        await asyncio.gather(*map(self._supervisor.change, users))
        waits = (self._wait_for(name, is_new=True) for name in users)
        return list(await asyncio.gather(*waits))

    async def _begin(self, name: str, *, is_named: bool) -> bool:
        """Start a service that does not run; whether it was started."""
        service = self._services[name]
        async with self._locks[name]:  # one that is being stopped ends first
            is_done = service.state is State.FINISHED and not is_named
            if service.state not in _OVER or is_done:
                return False
            service.started_by_user()
            self._supervisor.begin(name)
            return True

    async def _wait_for(self, name: str, *, is_new: bool) -> Acted:
        """Wait until it is ready, or has finished, failed or been stopped again."""
        service = self._services[name]
        while (reason := _judge(service)) is None:
            await service.wait_for_change()
        if reason:
            return Acted(service=name, outcome=Outcome.FAILED, reason=reason)
        outcome = Outcome.STARTED if is_new else Outcome.WAS_RUNNING
        return Acted(service=name, outcome=outcome)

    async def _restart(self, names: Sequence[str]) -> tuple[Acted, ...]:
        stopped = await self._stop(names)
        failed = tuple(each for each in stopped if each.outcome is Outcome.FAILED)
        return failed or await self._start(names)

    async def _exclude(self, names: Sequence[str]) -> tuple[Acted, ...]:
        """Stop services, and restart with their fallbacks those that have one."""
        stopped = await self._stop(names)
        gone = [e.service for e in stopped if e.outcome is not Outcome.FAILED]
        for name in gone:
            service = self._services[name]
            if service.state is State.STOPPED:
                service.set_aside("a drill excludes it for a moment")
        users = [
            user
            for name in gone
            for user in self._services[name].dependents
            if _can_do_without(self._services[user], name)
        ]
        await asyncio.gather(*map(self._supervisor.change, dict.fromkeys(users)))
        waits = (self._wait_for(name, is_new=True) for name in dict.fromkeys(users))
        return (*stopped, *await asyncio.gather(*waits))


def _can_do_without(service: RunningService, name: str) -> bool:
    """Whether a service that runs may be restarted without another one."""
    gates = service.unit.step.gates
    is_optional = any(gate.service == name and gate.is_optional for gate in gates)
    return is_optional and can_change(service)


def _judge(service: RunningService) -> str | None:
    """Why a service is not up, empty where it is, None where that is still open."""
    if service.by is not None:
        return f"{service.name} was stopped by the user meanwhile"
    if service.is_well:
        return ""
    if service.exclusion is not None and service.failure is None:
        return f"{service.name} is excluded: {service.exclusion}"
    failure = describe_failure(service)
    is_over = service.state in _OVER or service.again_at is not None
    if failure is not None and is_over:
        return failure.reason
    if service.state is State.READY:
        return f"{service.name} runs and is unhealthy: {service.last_answer}"
    return f"{service.name} has stopped" if is_over else None
