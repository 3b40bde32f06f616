"""Carries out a plan on processes and decides nothing: order, gates and ways are given.

One task tends one service: its gates, its start, its health, its restarts. Everything
that happens is reported as an event.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from composegen.causes import (
    LAST_LINES,
    explain_exit,
    explain_os_error,
    explain_silence,
)
from composegen.claims import Claims, Found, Refused, check_answerer
from composegen.events import (
    Event,
    Exited,
    Failed,
    Failure,
    Finished,
    Line,
    Ready,
    Recovered,
    Reused,
    Sickened,
    Started,
    Stopped,
    Told,
)
from composegen.health import (
    Died,
    NeverReady,
    NotReady,
    Probe,
    ask,
    wait_until_ready,
    wait_until_settled,
)
from composegen.localplan import Unit, Way
from composegen.logs import Tail, read_last_lines
from composegen.model import Condition, HealthKind
from composegen.processes import find_start_time, is_still, read_command
from composegen.runtimes.process import Process, Processes
from composegen.status import ServiceStatus, State
from composegen.tended import Tended, describe_tended
from composegen.timeline import Boot

Report: TypeAlias = Callable[[Event], None]
"""Whoever wants to know what happens."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
_STEADY_AFTER = 60.0
_TAIL_INTERVAL = 0.02
_WATCH_INTERVAL = 0.1


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
        loop = asyncio.get_running_loop()
        self.begin = time.monotonic()
        self.tended = {unit.name: Tended(unit, loop) for unit in units}
        self._processes = processes
        self._claims = claims
        self._report = report
        self._restart = restart
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._tailing: asyncio.Task[None] | None = None

    @property
    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.begin

    # Up

    async def bring_up(self) -> None:
        """Start everything, each service when its gates open.

        Returns when all that is required is ready or finished and the rest is so or
        was given up. Raises StartFailed the moment a required one fails.
        """
        self._tailing = asyncio.create_task(self._follow_logs())
        for name, tended in self.tended.items():
            self._tasks[name] = asyncio.create_task(self._tend(tended))
        waiting: dict[asyncio.Future[bool], Tended] = {
            tended.settled: tended for tended in self.tended.values()
        }
        while waiting:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for future in done:
                tended = waiting.pop(future)
                if tended.failure is not None and tended.unit.step.is_required:
                    raise StartFailed(tended.failure)

    async def wait_for_end(self) -> None:
        """Return when nothing is left that runs or will run again."""
        await asyncio.gather(*self._tasks.values())

    async def _tend(self, tended: Tended) -> None:
        failure = await self._pass_gates(tended)
        if failure is None:
            failure = await self._boot(tended)
        if failure is not None:
            await self._give_up(tended, failure)
            return
        pause = FIRST_PAUSE
        while not tended.unit.step.service.job:
            ready_at = time.monotonic()
            code = await self._watch(tended)
            if time.monotonic() - ready_at > _STEADY_AFTER:
                pause = FIRST_PAUSE
            again = self._restart and tended.unit.way is not Way.COMMAND
            self._note_exit(tended, code, pause if again else None)
            if tended.process is not None:
                await tended.process.stop()
            if not again:
                self._claims.note_ended(tended.unit)
                return
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)
            while (failure := await self._boot_again(tended)) is not None:
                self._tell(tended, f"{failure.reason}; next try in {pause:g} s")
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE, pause * 2)

    async def _pass_gates(self, tended: Tended) -> Failure | None:
        """Wait until the gates open; the failure where a required one cannot."""
        step = tended.unit.step
        for gate in step.gates:
            needed = self.tended.get(gate.service)
            if needed is None:
                continue
            is_start = gate.condition is Condition.STARTED
            opened = await asyncio.shield(
                needed.started if is_start else needed.settled
            )
            if not opened and not gate.is_optional:
                return Failure(
                    service=step.name,
                    reason=f"{step.name} cannot start without {gate.service}",
                )
        tended.boot = Boot(
            service=step.name,
            created=0.0,
            started=self.now,
            waited_for=tuple(gate.service for gate in step.gates),
        )
        return None

    async def _boot(self, tended: Tended) -> Failure | None:
        """Start it, or find it running, and wait until it is ready."""
        unit = tended.unit
        tended.enter(State.STARTING, "starting" if unit.probe.can_ask else "none")
        try:
            found = await self._claims.claim(unit)
        except Refused as refused:
            return refused.failure
        if found is not None:
            self._use(tended, found)
            return None
        failure = self._start(tended)
        if failure is not None:
            return failure
        return await self._wait(tended)

    async def _boot_again(self, tended: Tended) -> Failure | None:
        tended.restarts += 1
        failure = await self._boot(tended)
        if failure is not None and tended.process is not None:
            await tended.process.stop()
        return failure

    def _use(self, tended: Tended, found: Found) -> None:
        tended.found = found
        tended.process = None
        since = find_start_time(found.pid) if found.pid is not None else None
        self._report(
            Reused(
                service=tended.unit.name,
                at=self.now,
                pid=found.pid,
                command=read_command(found.pid) if found.pid is not None else "",
                since=_format_time(since),
                note=found.note,
            )
        )
        self._become_ready(tended, 0.0)

    def _start(self, tended: Tended) -> Failure | None:
        unit = tended.unit
        if unit.launch is None:
            return Failure(
                service=unit.name, reason=f"{unit.name} cannot be started here"
            )
        try:
            process = self._processes.start(unit.launch)
        except OSError as error:
            return explain_os_error(unit, error)
        tended.found = None
        tended.process = process
        tended.exit_code = None
        if unit.launch.log is not None:
            tended.tail = Tail(unit.launch.log, process.log_start)
        if process.identity is not None:
            self._claims.note_started(unit, process.identity)
        if not tended.started.done():
            tended.started.set_result(True)
        self._report(
            Started(
                service=unit.name,
                at=self.now,
                pid=process.pid,
                command=" ".join(unit.launch.command),
                restarts=tended.restarts,
            )
        )
        return None

    async def _wait(self, tended: Tended) -> Failure | None:
        """Wait until what was started is ready, has finished, or fails."""
        unit, process = tended.unit, tended.process
        if process is None:
            return None
        try:
            if unit.step.service.job:
                return await self._wait_for_job(tended, process)
            if unit.way is Way.COMMAND:
                self._note_boot(tended)
                tended.enter(State.READY, "none")
                return None
            if unit.probe.can_ask:
                after = await wait_until_ready(
                    lambda: self._ask(unit, process),
                    boot=unit.probe.boot,
                    exited=process.exited,
                    started_at=process.started_at,
                    is_heavy=unit.probe.kind is HealthKind.COMMAND,
                )
            else:
                after = await wait_until_settled(process.exited)
        except Died as died:
            self._show_rest(tended)
            return explain_exit(unit, died.exit_code, self._last_lines(tended))
        except NeverReady as error:
            return explain_silence(
                unit,
                seconds=error.seconds,
                last=error.last,
                pids=process.find_all(),
                lines=self._last_lines(tended),
            )
        self._become_ready(tended, after)
        return None

    async def _ask(self, unit: Unit, process: Process) -> None:
        await ask(self._mark_probe(unit))
        if unit.probe.kind in {HealthKind.HTTP, HealthKind.TCP}:
            try:
                check_answerer(unit, (process.pid,))
            except NotReady:
                await asyncio.sleep(_WATCH_INTERVAL)
                check_answerer(unit, tuple(process.find_all()))

    def _mark_probe(self, unit: Unit) -> Probe:
        if unit.probe.kind is not HealthKind.COMMAND:
            return unit.probe
        marks = self._processes.make_marks(unit.name)
        return replace(unit.probe, env={**unit.probe.env, **marks})

    async def _wait_for_job(self, tended: Tended, process: Process) -> Failure | None:
        code = await asyncio.shield(process.exited)
        self._show_rest(tended)
        tended.exit_code = code
        await process.stop()
        self._claims.note_ended(tended.unit)
        if code != 0:
            return explain_exit(tended.unit, code, self._last_lines(tended))
        after = time.monotonic() - process.started_at
        self._note_boot(tended)
        self._report(Finished(service=tended.unit.name, at=self.now, after=after))
        tended.enter(State.FINISHED)
        return None

    def _become_ready(self, tended: Tended, after: float) -> None:
        unit = tended.unit
        self._note_boot(tended)
        self._report(
            Ready(service=unit.name, at=self.now, after=after, address=unit.address)
        )
        tended.enter(State.READY, "healthy" if unit.probe.can_ask else "none")

    def _note_boot(self, tended: Tended) -> None:
        if tended.boot.ready is None:
            tended.boot = replace(tended.boot, ready=self.now)

    async def _give_up(self, tended: Tended, failure: Failure) -> None:
        """A start that failed is told at once, then what is left of it is ended."""
        tended.failure = failure
        tended.exit_code = failure.exit_code
        self._report(
            Failed(
                service=tended.unit.name,
                at=self.now,
                failure=failure,
                is_required=tended.unit.step.is_required,
                dependants=tuple(self._list_dependants(tended.unit.name)),
            )
        )
        tended.enter(State.FAILED)
        if tended.process is not None:
            await tended.process.stop()
        self._claims.note_ended(tended.unit)

    # While it runs

    async def _watch(self, tended: Tended) -> int | None:
        """Wait until it dies, asking calmly how it is; its code where it is ours."""
        probe = tended.unit.probe
        misses = 0
        while True:
            gone = await self._wait_for_exit(tended, probe.interval)
            if gone:
                self._show_rest(tended)
                process = tended.process
                return process.exited.result() if process is not None else None
            if not probe.can_ask:
                continue
            try:
                await ask(self._mark_probe(tended.unit))
            except NotReady as error:
                misses += 1
                tended.last_answer = str(error)
                if misses == probe.retries:
                    tended.health = "unhealthy"
                    self._report(
                        Sickened(
                            service=tended.unit.name, at=self.now, reason=str(error)
                        )
                    )
            else:
                if misses >= probe.retries:
                    tended.health = "healthy"
                    self._report(Recovered(service=tended.unit.name, at=self.now))
                misses = 0

    async def _wait_for_exit(self, tended: Tended, seconds: float) -> bool:
        process, found = tended.process, tended.found
        if found is None and process is not None:
            await asyncio.wait({process.exited}, timeout=seconds)
            return process.exited.done()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found is None or (found.process and not is_still(found.process)):
                return True
            await asyncio.sleep(_WATCH_INTERVAL)
        return False

    def _note_exit(self, tended: Tended, code: int | None, pause: float | None) -> None:
        tended.exit_code = code
        tended.found = None
        is_over = pause is None
        tended.enter(State.STOPPED if is_over and code == 0 else State.STARTING)
        if is_over and code != 0:
            tended.state = State.FAILED
        if tended.unit.way is Way.COMMAND:
            return  # whoever typed it sees how it ends
        self._report(
            Exited(
                service=tended.unit.name,
                at=self.now,
                exit_code=code,
                restart_in=pause,
                dependants=tuple(self._list_dependants(tended.unit.name)),
            )
        )

    def _list_dependants(self, name: str) -> Iterable[str]:
        for tended in self.tended.values():
            if any(gate.service == name for gate in tended.unit.step.gates):
                yield tended.unit.name

    def _tell(self, tended: Tended, text: str) -> None:
        self._report(Told(service=tended.unit.name, at=self.now, text=text))

    # Logs

    async def _follow_logs(self) -> None:
        while True:
            for tended in self.tended.values():
                if tended.tail is not None:
                    self._show(tended, tended.tail.read_lines())
            await asyncio.sleep(_TAIL_INTERVAL)

    def _show(self, tended: Tended, lines: list[str]) -> None:
        for text in lines:
            self._report(Line(service=tended.unit.name, at=self.now, text=text))

    def _show_rest(self, tended: Tended) -> None:
        """What it said last, before its end is told."""
        if tended.tail is not None:
            self._show(tended, tended.tail.read_rest())
            tended.tail.close()
            tended.tail = None

    def _last_lines(self, tended: Tended) -> list[str]:
        launch, process = tended.unit.launch, tended.process
        if launch is None or launch.log is None or process is None:
            return []
        return read_last_lines(launch.log, LAST_LINES, since=process.log_start)

    # Down

    async def take_down(self) -> None:
        """Stop all that is ours, dependants before what they need, siblings together."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        gone = {name: asyncio.Event() for name in self.tended}
        stops: list[Coroutine[Any, Any, None]] = [
            self._stop(tended, gone) for tended in self.tended.values()
        ]
        await asyncio.gather(*stops)
        if self._tailing is not None:
            self._tailing.cancel()
            await asyncio.gather(self._tailing, return_exceptions=True)

    async def _stop(self, tended: Tended, gone: Mapping[str, asyncio.Event]) -> None:
        name = tended.unit.name
        for dependant in self._list_dependants(name):
            await gone[dependant].wait()
        was_running = tended.process is not None and bool(tended.process.find_all())
        left = await tended.process.stop() if tended.process is not None else []
        self._show_rest(tended)
        self._claims.note_ended(tended.unit)
        tended.found = None
        if tended.state not in {State.FAILED, State.FINISHED}:
            tended.enter(State.STOPPED)
        if was_running or left:
            self._report(Stopped(service=name, at=self.now, left=tuple(left)))
        gone[name].set()

    # What is known

    def list_boots(self) -> list[Boot]:
        """The boots so far, in the order of the plan."""
        return [tended.boot for tended in self.tended.values()]

    def list_statuses(self) -> list[ServiceStatus]:
        """How every service of the run is doing."""
        return [describe_tended(tended) for tended in self.tended.values()]


def _format_time(moment: float | None) -> str:
    return "" if moment is None else time.strftime("%H:%M", time.localtime(moment))
