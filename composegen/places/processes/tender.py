"""Tends one service in the order in which things happen: gates, start, watch, stop."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping

from composegen.errors import ComposegenError
from composegen.health import HealthKind
from composegen.places.events import Failure, Report
from composegen.places.processes.causes import (
    explain_exit,
    explain_os_error,
    explain_silence,
)
from composegen.places.processes.claims import Claims
from composegen.places.processes.exclusions import Exclusions
from composegen.places.processes.gates import Gates
from composegen.places.processes.plan import Way
from composegen.places.processes.probing import Prober
from composegen.places.processes.readiness import (
    Died,
    NeverReady,
    NotReady,
    wait_until_ready,
    wait_until_settled,
)
from composegen.places.processes.refusals import Refused
from composegen.places.processes.report import Reports
from composegen.places.processes.service import RunningService
from composegen.places.status import State
from composegen.system.identity import Identity, is_still
from composegen.system.process import Process, Processes
from composegen.values import format_duration

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
_STEADY_AFTER = 60.0
_MOMENT = 0.05
_WATCH_INTERVAL = 0.1
_ON = frozenset({State.WAITING, State.STARTING, State.READY})


class Tender:
    """Tends one service of a run; ``services`` are all of them, by name.

    ``lose`` gets the name of the service, and why, when it has failed for good.
    """

    def __init__(
        self,
        service: RunningService,
        services: Mapping[str, RunningService],
        processes: Processes,
        claims: Claims,
        report: Report,
        *,
        exclusions: Exclusions,
        lose: Callable[[str, str], None],
        restart: bool,
    ) -> None:
        self.service = service
        self.reports = Reports(service, report)
        self._unit = service.unit
        self._prober = Prober(service, processes)
        self._exclusions = exclusions
        self._lose = lose
        self._was_late = False
        self._gates = Gates(service.unit.step, services, exclusions.is_fallback)
        self._processes = processes
        self._claims = claims
        self._is_restarted = restart and service.unit.way is not Way.COMMAND
        self._tries = 0

    async def tend(self, *, is_again: bool = False) -> None:
        """Take it from its gates to its last exit; cancelled when the run ends.

        ``is_again``: it has been up, and a start that fails is a restart that does.
        """
        pause: float | None = FIRST_PAUSE
        failure = await self._pass_gates() or await self._boot()
        if failure is not None and is_again and self._comes_back(failure.exit_code):
            await self._stop_process()
            pause = await self._restart(FIRST_PAUSE, failure)
        elif failure is not None:
            await self._give_up(failure)
            return
        while pause is not None and not self._unit.step.service.job:
            ready_at = time.monotonic()
            code = await self._watch()
            if time.monotonic() - ready_at > _STEADY_AFTER:
                pause, self._tries = FIRST_PAUSE, 0
            comes_back = self._comes_back(code)
            await self._end(code, restart_in=pause if comes_back else None)
            if not comes_back:
                return
            pause = await self._restart(pause)

    def _comes_back(self, code: int | None) -> bool:
        """Whether it is started again after an exit with this code."""
        policy = self._unit.restart
        has_tries = policy.most is None or self._tries < policy.most
        return self._is_restarted and policy.applies(code) and has_tries

    # Its start

    async def _pass_gates(self) -> Failure | None:
        """Wait until all gates are open at once; the failure where one never will."""
        while True:
            now = time.monotonic()
            shut, closed = self._gates.find_shut(now), self._gates.find_closed(now)
            if shut:
                reason = f"cannot start without {shut[0]}"
                return Failure(service=self.service.name, reason=reason)
            self.reports.send(self.service.waits_for(closed))
            if not closed:
                return None
            await self._gates.wait_for_change(now)

    async def _boot(self) -> Failure | None:
        """Start it, or find it running, and wait until it is ready."""
        self.service.starts()
        self._was_late = False
        try:
            found = await self._claims.claim(self._unit, self._note_waiting)
        except Refused as refused:
            return refused.failure
        except OSError as error:
            return explain_os_error(self._unit, error)
        if found is not None:
            self.reports.send(self.service.reused(found))
            self.reports.send(self.service.became_ready(0.0))
            return None
        # Looking at its port may have taken a while.
        return await self._pass_gates() or self._start() or await self._wait()

    def _note_waiting(self, holder: str, answer: str) -> None:
        """A process of this folder has its port and is not healthy yet."""
        if self.service.answered(answer):
            self.reports.tell(
                f"is already running and is not ready: {holder}; "
                f"waiting up to {self._unit.probe.boot:g} s for it"
            )

    def _start(self) -> Failure | None:
        unit = self._unit
        if unit.launch is None:
            return Failure(
                service=unit.name, reason=f"{unit.name} cannot be started here"
            )
        try:
            # No await since the gates were looked at: this is what they have said.
            without = self._gates.find_absent()
            variant = self._exclusions.find_unit(unit.name, without) or unit
            assert variant.launch is not None
            process = self._processes.start(variant.launch)
        except OSError as error:
            return explain_os_error(unit, error)
        except ComposegenError as error:
            return Failure(service=unit.name, reason=error.message, help=error.help)
        self._prober.probe = variant.probe
        event = self.service.started(process, without)
        self.reports.follow_log()
        if process.identity is not None:
            self._claims.note_started(unit, process.identity)
        self.reports.send(event)
        return None

    async def _wait(self) -> Failure | None:
        """Wait until what was started is ready, has finished, or fails."""
        unit, process = self._unit, self.service.process
        if process is None:
            return None
        try:
            if unit.step.service.job:
                return await self._wait_for_job(process)
            after = await self._wait_until_ready(process)
        except Died as died:
            self.reports.show_rest()
            return explain_exit(unit, died.exit_code, self.reports.read_last_lines())
        except NeverReady as error:
            self._was_late = True
            return explain_silence(
                unit,
                seconds=error.seconds,
                last=error.last,
                pids=process.find_all(),
                lines=self.reports.read_last_lines(),
            )
        event = self.service.became_ready(after)
        if unit.way is not Way.COMMAND:
            self.reports.send(event)
        return None

    async def _wait_for_job(self, process: Process) -> Failure | None:
        code = await asyncio.shield(process.exited)
        self.reports.show_rest()
        self.service.exited(code)
        await process.stop()
        self._claims.note_ended(self._unit)
        if code != 0:
            return explain_exit(self._unit, code, self.reports.read_last_lines())
        after = time.monotonic() - process.started_at
        self.reports.send(self.service.finished(after))
        return None

    async def _wait_until_ready(self, process: Process) -> float:
        """The seconds that it took. Raises Died and NeverReady."""
        unit = self._unit
        if unit.way is Way.COMMAND:
            return 0.0
        if not unit.probe.can_ask:
            return await wait_until_settled(process.exited)
        return await wait_until_ready(
            lambda: self._prober.ask(process),
            boot=unit.probe.boot,
            exited=process.exited,
            started_at=process.started_at,
            is_heavy=unit.probe.kind is HealthKind.COMMAND,
            arrives=self._prober.find_arrival(),
        )

    async def _give_up(self, failure: Failure) -> None:
        """Report at once that its start failed, then end what is left of it."""
        self.reports.send(self.service.gave_up(failure))
        self._lose(self.service.name, self._describe_briefly(failure))
        await self._stop_process()
        self._claims.note_ended(self._unit)

    def _describe_briefly(self, failure: Failure) -> str:
        """Why it failed, as the reason of an exclusion."""
        if self._was_late:
            return f"not healthy within {format_duration(self._unit.probe.boot)}"
        reason = failure.reason.removeprefix(f"{self.service.name} ")
        return reason.removeprefix("was ")

    # While it runs

    async def _watch(self) -> int | None:
        """Wait until it dies and probe it meanwhile; its code where it is ours."""
        probe = self._unit.probe
        misses = 0
        while not await self._wait_for_exit(probe.interval if probe.can_ask else None):
            try:
                await self._prober.ask()
            except NotReady as error:
                misses += 1
                if misses == probe.retries:
                    # What ends closes its connections first, which is no illness.
                    if await self._wait_for_exit(_MOMENT):
                        break
                    self.reports.send(self.service.became_unhealthy(str(error)))
            else:
                if misses >= probe.retries:
                    self.reports.send(self.service.recovered())
                misses = 0
        self.reports.show_rest()
        process = self.service.process
        return process.exited.result() if process is not None else None

    async def _wait_for_exit(self, seconds: float | None) -> bool:
        """Wait until it has ended, without a limit for None; whether it has."""
        process, found = self.service.process, self.service.found
        if found is None and process is not None:
            await asyncio.wait({process.exited}, timeout=seconds)
            return process.exited.done()
        end = time.monotonic() + (math.inf if seconds is None else seconds)
        while time.monotonic() < end:
            if found is None or (found.process and _is_gone(found.process)):
                return True
            await asyncio.sleep(_WATCH_INTERVAL)
        return False

    async def _end(self, code: int | None, *, restart_in: float | None) -> None:
        """It died: report it, and end what is left of it."""
        if self._unit.way is Way.COMMAND:
            # Who typed the command sees how it ends.
            self.service.died(code, None, restart_in=restart_in)
        else:
            failure = self._explain_end(code)
            self.reports.send(self.service.died(code, failure, restart_in=restart_in))
            if restart_in is None:
                self._lose(self.service.name, self._describe_briefly(failure))
        await self._stop_process()
        if restart_in is None:
            self._claims.note_ended(self._unit)

    def _explain_end(self, code: int | None) -> Failure:
        unit = self._unit
        if code is None:
            return Failure(
                service=unit.name,
                reason=f"{unit.name}, which was used here, is not running any more",
            )
        return explain_exit(unit, code, self.reports.read_last_lines(), was_ready=True)

    async def _restart(
        self, pause: float, failure: Failure | None = None
    ) -> float | None:
        """Start it again until it is ready; the pause before the next restart.

        ``failure`` is that of the last restart. None where its policy allows no
        further try.
        """
        while True:
            self.reports.send(self.service.pauses(pause, failure))
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)
            self._tries += 1
            self.service.tries_again()
            failure = await self._pass_gates() or await self._boot()
            if failure is None:
                return pause
            if not self._comes_back(failure.exit_code):
                await self._give_up(failure)
                return None
            await self._stop_process()

    # Its end

    def find_objection(self) -> str:
        """Why it must not be stopped by the user; empty where it may be."""
        found = self.service.found
        if self._unit.way is Way.COMMAND:
            return f"`{self.service.name}` is the command of this run; end it there"
        if found is None or self._claims.is_shared(self._unit, found):
            return ""
        who = "" if found.pid is None else f", pid {found.pid}"
        return (
            f"`{self.service.name}` was not started by composegen{who}, and is only "
            "used here"
        )

    async def stop(self, gone: Mapping[str, asyncio.Event]) -> None:
        """End it once its dependent services are gone, and say that it is gone too."""
        for dependent in self.service.dependents:
            await gone[dependent].wait()
        await self.halt()
        gone[self.service.name].set()

    async def halt(self) -> tuple[int, ...]:
        """End it, while ``tend`` does not run; its processes that cannot be killed."""
        process = self.service.process
        is_new = self.service.by is not None and self.service.state in _ON
        was_running = process is not None and bool(process.find_all())
        left = await self._stop_process()
        self.reports.show_rest()
        self._claims.note_ended(self._unit)
        event = self.service.stopped(left)
        if was_running or left or is_new:
            self.reports.send(event)
        return left

    async def _stop_process(self) -> tuple[int, ...]:
        """Stop all processes of what was started; those that could not be killed."""
        process = self.service.process
        return tuple(await process.stop()) if process is not None else ()


def _is_gone(process: Identity) -> bool:
    """Whether a process has ended; no where no file handle is left to look with."""
    try:
        return not is_still(process)
    except OSError:
        return False
