"""Asks the runs of a folder, from another terminal, to stop or start services."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from composegen.errors import (
    NothingRuns,
    NotOurs,
    NotPart,
    StillRuns,
)
from composegen.graph import find_closure
from composegen.model import Service
from composegen.oserrors import is_shortage
from composegen.places.event_data import read_event
from composegen.places.events import Event, Line, Message, Planned, Report
from composegen.places.place import (
    Act,
    Acted,
    Outcome,
    check_services,
    report_dependents,
)
from composegen.places.processes.records import RunFolder, RunRecord
from composegen.places.processes.talking import EXCLUDE, Following, act_on_run, ask_run
from composegen.places.status import ServiceStatus, State
from composegen.planning.definition import digest_definition
from composegen.records import record


@record
class AnsweringRun:
    """A run that is alive, and what it says of its services.

    ``without`` are the services that each one was started without.
    """

    record: RunRecord
    statuses: Mapping[str, ServiceStatus]
    needs: Mapping[str, tuple[str, ...]]
    excluded: Mapping[str, str]
    definitions: Mapping[str, str]
    without: Mapping[str, tuple[str, ...]]

    @property
    def pid(self) -> int:
        """The process that the run is."""
        return self.record.supervisor.pid


class Asking:
    """Asks the runs of a folder; ``services`` are those of the stack file."""

    def __init__(self, folder: Path, services: Mapping[str, Service]) -> None:
        self._services = services
        self._runs = list_answering(folder)
        self._needs = {
            name: needs for run in self._runs for name, needs in run.needs.items()
        }

    def perform(
        self, act: Act, names: Iterable[str], report: Report
    ) -> tuple[Acted, ...]:
        """Stop, start or restart services; what became of each."""
        wanted = tuple(dict.fromkeys(names))
        self._check(wanted)
        # Those who only use a service are the first that let go of it, and a run that
        # was made for one is the first that takes it again.
        runs = [run for run in self._runs if run.statuses.keys() & {*wanted}]
        users_first = sorted(runs, key=lambda run: not _uses(run, wanted))
        named_first = sorted(runs, key=lambda run: not {*run.record.names} & {*wanted})
        self._note(act, wanted, report)
        if act is Act.STOP:
            return self._ask_all(Act.STOP, users_first, wanted, report)
        if act is Act.START or len(runs) == 1:
            return self._ask_all(act, named_first, wanted, report)
        acted = self._ask_all(Act.STOP, users_first, wanted, report)
        if any(each.outcome is Outcome.FAILED for each in acted):
            return acted
        return self._ask_all(Act.START, named_first, wanted, report)

    def _check(self, names: tuple[str, ...]) -> None:
        running = dict.fromkeys(name for run in self._runs for name in run.statuses)
        excluded = {
            name: why for run in self._runs for name, why in run.excluded.items()
        }
        check_services(names, (*self._services, *running, *excluded))
        for name in names:
            if name in running:
                continue
            why, help = "", f"what runs here: {', '.join(running)}"
            if name in excluded:
                why, help = f"; it is excluded: {excluded[name]}", write_include(name)
            raise NotPart(f"`{name}` is not part of what runs here{why}", help=help)

    def _note(self, act: Act, names: tuple[str, ...], report: Report) -> None:
        """Give names their room, and say what is good to know before it is done."""
        report(Planned(services=self._find_concerned(act, names)))
        if act is not Act.START:
            running = {
                name
                for run in self._runs
                for name, status in run.statuses.items()
                if status.pid is not None
            }
            report_dependents(names, self._needs, running, report)
        if act is not Act.STOP and self._has_changed(names):
            text = f"the stack file has changed; {act} does not use the new one: "
            report(Message(text=f"{text}composegen down, then composegen run"))

    def _has_changed(self, names: tuple[str, ...]) -> bool:
        now = self._services
        return any(
            name not in now or digest_definition(now, name) != run.definitions[name]
            for run in self._runs
            for name in names
            if now and name in run.definitions
        )

    def _find_concerned(self, act: Act, names: tuple[str, ...]) -> tuple[str, ...]:
        if act is Act.STOP:
            return names
        # Those that run without one of them are restarted with it.
        users = [
            user
            for run in self._runs
            for user, without in run.without.items()
            if {*without} & {*names}
        ]
        closed = {*find_closure(self._needs, names), *users}
        return tuple(name for name in self._needs if name in closed)

    # One run after the other

    def _ask_all(
        self,
        act: Act,
        runs: Iterable[AnsweringRun],
        names: tuple[str, ...],
        report: Report,
    ) -> tuple[Acted, ...]:
        """Ask runs for what they have of the services; the first that did something."""
        acted: dict[str, Acted] = {}
        for run in runs:
            own = [name for name in (*names, *acted) if name in run.statuses]
            shown = self._find_concerned(act, names)
            for each in _ask_one(run, act, tuple(dict.fromkeys(own)), shown, report):
                before = acted.get(each.service)
                if before is None or before.outcome is Outcome.WAS_STOPPED:
                    acted[each.service] = each
        return tuple(acted.values())


def list_answering(folder: Path) -> list[AnsweringRun]:
    """The runs of a folder with what they answer.

    Raises NothingRuns, and StillRuns where one is alive and does not answer.
    """
    found = RunFolder.find(folder)
    records = found.list_runs() if found is not None else []
    if not records:
        raise make_nothing_runs()
    return [_ask(each) for each in records]


def _ask(record: RunRecord) -> AnsweringRun:
    said = ask_run(record.socket, "status")
    if said is None:
        pid = record.supervisor.pid
        raise StillRuns(
            f"the run of pid {pid} does not answer",
            help="see why: composegen status; or end it: composegen down",
        )
    statuses = [
        ServiceStatus(**{**each, "state": State(each["state"])})
        for each in said["statuses"]
    ]
    return AnsweringRun(
        record=record,
        statuses={status.service: status for status in statuses},
        needs={name: tuple(needs) for name, needs in said["needs"].items()},
        excluded={each["service"]: each["reason"] for each in said["left_out"]},
        definitions=said.get("definitions", {}),
        without={name: tuple(names) for name, names in said.get("without", {}).items()},
    )


def _uses(run: AnsweringRun, names: Iterable[str]) -> bool:
    """Whether a run uses one of the services that it has not started itself."""
    return any(run.statuses[name].reused for name in names if name in run.statuses)


def _ask_one(
    run: AnsweringRun,
    act: str,
    names: tuple[str, ...],
    shown: tuple[str, ...],
    report: Report,
) -> tuple[Acted, ...]:
    """Let one run do it, and report what happens to the services meanwhile."""
    with _report_meanwhile(run, shown, report):
        answer: dict[str, Any] | None = act_on_run(run.record.socket, act, names)
    if answer is None:
        raise NothingRuns(
            f"the run of pid {run.pid} has ended meanwhile",
            help="see how: composegen why",
        )
    if "refused" in answer:
        raise NotOurs(
            str(answer["refused"]),
            help="composegen never stops what it has not started",
        )
    return tuple(
        Acted(**{**each, "outcome": Outcome(each["outcome"])})
        for each in answer["acted"]
    )


def exclude_service(folder: Path, name: str) -> tuple[Acted, ...]:
    """Let the runs of a folder stop a service, and use the fallbacks of others.

    It comes back with a start. Raises NothingRuns, NotOurs and StillRuns.
    """
    runs = [run for run in list_answering(folder) if name in run.statuses]
    users_first = sorted(runs, key=lambda run: not _uses(run, (name,)))
    return tuple(
        each
        for run in users_first
        for each in _ask_one(run, EXCLUDE, (name,), (name,), lambda _: None)
    )


def list_users(folder: Path, name: str) -> tuple[str, ...]:
    """The services that runs have started without another one."""
    return tuple(
        user
        for run in list_answering(folder)
        for user, without in run.without.items()
        if name in without
    )


@contextlib.contextmanager
def _report_meanwhile(
    run: AnsweringRun, shown: tuple[str, ...], report: Report
) -> Iterator[None]:
    """Report what a run says of the services; all that came before the end of it."""
    try:
        following = Following(run.record.socket)
    except OSError as error:
        if is_shortage(error):
            raise
        yield
        return

    def listen() -> None:
        with contextlib.suppress(OSError):
            for data in following:
                event = read_event(data)
                if event is not None and _is_about(event, shown):
                    report(event)

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        yield
    finally:
        following.leave()
        listener.join()


def _is_about(event: Event, names: tuple[str, ...]) -> bool:
    return event.service in names and not isinstance(event, Line)


def write_include(name: str) -> str:
    """How a service takes part that was excluded before the start."""
    return f"include it: composegen down, then composegen run --with {name}"


def make_nothing_runs() -> NothingRuns:
    """Nothing of this folder runs, and what would start it."""
    return NothingRuns(
        "nothing runs here", help="start it: composegen up, or composegen run"
    )
