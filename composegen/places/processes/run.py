"""``composegen run``: settle, show the plan, carry it out, end with the right code."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from composegen.errors import CannotRun, ComposegenError, ExitCode, UsageError
from composegen.model import Service, Stack
from composegen.oserrors import check_handles, describe_os_error, is_shortage
from composegen.places.event_data import read_event
from composegen.places.events import (
    Address,
    Attached,
    Detached,
    EndAsked,
    Ending,
    Killing,
    Noted,
    OtherBegins,
    Output,
    Planned,
    Pulling,
    Report,
    Up,
    WantsLines,
    wants_all,
)
from composegen.places.processes.claims import find_stranger
from composegen.places.processes.environment import (
    HOST,
    Surroundings,
    prepare_secrets,
    read_surroundings,
)
from composegen.places.processes.exclusions import Exclusions
from composegen.places.processes.plan import Asked, LocalPlan, Way, settle_plan
from composegen.places.processes.records import RunFolder, RunRecord
from composegen.places.processes.session import open_session
from composegen.places.processes.store_causes import suggest_pull
from composegen.places.processes.stores import has_engine, is_image_there, pull_image
from composegen.places.processes.supervisor import StartFailed, Supervisor
from composegen.places.processes.talking import follow_run
from composegen.places.processes.units import Unit, make_units
from composegen.places.processes.volumes import claim_volumes
from composegen.places.status import State
from composegen.planning.printing import format_plan
from composegen.records import record
from composegen.system.arrivals import make_fine_loop
from composegen.system.foreground import stay_in_front
from composegen.system.process import Processes
from composegen.system.signals import catch_signals
from composegen.workspace.state import Lock
from composegen.workspace.workspace import Workspace

_CONNECT_TIMEOUT = 0.5
_POLL = 0.05
_OWN_HANDLES = 16
"""What a run holds or takes for a moment before its first service is up."""
_WHOLE = "+stack"
"""The lock of a run of the whole stack; no service is called so."""


@record
class RunOptions:
    """Whether what dies is started again, and whether services may use colours.

    ``width`` is how many columns the plan may take, None for as many as it needs. Of
    the lines of logs those are reported that ``wants_lines``.
    """

    restart: bool = True
    colours: bool = False
    width: int | None = None
    wants_lines: WantsLines = wants_all


class ThisMachine:
    """What the machine offers that this process runs on."""

    def has_engine(self) -> bool:
        """Whether a Docker engine answers."""
        return has_engine()

    def is_listening(self, port: int) -> bool:
        """Whether a process listens on the loopback port."""
        try:
            with socket.create_connection((HOST, port), _CONNECT_TIMEOUT):
                return True
        except OSError as error:
            if is_shortage(error):
                raise
            return False

    def find_stranger(self, service: Service, around: Surroundings) -> str:
        """Who has a service's port and must not be taken for it; empty: no process."""
        return find_stranger(service, around)


def run_stack(
    stack: Stack,
    workspace: Workspace,
    asked: Asked,
    options: RunOptions,
    *,
    report: Report,
) -> int:
    """Run a stack until it ends or is ended; the exit code.

    Everything that happens is an event that is reported; ``report`` must not block, or
    nothing is supervised meanwhile.
    Raises CannotRun, UsageError, SelectionError, OtherFolder and FileRefused before
    anything starts.
    """
    workspace = workspace.resolve()
    folder = workspace.folder
    before = RunFolder.find(folder)
    if before is not None and not asked.names:
        whole = _find_whole(before)
        if whole is not None:
            return attach_guest(whole, stack, report)
    with _note_refusal(folder):
        _check_handles()
        around = read_surroundings(workspace)
        local = settle_plan(stack, asked, around, ThisMachine())
        title = workspace.find_title(stack.name)
        text = format_plan(local.plan, title=title, width=options.width)
        report(Planned(services=tuple(local.plan.names), text=text))
        for note in local.notes:
            report(Noted(text=note))
        claim_volumes(local, around)
        around = prepare_secrets(local.plan, around)
        units = make_units(local, around, colours=options.colours)
        exclusions = Exclusions(local, around, colours=options.colours)
        _pull_images(units, report)
    runs = RunFolder(folder)
    lock = runs.make_lock(_WHOLE)
    if not asked.names:
        whole = _take_or_find(lock, runs, report)
        if whole is not None:
            return attach_guest(whole, stack, report)
    run = _Run(local, units, exclusions, runs, options, report)
    try:
        with asyncio.Runner(loop_factory=make_fine_loop) as runner:
            return runner.run(run.carry_out())
    finally:
        lock.give_back()


def _check_handles() -> None:
    """Before anything starts. Raises CannotRun where a run could not even begin."""
    try:
        check_handles(_OWN_HANDLES)
    except OSError as error:
        message, help = describe_os_error(error)
        raise CannotRun(message, help=help) from None


def _take_or_find(lock: Lock, runs: RunFolder, report: Report) -> RunRecord | None:
    """Take the lock of the whole stack, or find the run that has it.

    Two that begin at once would each get a part of the stack.
    """
    has_told = False
    while not lock.take():
        whole = _find_whole(runs)
        if whole is not None:
            return whole
        if not has_told:
            report(OtherBegins())
            has_told = True
        time.sleep(_POLL)
    return None


@contextlib.contextmanager
def _note_refusal(folder: Path) -> Iterator[None]:
    """Record what keeps a run from starting, so that `why` reports it as well."""
    try:
        yield
    except UsageError:
        raise  # a slip of the keyboard
    except ComposegenError as error:
        help = f"\n  help: {error.help}" if error.help else ""
        ending = f"the last run could not start: {error.message}{help}"
        with contextlib.suppress(ComposegenError, OSError):
            RunFolder(folder).write_last({"ending": ending})
        raise


def _find_whole(runs: RunFolder) -> RunRecord | None:
    """The run of the whole stack, where one is alive."""
    alive = runs.list_runs()
    return next((run for run in alive if not run.names and not run.is_library), None)


def _pull_images(units: tuple[Unit, ...], report: Report) -> None:
    for unit in units:
        image = unit.step.service.image
        if unit.way is Way.DOCKER and not is_image_there(image):
            report(Pulling(service=unit.name, image=image))
            said: list[str] = []

            def show(text: str, said: list[str] = said) -> None:
                said.append(text)
                report(Output(text=text))

            if not pull_image(image, show):
                raise CannotRun(
                    f"`{unit.name}`: {image} cannot be pulled",
                    help=suggest_pull(image, said),
                )


def attach_guest(run: RunRecord, stack: Stack, report: Report) -> int:
    """Report what another run of this folder does, until it ends or we leave.

    What a run of a newer version reports beyond what is known here is passed over.
    """
    attached = Attached(
        services=tuple(stack.services),
        pid=run.supervisor.pid,
        terminal=run.terminal,
        since=run.since,
    )
    report(attached)
    try:
        for data in follow_run(run.socket):
            event = read_event(data)
            if event is not None:
                report(event)
    except KeyboardInterrupt:
        report(Detached(has_ended=False))
        return ExitCode.INTERRUPTED
    report(Detached(has_ended=True))
    return ExitCode.FINE


class _Run:
    """One run of this process, from its first service to its last."""

    def __init__(
        self,
        local: LocalPlan,
        units: tuple[Unit, ...],
        exclusions: Exclusions,
        runs: RunFolder,
        options: RunOptions,
        report: Report,
    ) -> None:
        self.local = local
        self.units = units
        self.exclusions = exclusions
        self.runs = runs
        self.options = options
        self.report = report
        self.processes: Processes | None = None
        self.supervisor: Supervisor | None = None

    async def carry_out(self) -> int:
        """Up, watch, down; the exit code."""
        loop = asyncio.get_running_loop()
        stop: asyncio.Future[int] = loop.create_future()
        session = open_session(
            self.local,
            self.units,
            self.runs,
            self.report,
            exclusions=self.exclusions,
            end=lambda _: self._end(stop, ExitCode.FINE),
            restart=self.options.restart,
        )
        with catch_signals(self._make_handler(loop, stop)):
            async with session as opened:
                self.processes = opened.processes
                self.supervisor = opened.supervisor
                self.supervisor.tailing.wants_lines = self.options.wants_lines
                return await self._stay(opened.supervisor, stop)

    def _make_handler(
        self, loop: asyncio.AbstractEventLoop, stop: asyncio.Future[int]
    ) -> Callable[[ExitCode], None]:
        """The first signal ends the run, the second kills, the third leaves at once.

        Only the third does not wait for its turn in the loop.
        """
        count = 0

        def handle(code: ExitCode) -> None:
            nonlocal count
            count += 1
            if count == 1:
                loop.call_soon_threadsafe(self._end, stop, code)
            elif count == 2:
                loop.call_soon_threadsafe(self._kill)
            else:  # the guardian sees to the rest
                os._exit(code)

        return handle

    def _end(self, stop: asyncio.Future[int], code: int) -> None:
        self.report(EndAsked())
        if self.supervisor is not None:
            self.supervisor.expect_end()
        if not stop.done():
            stop.set_result(code)

    def _kill(self) -> None:
        if self.processes is not None:
            self.report(Killing())
            self.processes.kill_all()

    async def _stay(self, supervisor: Supervisor, stop: asyncio.Future[int]) -> int:
        """Bring it up and wait for whatever ends it."""
        up = asyncio.ensure_future(supervisor.bring_up())
        first: set[asyncio.Future[Any]] = {up, stop}
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if not up.done():
            up.cancel()
            await asyncio.gather(up, return_exceptions=True)
            self._report_ending()
            return stop.result()
        try:
            up.result()
        except StartFailed:
            self.report(Ending(has_failed=True))
            return ExitCode.PROBLEM
        if not self.local.asked.command:
            self.report(self._describe_up(supervisor))
        ends: list[asyncio.Future[Any]] = [
            stop,
            asyncio.ensure_future(supervisor.wait_for_end()),
        ]
        commands = [u.name for u in self.units if u.way is Way.COMMAND]
        if commands:
            process = supervisor.services[commands[0]].process
            if process is not None:
                ends.append(asyncio.ensure_future(stay_in_front(process)))
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        code = _choose_code(ends, supervisor)
        for end in ends[1:]:
            end.cancel()
        await asyncio.gather(*ends[1:], return_exceptions=True)
        self._report_ending()
        return code

    def _describe_up(self, supervisor: Supervisor) -> Up:
        excluded = supervisor.list_exclusions()
        names = " ".join(each.service for each in excluded)
        return Up(
            boots=tuple(supervisor.list_boots()),
            addresses=tuple(
                Address(service=unit.name, url=unit.address)
                for unit in self.units
                if supervisor.services[unit.name].state is State.READY
                and unit.step.service.publish
                and unit.address
            ),
            excluded=excluded,
            again=f"composegen start {names}" if names else "",
            is_held=any(not unit.step.service.job for unit in self.units),
        )

    def _report_ending(self) -> None:
        if not self.local.asked.command:
            self.report(Ending())


def _choose_code(ends: list[asyncio.Future[Any]], supervisor: Supervisor) -> int:
    """What a run ends with: its signal's code, its command's, or how services ended."""
    stop, all_ended, *command = ends
    if stop.done():
        return int(stop.result())
    if command:
        return int(command[0].result()) if command[0].done() else ExitCode.PROBLEM
    all_ended.result()
    failed = any(
        service.state is State.FAILED and service.unit.step.is_required
        for service in supervisor.services.values()
    )
    return ExitCode.PROBLEM if failed else ExitCode.FINE
