"""How the services of a folder's runs are doing, asked from another terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from composegen.graph import sort_graph
from composegen.model import Stack
from composegen.places.events import Failure
from composegen.places.processes.records import RunFolder, RunRecord, ServiceRecord
from composegen.places.processes.talking import ask_run
from composegen.places.status import (
    ServiceStatus,
    State,
)
from composegen.records import field, record, replace
from composegen.system.identity import is_still


@record
class RunsSeen:
    """What is known of a folder's services.

    ``is_running`` says whether any run is alive; ``answers`` hold what the last
    question to a service got, ``needs`` what each one waits for, ``notes`` what people
    should know as well. ``log_starts`` say at which byte the log of the present start
    begins, ``log_firsts`` that of the run. ``ending`` is how the last run ended, where
    no service says.
    """

    statuses: tuple[ServiceStatus, ...]
    is_running: bool
    is_up: bool
    excluded: tuple[Mapping[str, Any], ...] = ()
    failures: Mapping[str, Failure] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    log_starts: Mapping[str, int] = field(default_factory=dict)
    log_firsts: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    ending: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether this is how a run has ended."""
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


def look_at_runs(
    stack: Stack | None, folder: Path, *, notes: Iterable[str] = ()
) -> RunsSeen:
    """Ask every run of the folder; when none is alive, report how the last one ended.

    The stack adds the services that no run has. Without one, because its file cannot
    be read, what the runs report is all.
    """
    answers = _Answers()
    answers.notes += notes
    runs = RunFolder.find(folder)
    if runs is not None:
        for run in runs.list_runs():
            answers.ask(run, runs)
        answers.note_leftovers(runs)
        if not answers.is_running:
            answers.read_last(runs.read_last())
    return answers.join(stack)


class _Answers:
    """What the runs of a folder answer, put together."""

    def __init__(self) -> None:
        self.is_running = False
        self.is_up = True
        self.statuses: dict[str, ServiceStatus] = {}
        self.failures: dict[str, Failure] = {}
        self.answers: dict[str, str] = {}
        self.log_starts: dict[str, int] = {}
        self.log_firsts: dict[str, int] = {}
        self.excluded: dict[str, Mapping[str, Any]] = {}
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
            self.notes += [
                f"{user} still uses {gone}, which is gone: composegen restart {user}"
                for user, gone in said.get("stale", ())
            ]
            out = {each["service"] for each in said["left_out"]}
            self.notes += [
                f"{user} runs without {name}, with its fallback"
                for user, names in said.get("without", {}).items()
                for name in names
                if name not in out
            ]
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
        """Add how the last run ended; what another version noted is ignored."""
        if "ending" in last:
            self.ending = str(last["ending"])
        else:
            with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
                self._add(last)

    def _add(self, data: Mapping[str, Any]) -> None:
        for status in map(_read_status, data["statuses"]):
            before = self.statuses.get(status.service)
            if before is None or _says_more(status, before):
                self.statuses[status.service] = status
        self.excluded |= {each["service"]: each for each in data["left_out"]}
        self.failures |= {
            name: _read_failure(each) for name, each in data["failures"].items()
        }
        self.answers |= data["answers"]
        self.log_starts |= data.get("log_starts", {})
        self.log_firsts |= data.get("log_firsts", {})
        self.needs |= {name: tuple(needs) for name, needs in data["needs"].items()}

    def join(self, stack: Stack | None) -> RunsSeen:
        """All of it, in the order of the boot, excluded services last."""
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
            for name, each in self.excluded.items()
            if not self._takes_part(name) and (stack is None or name in services)
        }
        needs = {
            name: tuple(need.service for need in service.needs)
            for name, service in services.items()
        }
        known = (*self.statuses, *sort_graph(needs))
        order = [name for name in dict.fromkeys(known) if name in services]
        listed = [name for name in (*order, *gone) if name not in out]
        return RunsSeen(
            statuses=(
                *(self.statuses.get(name) or _make_stopped(name) for name in listed),
                *(self._describe_excluded(each) for each in out.values()),
            ),
            is_running=self.is_running,
            is_up=self.is_running and self.is_up,
            excluded=tuple(out.values()),
            failures=self.failures,
            answers=self.answers,
            log_starts=self.log_starts,
            log_firsts=self.log_firsts,
            needs={**needs, **self.needs},
            notes=tuple(self.notes),
            ending=self.ending,
        )

    def _takes_part(self, name: str) -> bool:
        """Whether a run has a service that is not excluded."""
        status = self.statuses.get(name)
        return status is not None and status.state is not State.EXCLUDED

    def _describe_excluded(self, note: Mapping[str, Any]) -> ServiceStatus:
        name = note["service"]
        status = self.statuses.get(name) or _make_stopped(name)
        return replace(
            status,
            state=State.EXCLUDED,
            reason=note["reason"],
            fallback=bool(note.get("fallback")),
        )


def _says_more(status: ServiceStatus, before: ServiceStatus) -> bool:
    """Whether one run says more of a service than another: that which has started it.

    What another run uses, or what was stopped for it, may run elsewhere.
    """
    if State.STOPPED in {status.state, before.state}:
        return before.state is State.STOPPED
    return not status.reused


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
