"""What runs in this folder as processes, asked from another terminal.

``status``, ``why``, ``logs`` and ``down`` speak of the runs that are alive; when none
is, of how the last one ended.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from composegen.errors import ComposegenError
from composegen.model import Stack
from composegen.paths import list_matching
from composegen.places.events import Failure
from composegen.places.processes.claims import kill_leftover
from composegen.places.processes.control import ask_run
from composegen.places.processes.records import RunFolder, RunRecord, ServiceRecord
from composegen.places.processes.stores import remove_container
from composegen.places.reasons import Reason
from composegen.places.status import (
    FINE,
    ServiceStatus,
    State,
    format_left_out,
    format_moment,
    format_table,
)
from composegen.records import field, record
from composegen.system.files import check_readable
from composegen.system.identity import is_frozen, is_still
from composegen.system.logfiles import Tail, find_log, measure_log, read_last_lines

_DOWN_LIMIT, _DOWN_PATIENCE = 120.0, 3.0
_POLL = 0.02
_FOLLOW_INTERVAL = 0.1
_LAST_LINES = 20
_HEAD = ("service", "state", "health", "pid", "since", "restarts", "address")


class NothingRuns(ComposegenError):
    """There is nothing to speak of in this place."""

    name = "nothing-runs"


class StillRuns(ComposegenError):
    """What was asked to end has not."""

    name = "still-runs"


@record
class Seen:
    """What is known of a folder's services.

    ``is_running`` tells whether any run is alive; ``answers`` hold what the last
    question to a service got, ``needs`` what each one waits for, ``notes`` what people
    should know beside it. ``ending`` is how the last run ended, where no service tells.
    """

    statuses: tuple[ServiceStatus, ...]
    is_running: bool
    is_up: bool
    left_out: tuple[Mapping[str, Any], ...] = ()
    failures: Mapping[str, Failure] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    ending: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether what is told is how a run has ended."""
        return not self.is_running and any(status.since for status in self.statuses)

    @property
    def names(self) -> tuple[str, ...]:
        """The services that are known of, in order."""
        return tuple(status.service for status in self.statuses)

    def find(self, service: str) -> ServiceStatus:
        """One service's status; it has one, whatever it does."""
        return next(s for s in self.statuses if s.service == service)


def has_records(folder: Path) -> bool:
    """Whether runs of the folder can speak for themselves, alive or ended."""
    runs = RunFolder.find(folder)
    if runs is None:
        return False
    return bool(runs.list_runs()) or "statuses" in runs.read_last()


def look_at_runs(stack: Stack | None, folder: Path) -> Seen:
    """Ask every run of the folder; when none is alive, how the last one ended is told.

    The stack adds the services that no run has. Without one, because its file cannot
    be read, what the runs tell is all.
    """
    told = _Told()
    runs = RunFolder.find(folder)
    if runs is not None:
        for run in runs.list_runs():
            told.ask(run, runs)
        told.note_leftovers(runs)
        if not told.is_running:
            told.read_last(runs.read_last())
    return told.join(stack)


class _Told:
    """What the runs of a folder tell, put together."""

    def __init__(self) -> None:
        self.is_running = False
        self.is_up = True
        self.statuses: dict[str, ServiceStatus] = {}
        self.failures: dict[str, Failure] = {}
        self.answers: dict[str, str] = {}
        self.left_out: dict[str, Mapping[str, Any]] = {}
        self.needs: dict[str, tuple[str, ...]] = {}
        self.notes: list[str] = []
        self.ending = ""

    def ask(self, run: RunRecord, runs: RunFolder) -> None:
        """Add a run that is alive, by what it answers, else by what it noted."""
        said = ask_run(run.socket, "status")
        why = ask_run(run.socket, "failures") if said is not None else None
        if said is not None and why is not None:
            self.is_running = True
            self.is_up = self.is_up and bool(said["is_up"])
            self._add({**said, **why})
        elif is_still(run.supervisor):
            self.is_running, self.is_up = True, False
            self.notes.append(f"the run of pid {run.supervisor.pid} does not answer")
            for record in runs.list_services():
                if record.run == run.run and is_still(record.process):
                    self.statuses[record.service] = _describe_record(record)

    def note_leftovers(self, runs: RunFolder) -> None:
        """Say what a dead run left that still runs."""
        self.notes += [
            f"a dead run left {record.service} behind, pid {record.process.pid}: "
            "composegen down ends it"
            for record in runs.list_services()
            if is_still(record.process) and not is_still(record.supervisor)
        ]

    def read_last(self, last: Mapping[str, Any]) -> None:
        """Add how the last run ended; what another version noted tells nothing."""
        if "ending" in last:
            self.ending = str(last["ending"])
        else:
            with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
                self._add(last)

    def _add(self, data: Mapping[str, Any]) -> None:
        for status in map(_read_status, data["statuses"]):
            if status.service not in self.statuses or not status.reused:
                self.statuses[status.service] = status
        self.left_out |= {each["service"]: each for each in data["left_out"]}
        self.failures |= {
            name: _read_failure(each) for name, each in data["failures"].items()
        }
        self.answers |= data["answers"]
        self.needs |= {name: tuple(needs) for name, needs in data["needs"].items()}

    def join(self, stack: Stack | None) -> Seen:
        """All of it, in the order of the stack, what is left out last."""
        services = stack.services if stack is not None else {}
        gone = [name for name in self.statuses if name not in services]
        if stack is not None and not self.is_running:
            gone = []  # the file speaks of what may run, and nothing else does run
        elif stack is not None:
            self.notes += [
                f"{name} runs and the stack file no longer has it" for name in gone
            ]
        out = {
            name: each
            for name, each in self.left_out.items()
            if name not in self.statuses and (stack is None or name in services)
        }
        needs = {
            name: tuple(need.service for need in service.needs)
            for name, service in services.items()
        }
        listed = [name for name in (*services, *gone) if name not in out]
        return Seen(
            statuses=(
                *(self.statuses.get(name) or _make_stopped(name) for name in listed),
                *(ServiceStatus(service=name, state=State.LEFT_OUT) for name in out),
            ),
            is_running=self.is_running,
            is_up=self.is_running and self.is_up,
            left_out=tuple(out.values()),
            failures=self.failures,
            answers=self.answers,
            needs={**needs, **self.needs},
            notes=tuple(self.notes),
            ending=self.ending,
        )


def _make_stopped(service: str) -> ServiceStatus:
    return ServiceStatus(service=service, state=State.STOPPED)


def _describe_record(record: ServiceRecord) -> ServiceStatus:
    """What a run noted of a service that lives; how it is doing is not known."""
    return ServiceStatus(
        service=record.service,
        state=State.STARTING,
        pid=record.process.pid,
        since=record.since,
        log=record.log,
        reused=False,
    )


def _read_status(data: Mapping[str, Any]) -> ServiceStatus:
    return ServiceStatus(**{**data, "state": State(data["state"])})


def _read_failure(data: Mapping[str, Any]) -> Failure:
    return Failure(**{**data, "lines": tuple(data["lines"])})


def format_statuses(seen: Seen) -> str:
    """The statuses as a table, then what is left out and what stands in for it."""
    rows = [_make_row(s) for s in seen.statuses if s.state is not State.LEFT_OUT]
    return format_table([_HEAD, *rows]) + format_left_out(seen.left_out)


def _make_row(status: ServiceStatus) -> tuple[str, ...]:
    state = f"{status.state.value}, reused" if status.reused else status.state.value
    if status.exit_code is not None:
        state += f" ({status.exit_code})"
    return (
        status.service,
        state,
        status.health or "-",
        "-" if status.pid is None else str(status.pid),
        format_moment(status.since),
        "-" if status.restarts is None else str(status.restarts),
        status.address or "-",
    )


# Why


def find_reasons(folder: Path, seen: Seen, service: str) -> list[Reason]:
    """Why a service, or any where none is named, is not up; empty when all is well.

    When nothing runs any more, only what failed needs a reason.
    """
    names = [n for n in seen.names if seen.is_running or n in seen.failures]
    if service:
        names = [service]
    found: dict[str, Reason] = {}
    for name in names:
        status = seen.find(name)
        is_fine = status.state in FINE and status.health != "unhealthy"
        if is_fine or status.state is State.LEFT_OUT:
            continue
        chain = _follow_needs(seen, name)
        if chain[-1] not in found:
            found[chain[-1]] = _make_reason(folder, seen, chain)
    return list(found.values())


def _follow_needs(seen: Seen, name: str) -> tuple[str, ...]:
    """From a service to the one that blocks it: the deepest that is not up."""
    chain = [name]
    while True:
        waits = seen.find(chain[-1]).state not in {State.STARTING, State.READY}
        blocked = [
            need
            for need in seen.needs.get(chain[-1], ())
            if need not in chain
            and waits
            and need in seen.names
            and seen.find(need).state not in {*FINE, State.LEFT_OUT}
        ]
        if not blocked or _failed_itself(seen, chain[-1]):
            return tuple(chain)
        chain.append(blocked[0])


def _failed_itself(seen: Seen, name: str) -> bool:
    """Whether a service failed by itself, and not for what it needs."""
    failure = seen.failures.get(name)
    return failure is not None and (
        failure.exit_code is not None or bool(failure.lines or failure.cause)
    )


def _make_reason(folder: Path, seen: Seen, chain: tuple[str, ...]) -> Reason:
    name = chain[-1]
    failure = seen.failures.get(name)
    lines = (
        failure.lines
        if failure is not None
        else tuple(read_last_lines(find_log(folder, name), _LAST_LINES))
    )
    return Reason(
        chain=chain,
        status=seen.find(name),
        failure=failure,
        answer=seen.answers.get(name, ""),
        lines=lines,
    )


# Logs


def list_logged(folder: Path) -> tuple[str, ...]:
    """The services that have a log here, whatever the stack file says.

    Raises FileRefused where the folder of logs is closed.
    """
    found = find_log(folder, "*")
    check_readable(found.parent)
    return tuple(path.stem for path in list_matching(found.parent, found.name))


def read_logs(
    folder: Path, services: Iterable[str], count: int
) -> Iterator[tuple[str, str]]:
    """The last lines of each service's log, as pairs of service and line.

    Raises FileRefused where a log is closed.
    """
    for service in services:
        check_readable(find_log(folder, service))
        for line in read_last_lines(find_log(folder, service), count):
            yield service, line


def follow_logs(folder: Path, services: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What is appended to the logs from now on, for ever.

    A log that was rotated is followed in its new file.
    """
    tails = {name: _open_end(find_log(folder, name)) for name in services}
    while True:
        for service, tail in tails.items():
            for line in tail.read_lines():
                yield service, line
        time.sleep(_FOLLOW_INTERVAL)


def _open_end(path: Path) -> Tail:
    return Tail(path, measure_log(path), follows_name=True)


# Down


def take_down(
    folder: Path, tell: Callable[[str], None] = lambda _: None
) -> list[RunRecord]:
    """End every run of the folder and what dead ones left; the runs that were ended.

    ``tell`` gets a line for each run that has not ended after a few seconds. Raises
    StillRuns where one does not end within two minutes.
    """
    runs = RunFolder.find(folder)
    if runs is None:
        return []
    begin = time.monotonic()
    alive = runs.list_runs()
    heard = {run.run for run in alive if ask_run(run.socket, "down") is not None}
    has_told = False
    while slow := [run for run in alive if _goes_on(runs, run)]:
        passed = time.monotonic() - begin
        if passed > _DOWN_LIMIT:
            pids = ", ".join(str(run.supervisor.pid) for run in slow)
            raise StillRuns(
                f"the run of pid {pids} does not end",
                help="see what holds it: composegen why; or end it: kill -9 " + pids,
            )
        if passed > _DOWN_PATIENCE and not has_told:
            has_told = True
            for run in slow:
                tell(_describe_slow(run.supervisor.pid, heard=run.run in heard))
        time.sleep(_POLL)
    for left in runs.list_services():
        while not is_still(left.supervisor) and kill_leftover(left):
            time.sleep(_POLL)
        if not is_still(left.supervisor):
            if left.container:
                remove_container(left.container)
            runs.remove_service(left.service)
    return alive


def _describe_slow(pid: int, *, heard: bool) -> str:
    """Why a run has not ended yet, and what to do."""
    if is_frozen(pid):
        return f"the run of pid {pid} is frozen; to let it go on: kill -CONT {pid}"
    does = "is stopping its services" if heard else "does not answer"
    return (
        f"the run of pid {pid} {does}; to end it at once: kill -9 {pid} "
        "(its guardian then ends its services)"
    )


def _goes_on(runs: RunFolder, run: RunRecord) -> bool:
    """Whether a run is alive; one in a library ends before its process does."""
    return any(each.run == run.run for each in runs.list_runs())
