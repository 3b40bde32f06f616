"""Tends one service from its gates to its end: start, health, restarts, stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping

from composegen.model import HealthKind
from composegen.places.events import (
    Exited,
    Failed,
    Failure,
    Finished,
    Ready,
    Recovered,
    Reused,
    Sickened,
    Started,
    Stopped,
)
from composegen.places.processes.causes import (
    explain_exit,
    explain_os_error,
    explain_silence,
)
from composegen.places.processes.claims import (
    Claims,
    Found,
    Refused,
    check_answerer,
    enter_container,
)
from composegen.places.processes.gates import Gates
from composegen.places.processes.plan import Way
from composegen.places.processes.readiness import (
    Died,
    NeverReady,
    NotReady,
    Probe,
    ask,
    wait_until_ready,
    wait_until_settled,
)
from composegen.places.processes.report import Report, Voice
from composegen.places.processes.service import Tended
from composegen.places.processes.units import Unit
from composegen.places.status import State
from composegen.places.timeline import Boot
from composegen.records import replace
from composegen.system.identity import Identity, find_start_time, is_still, read_command
from composegen.system.logfiles import Tail
from composegen.system.process import Process, Processes

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
_STEADY_AFTER = 60.0
_WATCH_INTERVAL = 0.1


class Tender:
    """Tends one service of a run; ``others`` are all of them, by name."""

    def __init__(
        self,
        tended: Tended,
        others: Mapping[str, Tended],
        processes: Processes,
        claims: Claims,
        report: Report,
        *,
        restart: bool,
        begin: float,
    ) -> None:
        self.tended = tended
        self._others = others
        self._processes = processes
        self._claims = claims
        self._restart = restart
        self._gates = Gates(tended.unit.step, others)
        self.voice = Voice(tended, report, begin)

    async def tend(self) -> None:
        """Carry it from its gates to its last exit; cancelled when the run ends."""
        failure = await self._pass_gates()
        if failure is None:
            self._begin_boot()
            failure = await self._boot()
        if failure is not None:
            await self._give_up(failure)
            return
        pause = FIRST_PAUSE
        while not self.tended.unit.step.service.job:
            ready_at = time.monotonic()
            code = await self._watch()
            if time.monotonic() - ready_at > _STEADY_AFTER:
                pause = FIRST_PAUSE
            again = self._restart and self.tended.unit.way is not Way.COMMAND
            self._note_exit(code, pause if again else None)
            if self.tended.process is not None:
                await self.tended.process.stop()
            if not again:
                self._claims.note_ended(self.tended.unit)
                return
            await self._pause(pause)
            pause = min(LONGEST_PAUSE, pause * 2)
            while (failure := await self._boot_again()) is not None:
                self.tended.failure = failure
                cause = f" ({failure.cause})" if failure.cause else ""
                self.voice.tell(f"{failure.reason}{cause}; next try in {pause:g} s")
                await self._pause(pause)
                pause = min(LONGEST_PAUSE, pause * 2)

    async def _pause(self, seconds: float) -> None:
        """Wait before it is started again."""
        self.tended.again_at = time.monotonic() + seconds
        await asyncio.sleep(seconds)
        self.tended.again_at = None

    async def _pass_gates(self) -> Failure | None:
        """Wait until all gates are open at once; the failure where one never will."""
        while True:
            shut, closed = self._gates.find_shut(), self._gates.find_closed()
            if shut:
                return Failure(
                    service=self.tended.unit.name,
                    reason=f"cannot start without {shut[0]}",
                )
            if closed and not self.tended.waits_for and self.tended.failure is not None:
                self.voice.tell(f"waits for {', '.join(closed)} before it starts again")
            self.tended.waits_for = closed
            if not closed:
                return None
            await self._gates.wait_for_change()

    def _begin_boot(self) -> None:
        step = self.tended.unit.step
        self.tended.boot = Boot(
            service=step.name,
            created=0.0,
            started=self.voice.now,
            waited_for=tuple(gate.service for gate in step.gates),
        )

    async def _boot(self) -> Failure | None:
        """Start it, or find it running, and wait until it is ready."""
        unit = self.tended.unit
        self.tended.enter(State.STARTING, "starting" if unit.probe.can_ask else "none")
        try:
            found = await self._claims.claim(unit, self._note_waiting)
        except Refused as refused:
            return refused.failure
        except OSError as error:
            return explain_os_error(unit, error)
        if found is not None:
            self._use(found)
            return None
        # The look at its port may have taken a while.
        return await self._pass_gates() or self._start() or await self._wait()

    async def _boot_again(self) -> Failure | None:
        self.tended.restarts += 1
        failure = await self._pass_gates() or await self._boot()
        if failure is not None and self.tended.process is not None:
            await self.tended.process.stop()
        return failure

    def _note_waiting(self, holder: str, answer: str) -> None:
        """Somebody near has its port and is not healthy yet: told once."""
        if not self.tended.last_answer:
            boot = self.tended.unit.probe.boot
            self.voice.tell(
                f"runs already and is not ready: {holder}; "
                f"it is waited for up to {boot:g} s"
            )
        self.tended.last_answer = answer

    def _use(self, found: Found) -> None:
        self.tended.found = found
        self.tended.process = None
        since = find_start_time(found.pid) if found.pid is not None else None
        self.voice.say(
            Reused,
            pid=found.pid,
            command=read_command(found.pid) if found.pid is not None else "",
            since=_format_time(since),
            note=found.note,
        )
        self._become_ready(0.0)

    def _start(self) -> Failure | None:
        unit = self.tended.unit
        if unit.launch is None:
            return Failure(
                service=unit.name, reason=f"{unit.name} cannot be started here"
            )
        try:
            process = self._processes.start(unit.launch)
        except OSError as error:
            return explain_os_error(unit, error)
        self.tended.take_process(process)
        if unit.launch.log is not None:
            self.tended.tail = Tail(unit.launch.log, process.log_start)
        if process.identity is not None:
            self._claims.note_started(unit, process.identity)
        self.voice.say(
            Started,
            pid=process.pid,
            command=" ".join(unit.launch.command),
            restarts=self.tended.restarts,
        )
        return None

    async def _wait(self) -> Failure | None:
        """Wait until what was started is ready, has finished, or fails."""
        unit, process = self.tended.unit, self.tended.process
        if process is None:
            return None
        try:
            if unit.step.service.job:
                return await self._wait_for_job(process)
            if unit.way is Way.COMMAND:
                self._note_boot()
                self.tended.enter(State.READY, "none")
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
            self.voice.show_rest()
            return explain_exit(unit, died.exit_code, self.voice.read_last_lines())
        except NeverReady as error:
            return explain_silence(
                unit,
                seconds=error.seconds,
                last=error.last,
                pids=process.find_all(),
                lines=self.voice.read_last_lines(),
            )
        self._become_ready(after)
        return None

    async def _ask(self, unit: Unit, process: Process) -> None:
        try:
            await ask(self._mark_probe(unit))
            if unit.probe.kind is not HealthKind.COMMAND:
                await _check_answerer(unit, process)
        except NotReady as error:
            self.tended.last_answer = str(error)
            raise

    def _mark_probe(self, unit: Unit) -> Probe:
        if unit.probe.kind is not HealthKind.COMMAND:
            return unit.probe
        found = self.tended.found
        probe = enter_container(unit.probe, found.container if found else "")
        marks = self._processes.make_marks(unit.name)
        return replace(probe, env={**probe.env, **marks})

    async def _wait_for_job(self, process: Process) -> Failure | None:
        code = await asyncio.shield(process.exited)
        self.voice.show_rest()
        self.tended.exit_code = code
        await process.stop()
        self._claims.note_ended(self.tended.unit)
        if code != 0:
            return explain_exit(self.tended.unit, code, self.voice.read_last_lines())
        after = time.monotonic() - process.started_at
        self._note_boot()
        self.voice.say(Finished, after=after)
        self.tended.enter(State.FINISHED)
        return None

    def _become_ready(self, after: float) -> None:
        unit = self.tended.unit
        self._note_boot()
        self.tended.failure = None
        self.voice.say(Ready, after=after, address=unit.address)
        self.tended.enter(State.READY, "healthy" if unit.probe.can_ask else "none")

    def _note_boot(self) -> None:
        if self.tended.boot.ready is None:
            self.tended.boot = replace(self.tended.boot, ready=self.voice.now)

    async def _give_up(self, failure: Failure) -> None:
        """A start that failed is told at once, then what is left of it is ended."""
        self.tended.failure = failure
        self.tended.exit_code = failure.exit_code
        self.voice.say(
            Failed,
            failure=failure,
            is_required=self.tended.unit.step.is_required,
            dependants=tuple(self._list_dependants()),
        )
        self.tended.enter(State.FAILED)
        if self.tended.process is not None:
            await self.tended.process.stop()
        self._claims.note_ended(self.tended.unit)

    # While it runs

    async def _watch(self) -> int | None:
        """Wait until it dies, asking calmly how it is; its code where it is ours."""
        probe = self.tended.unit.probe
        misses = 0
        while True:
            gone = await self._wait_for_exit(probe.interval)
            if gone:
                self.voice.show_rest()
                process = self.tended.process
                return process.exited.result() if process is not None else None
            if not probe.can_ask:
                continue
            try:
                await ask(self._mark_probe(self.tended.unit))
            except NotReady as error:
                misses += 1
                self.tended.last_answer = str(error)
                if misses == probe.retries:
                    self.tended.change_health("unhealthy")
                    self.voice.say(Sickened, reason=str(error))
            else:
                if misses >= probe.retries:
                    self.tended.change_health("healthy")
                    self.voice.say(Recovered)
                misses = 0

    async def _wait_for_exit(self, seconds: float) -> bool:
        process, found = self.tended.process, self.tended.found
        if found is None and process is not None:
            await asyncio.wait({process.exited}, timeout=seconds)
            return process.exited.done()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found is None or (found.process and _is_gone(found.process)):
                return True
            await asyncio.sleep(_WATCH_INTERVAL)
        return False

    def _note_exit(self, code: int | None, pause: float | None) -> None:
        self.tended.exit_code = code
        self.tended.found = None
        if pause is not None:
            self.tended.enter(State.STARTING)
        else:
            self.tended.enter(State.STOPPED if code == 0 else State.FAILED)
        if self.tended.unit.way is Way.COMMAND:
            return  # whoever typed it sees how it ends
        self.tended.failure = self._explain_end(code)
        self.voice.say(
            Exited,
            exit_code=code,
            restart_in=pause,
            dependants=tuple(self._list_dependants()),
        )

    def _explain_end(self, code: int | None) -> Failure:
        unit = self.tended.unit
        if code is None:
            return Failure(
                service=unit.name, reason=f"{unit.name}, which was used here, is gone"
            )
        return explain_exit(unit, code, self.voice.read_last_lines(), was_ready=True)

    def _list_dependants(self) -> Iterable[str]:
        for other in self._others.values():
            if any(
                gate.service == self.tended.unit.name for gate in other.unit.step.gates
            ):
                yield other.unit.name

    # Its end

    async def stop(self, gone: Mapping[str, asyncio.Event]) -> None:
        """End it once its dependants are gone, and say that it is gone too."""
        for dependant in self._list_dependants():
            await gone[dependant].wait()
        was_running = self.tended.process is not None and bool(
            self.tended.process.find_all()
        )
        left = (
            await self.tended.process.stop() if self.tended.process is not None else []
        )
        self.voice.show_rest()
        self._claims.note_ended(self.tended.unit)
        self.tended.found = None
        if self.tended.state not in {State.FAILED, State.FINISHED}:
            self.tended.enter(State.STOPPED)
        if was_running or left:
            self.voice.say(Stopped, left=tuple(left))
        gone[self.tended.unit.name].set()


async def _check_answerer(unit: Unit, process: Process) -> None:
    """Raises NotReady, after a pause, where a stranger answers."""
    try:
        check_answerer(unit, (process.pid,))
    except NotReady:
        try:
            check_answerer(unit, tuple(process.find_all()))
        except NotReady:
            await asyncio.sleep(_WATCH_INTERVAL)  # looking costs more than asking
            raise


def _is_gone(process: Identity) -> bool:
    """Whether a process has ended; no where no file handle is left to look with."""
    try:
        return not is_still(process)
    except OSError:
        return False


def _format_time(moment: float | None) -> str:
    return "" if moment is None else time.strftime("%H:%M", time.localtime(moment))
