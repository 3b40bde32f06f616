"""A stack that runs as processes, as a drill disturbs it and asks it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from composegen.ask import Drill
from composegen.drill.asking import Answer, Question
from composegen.drill.ground import Undo
from composegen.drill.request import (
    Deadline,
    Unanswered,
    Wanted,
    ask_once,
    exchange_on,
    make_wanted,
    open_connection,
    run_command,
)
from composegen.drill.trials import Fault, Trial
from composegen.errors import ComposegenError, FaultFailed, NotOurs
from composegen.health import Health, HealthKind
from composegen.model import Service
from composegen.places.names import PROCESSES
from composegen.places.place import Act, Outcome, Place, Request
from composegen.places.processes.asking import (
    exclude_service,
    list_answering,
    list_users,
)
from composegen.places.status import ServiceStatus, State
from composegen.records import replace
from composegen.system.guardian import Look, signal_same
from composegen.system.identity import Identity, identify
from composegen.text import escape_control
from composegen.workspace.workspace import Workspace

_HOST = "127.0.0.1"
_LAST_LINES = 5
_APART = 0.5
_LONGEST = 60.0
_NO_CUT = "not possible as processes: it would need the privileges of root"
_GONE = frozenset({State.STOPPED, State.FAILED, State.EXCLUDED})


class ProcessGround:
    """The runs of one folder; ``services`` are those of the stack file."""

    name = PROCESSES
    impossible: Mapping[Fault, str] = {Fault.CUT: _NO_CUT}

    def __init__(
        self, place: Place, workspace: Workspace, services: Mapping[str, Service]
    ) -> None:
        self._place = place
        self._workspace = workspace
        self._services = services

    def _find(self, service: str) -> ServiceStatus:
        """How a service is doing, as its run says. Raises FaultFailed."""
        for each in self._place.look().statuses:
            if each.service == service:
                return each
        raise FaultFailed(f"{service} does not run")

    # Faults

    def plan(self, trial: Trial) -> Undo:
        """The processes of the service, if they are those of a run."""
        status = self._find(trial.service)
        if status.pid is None:
            raise FaultFailed(f"{trial.service} does not run")
        if status.reused:
            raise FaultFailed(
                f"{trial.service}, pid {status.pid}, was not started by composegen"
            )
        is_inside = status.image is not None
        if is_inside and trial.fault in {Fault.KILL, Fault.FREEZE}:
            raise FaultFailed(f"not possible here: {trial.service} runs in Docker")
        return Undo(
            service=trial.service,
            fault=trial.fault,
            processes=find_processes(self._workspace, trial.service, status.pid),
            dependents=trial.direct if trial.fault is Fault.WITHOUT else (),
        )

    def plan_restart(self, service: str) -> Undo:
        """Nothing more is needed than its name."""
        return Undo(service=service)

    def do(self, undo: Undo) -> None:
        """Do the fault to every process of the service."""
        if undo.fault is None:
            self._act(Act.RESTART, undo.service)
        elif undo.fault is Fault.FREEZE:
            _signal(undo, signal.SIGSTOP)
        elif undo.fault is Fault.KILL:
            _signal(undo, signal.SIGKILL)
            self._act(Act.STOP, undo.service)  # its run would restart it at once
        elif undo.fault is Fault.WITHOUT:
            self._exclude(undo.service)
        else:
            self._act(Act.STOP, undo.service)

    def undo(self, undo: Undo, *, is_sure: bool) -> None:
        """Undo the fault; where the run has ended, nothing is left to undo."""
        if undo.fault is Fault.FREEZE:
            _signal(undo, signal.SIGCONT)
            return
        end = time.monotonic() + _LONGEST
        calm = 0
        while calm < (1 if is_sure else 2) and time.monotonic() < end:
            if not self._place.look().is_running:
                return
            has_acted = self._bring_back(undo)
            calm = 0 if has_acted and not is_sure else calm + 1
            time.sleep(0 if is_sure else _APART)

    def _bring_back(self, undo: Undo) -> bool:
        """Start what is gone, and give it back to its users; whether that was done."""
        if self._find(undo.service).state in _GONE:
            self._act(Act.START, undo.service)
            return True
        users: tuple[str, ...] = ()
        if undo.fault is Fault.WITHOUT:
            users = list_users(self._workspace.folder, undo.service)
        for name in users:
            self._act(Act.RESTART, name)
        return bool(users)

    def _exclude(self, service: str) -> None:
        try:
            acted = exclude_service(self._workspace.folder, service)
        except NotOurs as error:
            raise FaultFailed(error.message) from None
        for each in acted:
            if each.outcome is Outcome.FAILED and each.service == service:
                raise FaultFailed(each.reason)

    def _act(self, act: Act, service: str) -> None:
        try:
            acted = self._place.act(act, (service,), lambda _: None)
        except NotOurs as error:
            raise FaultFailed(error.message) from None
        for each in acted:
            if each.outcome is Outcome.FAILED and each.service == service:
                raise FaultFailed(each.reason or f"{service} cannot {act.value}")

    # Asking

    def make_question(self, service: str, drill: Drill) -> Question | None:
        """How a service is asked once, where it listens here."""
        known = self._services[service]
        port = _read_port(self._find(service).address) or known.port
        health = known.health
        if drill.ask is None and health is not None:
            health = _simplify(health, port)
        if health is not None and health.port in {None, known.port}:
            health = replace(health, port=port)
        wanted = make_wanted(drill, health, port, (), self._workspace.fill)
        if wanted is None:
            return None
        way = ProcessWay(self._place, service)
        return lambda: way.ask(wanted)

    def find_starts(self, service: str) -> tuple[str, ...]:
        """Its process, and how often it was restarted."""
        status = self._find(service)
        return (f"{status.pid} {status.restarts}",)

    def look_closer(
        self,
        service: str,
        since: float,  # noqa: ARG002 - a log of a run has no times
    ) -> tuple[str, ...]:
        """What it does now, and its last lines."""
        status = self._find(service)
        lines = []
        if status.state is not State.READY:
            code = "" if status.exit_code is None else f", exit code {status.exit_code}"
            lines.append(f"it is {status.state.value}{code}")
        elif status.health == "unhealthy":
            lines.append("it is unhealthy")
        logs = self._place.read_logs([service], _LAST_LINES, follow=False)
        lines += [f"| {line}" for _, line in logs.lines]
        return tuple(escape_control(line) for line in lines)

    def close(self) -> None:
        """Nothing was made to ask."""


def find_processes(
    workspace: Workspace, service: str, pid: int
) -> tuple[Identity, ...]:
    """Every process of a service: its group, its session, and what has its mark."""
    look = Look()
    pids = {pid, *look.find_members(pid)}
    for run in list_answering(workspace.folder):
        status = run.statuses.get(service)
        if status is not None and status.pid == pid and not status.reused:
            pids |= {*look.find_marked(run.record.run, service)}
    found = (identify(each) for each in sorted(pids))
    return tuple(each for each in found if each is not None)


def _signal(undo: Undo, number: int) -> None:
    for each in undo.processes:
        signal_same(each.pid, number, each.start)


def _read_port(address: str | None) -> int | None:
    if not address:
        return None
    try:
        return urlsplit(address if "//" in address else f"//{address}").port
    except ValueError:
        return None


def _simplify(health: Health, port: int | None) -> Health | None:
    """What is asked here: a command of an image may be missing on this machine."""
    if health.kind in {HealthKind.HTTP, HealthKind.TCP}:
        return health
    if port is None or health.kind is HealthKind.NONE:
        return None
    return replace(health, kind=HealthKind.TCP, port=port)


class ProcessWay:
    """How a service is asked on this machine."""

    def __init__(self, place: Place, service: str) -> None:
        self._place = place
        self._service = service

    def ask(self, wanted: Wanted) -> Answer:
        """Ask it once."""
        return ask_once(self, wanted)

    def exchange(self, wanted: Wanted, make_request: Callable[[str], bytes]) -> bytes:
        """Over a connection to its port."""
        deadline = Deadline(wanted.limit)
        with open_connection(_HOST, wanted.port, deadline) as link:
            return exchange_on(link, make_request(f"{_HOST}:{wanted.port}"), deadline)

    def connect(self, wanted: Wanted) -> None:
        """A connection to its port."""
        open_connection(_HOST, wanted.port, Deadline(wanted.limit)).close()

    def execute(self, wanted: Wanted) -> tuple[int, str]:
        """With the environment and in the folder of the service."""
        request = Request(service=self._service, command=wanted.command)
        try:
            call = self._place.prepare(request, lambda _: None)
        except ComposegenError as error:
            raise Unanswered(error.message) from None
        command = (call.program, *call.command[1:])
        return run_command(command, wanted, env=call.env, folder=call.folder)
