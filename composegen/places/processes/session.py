"""One run with everything around it: processes, supervisor, socket, records.

It is left whole: all that it owns is extinct, and what is worth knowing is kept.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from composegen.places.events import Event, Message, Report
from composegen.places.processes.acts import Acts
from composegen.places.processes.claims import Claims
from composegen.places.processes.control import Answer, Control
from composegen.places.processes.describing import describe_failure
from composegen.places.processes.entering import describe_launch
from composegen.places.processes.exclusions import Exclusions
from composegen.places.processes.plan import LocalPlan, Way
from composegen.places.processes.records import (
    RunFolder,
    RunRecord,
)
from composegen.places.processes.sockets import choose_socket, find_socket_folder
from composegen.places.processes.supervisor import Supervisor
from composegen.places.processes.units import Unit
from composegen.places.processes.upkeep import Upkeep
from composegen.places.status import (
    ServiceStatus,
    State,
    are_up,
    describe_statuses,
    format_now,
)
from composegen.planning.definition import digest_definition
from composegen.planning.printing import describe_excluded
from composegen.records import as_dict, record
from composegen.system.identity import identify_self
from composegen.system.process import Processes

_STDERR = 2


@record
class Session:
    """A run that is going on."""

    supervisor: Supervisor
    processes: Processes


@asynccontextmanager
async def open_session(
    local: LocalPlan,
    units: Sequence[Unit],
    runs: RunFolder,
    report: Report,
    *,
    exclusions: Exclusions,
    end: Callable[[Supervisor], None],
    restart: bool = True,
    is_library: bool = False,
) -> AsyncIterator[Session]:
    """A run in which nothing is started yet; on the way out all of it is ended.

    ``end`` is called when another terminal asks for it.
    """
    reporting = _Reporting(report)
    async with Processes(subreaper=not is_library, tell=reporting.tell) as processes:
        mark, since = processes.mark, format_now()
        upkeep = Upkeep(runs, mark, reporting.tell)
        reuse = local.asked.reuse
        claims = Claims(runs, mark, identify_self(), upkeep, reuse=reuse)
        supervisor = Supervisor(
            units,
            processes,
            claims,
            reporting.report,
            exclusions=exclusions,
            restart=restart,
        )
        acts = Acts(supervisor, reporting.tell)
        path = _choose_socket(runs, processes)
        control = Control(
            path,
            _make_answers(local, supervisor, since),
            lambda: end(supervisor),
            acts.perform,
            about={"launch": lambda name: describe_launch(local, supervisor, name)},
        )
        async with control:
            reporting.followed_by(control)
            supervisor.tailing.is_followed = lambda: control.is_followed
            names = local.asked.names
            record = _make_record(mark, str(path), names, is_library=is_library)
            looking = _note_run(runs, record, upkeep, control)
            try:
                yield Session(supervisor=supervisor, processes=processes)
            finally:
                looking.cancel()
                described = describe_run(local, supervisor, since)
                ending = asyncio.ensure_future(
                    _end(supervisor, acts, runs, upkeep, mark, described)
                )
                await asyncio.shield(ending)


class _Reporting:
    """What a run reports: here, and to other terminals once there is a socket."""

    def __init__(self, report: Report) -> None:
        self._reports = [report]

    def followed_by(self, control: Control) -> None:
        """Report to those who follow the run as well, from now on."""
        self._reports.append(control.report)

    def report(self, event: Event) -> None:
        """Pass an event on to all."""
        for report in self._reports:
            report(event)

    def tell(self, text: str) -> None:
        """Report a message about the run itself."""
        self.report(Message(text=text))


def _note_run(
    runs: RunFolder, record: RunRecord, upkeep: Upkeep, control: Control
) -> asyncio.Task[None]:
    """Note that the run goes on, as long as the task that is returned does."""
    runs.write_run(record)
    runs.write_last({"ending": describe_cut_off(record)})
    upkeep.keep(control.open_again)
    upkeep.keep(lambda: runs.write_run(record))
    return asyncio.create_task(upkeep.look_after())


def _choose_socket(runs: RunFolder, processes: Processes) -> Path:
    """Where the run's socket is; a folder of its own goes when the run has ended."""
    path = choose_socket(runs.path, processes.mark)
    folder = find_socket_folder(path)
    if folder is not None:
        processes.leave_behind(("rm", "-rf", str(folder)))
    return path


def _make_answers(
    local: LocalPlan, supervisor: Supervisor, since: str
) -> Mapping[str, Answer]:
    return {
        "status": lambda: describe_run(local, supervisor, since),
        "failures": lambda: describe_failures(supervisor),
    }


async def _end(
    supervisor: Supervisor,
    acts: Acts,
    runs: RunFolder,
    upkeep: Upkeep,
    mark: str,
    described: Mapping[str, Any],
) -> None:
    await acts.end()
    await supervisor.take_down()
    last = {
        **described,
        "statuses": describe_statuses(supervisor.list_statuses()),
        **describe_failures(supervisor),
    }
    upkeep.attempt(lambda: runs.write_last(last))
    upkeep.attempt(lambda: runs.remove_run(mark))


def _make_record(
    mark: str, path: str, names: tuple[str, ...], *, is_library: bool
) -> RunRecord:
    try:
        terminal = os.ttyname(_STDERR)
    except OSError:
        terminal = ""
    return RunRecord(
        run=mark,
        supervisor=identify_self(),
        socket=path,
        names=names,
        terminal=terminal,
        since=format_now(),
        is_library=is_library,
    )


def describe_cut_off(record: RunRecord) -> str:
    """The note about a run that was killed before it could record its end."""
    return (
        f"the last run (pid {record.supervisor.pid}, since {record.since}) was killed "
        "before it could record the state of its services\n"
        "  help: their last lines are still there: composegen logs"
    )


# What other terminals get to know


def describe_run(
    local: LocalPlan, supervisor: Supervisor, since: str
) -> dict[str, Any]:
    """How every service of a run is doing, what it needs, and what was excluded.

    ``stale`` are services with one that they still use and that is gone, ``without``
    those that each service was started without. A program that owns what it needs is
    one of its services.
    """
    owners = [name for name, way in local.ways.items() if way is Way.OWNER]
    statuses = supervisor.list_statuses() + [
        ServiceStatus(service=name, state=State.READY, pid=os.getpid(), since=since)
        for name in owners
    ]
    required = {step.name for step in local.plan.steps if step.is_required}
    return {
        "statuses": describe_statuses(statuses),
        "is_up": are_up(statuses, required),
        "needs": {
            step.name: [gate.service for gate in step.gates]
            for step in local.plan.steps
        },
        "left_out": [
            *describe_excluded(local.plan),
            *map(as_dict, supervisor.list_exclusions()),
        ],
        "stale": supervisor.list_stale(),
        "without": {
            name: sorted(service.without)
            for name, service in supervisor.services.items()
            if service.without and service.pid is not None
        },
        "definitions": {
            step.name: digest_definition(local.written, step.name)
            for step in local.plan.steps
        },
    }


def describe_failures(supervisor: Supervisor) -> dict[str, Any]:
    """Why services are not up, what the last question to each got, and its log.

    ``log_starts`` are the bytes at which the lines of its present start begin,
    ``log_firsts`` those at which the lines of this run do.
    """
    return {
        "failures": {
            name: as_dict(failure)
            for name, service in supervisor.services.items()
            if (failure := describe_failure(service)) is not None
        },
        "answers": {
            name: service.last_answer
            for name, service in supervisor.services.items()
            if service.last_answer
        },
        "log_starts": {
            name: service.process.log_start
            for name, service in supervisor.services.items()
            if service.process is not None
        },
        "log_firsts": {
            name: service.log_first
            for name, service in supervisor.services.items()
            if service.log_first is not None
        },
    }
