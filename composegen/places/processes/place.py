"""The runs of a folder as one place, asked from another terminal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterable, Iterator
from itertools import chain

from composegen.errors import ComposegenError
from composegen.model import Stack
from composegen.places.events import Event, Report
from composegen.places.names import PROCESSES
from composegen.places.place import (
    Act,
    Acted,
    Call,
    Explanation,
    Logs,
    Request,
    Seen,
    Tell,
    Usage,
    Volume,
    Volumes,
    check_services,
    note_excluded_logs,
    settle_names,
)
from composegen.places.processes.asking import Asking, make_nothing_runs
from composegen.places.processes.data import list_data, remove_data
from composegen.places.processes.down import take_down
from composegen.places.processes.entering import prepare_call
from composegen.places.processes.follow import follow_runs
from composegen.places.processes.logs import (
    describe_earlier,
    follow_logs,
    list_logged,
    read_logs,
)
from composegen.places.processes.status import RunsSeen, has_records, look_at_runs
from composegen.places.processes.why import find_reasons
from composegen.records import replace
from composegen.system.usage import measure_trees
from composegen.workspace.workspace import Workspace


class ProcessesPlace:
    """What runs in a folder as processes; when nothing does, how the last run ended.

    ``load`` reads the stack file. Where it has errors, the runs speak for themselves.
    """

    def __init__(self, workspace: Workspace, load: Callable[[], Stack]) -> None:
        self._folder = workspace.folder
        self._file = workspace.file
        self._workspace = workspace
        self._load = load

    name = PROCESSES

    def look(self) -> Seen:
        """How every service is doing now. Raises what loading the stack file does."""
        seen = self._look()
        return Seen(
            statuses=seen.statuses,
            is_running=seen.is_running,
            is_up=seen.is_up,
            excluded=seen.excluded,
            notes=seen.notes,
            has_ended=seen.has_ended,
        )

    def explain(self, service: str) -> Explanation:
        """Why a service, or any, is not up; of a run that has ended, what failed."""
        seen = self._look()
        if service:
            [service] = self._settle((service,), seen)
            check_services((service,), seen.names)
        reasons = tuple(find_reasons(self._folder, seen, service))
        heading = ""
        if not seen.is_running:
            heading = "nothing runs here as processes"
            if seen.ending:
                ending = f"{seen.ending}\n"
                return Explanation(
                    reasons=(), notes=seen.notes, heading=heading, ending=ending
                )
            if not seen.failures:
                raise make_nothing_runs()
            heading += "; this is how the last run ended"
        return Explanation(reasons=reasons, notes=seen.notes, heading=heading)

    def read_logs(self, names: Iterable[str], count: int, *, follow: bool) -> Logs:
        """Lines of the log files, also of services that the file no longer has."""
        seen, logged = self._look(), list_logged(self._folder)
        listed = self._settle(names, seen)
        check_services(listed, (*seen.names, *logged))
        shown = listed or seen.names or logged
        notes = (*seen.notes, *note_excluded_logs(listed, seen.excluded))
        if not seen.is_running and logged:
            notes += ("nothing runs here: these are lines of earlier runs",)
        else:
            notes += self._note_earlier(seen, shown, count)
        lines = read_logs(self._folder, shown, count)
        over = threading.Event()
        if follow:
            lines = chain(lines, follow_logs(self._folder, shown, over.is_set))
        return Logs(names=shown, lines=lines, notes=notes, stop=over.set)

    def measure(self) -> tuple[Usage, ...]:
        """What the processes of each service use; nothing where there is no /proc."""
        pids = {
            each.pid: each.service
            for each in self._look().statuses
            if each.pid is not None
        }
        return tuple(
            Usage(service=pids[pid], cpu=used.cpu, memory=used.memory)
            for pid, used in measure_trees(pids).items()
        )

    def _note_earlier(
        self, seen: RunsSeen, names: Iterable[str], count: int
    ) -> tuple[str, ...]:
        """What is not of the present runs; one that does not answer says nothing."""
        silent = {
            each.service
            for each in seen.statuses
            if each.pid is not None and not each.reused
        } - seen.log_firsts.keys()
        known = [name for name in names if name not in silent]
        said = describe_earlier(self._folder, known, count, seen.log_firsts)
        return (said,) if said else ()

    def prepare(
        self,
        request: Request,
        tell: Tell,  # noqa: ARG002 - there is nothing to tell
    ) -> Call:
        """How to run a command as the run has started a service."""
        seen = self._look()
        [service] = self._settle((request.service,), seen)
        return prepare_call(self._folder, seen, replace(request, service=service))

    def act(
        self,
        act: Act,
        names: Iterable[str],
        report: Report,
        *,
        take_over: bool = False,  # noqa: ARG002 - runs are of one folder alone
    ) -> tuple[Acted, ...]:
        """Act on services in every run that has them."""
        stack = self._load_stack()
        services = stack.services if stack is not None else {}
        settled = self._settle(names, self._look()) if stack is not None else names
        return Asking(self._folder, services).perform(act, settled, report)

    def follow(self) -> Iterator[Event]:
        """What the runs report, until the last one has ended."""
        return follow_runs(self._folder)

    def take_down(
        self,
        tell: Tell,
        *,
        take_over: bool = False,  # noqa: ARG002 - runs are of one folder alone
    ) -> tuple[str, ...]:
        """End every run of the folder, and what dead ones left."""
        return tuple(
            f"ended the run of {', '.join(run.names) or 'the whole stack'}, "
            f"pid {run.supervisor.pid}"
            for run in take_down(self._folder, tell)
        )

    def list_volumes(
        self,
        external: Container[str] = (),
        *,
        take_over: bool = False,  # noqa: ARG002 - runs are of one folder alone
        measures: bool = True,
    ) -> Volumes:
        """The data folders of the stack, and the volumes of its stores in Docker."""
        try:
            stack = self._load()
            project = self._workspace.find_project(stack.name)
        except ComposegenError:
            return list_data(self._folder, "", None, measures=measures)
        return list_data(self._folder, project, stack, external, measures=measures)

    def remove_volumes(self, volumes: Iterable[Volume]) -> Iterator[str]:
        """Remove data folders, and volumes of stores."""
        return remove_data(self._folder, volumes)

    def _load_stack(self) -> Stack | None:
        try:
            return self._load()
        except ComposegenError:
            return None

    def _settle(self, names: Iterable[str], seen: RunsSeen) -> tuple[str, ...]:
        stack = self._load_stack()
        return settle_names(names, seen.names, stack.choices if stack else {})

    def _look(self) -> RunsSeen:
        try:
            stack = self._load()
        except ComposegenError:
            if not has_records(self._folder):
                raise
            note = (
                f"{self._file} has errors (run `composegen check`); showing what the "
                "running services report"
            )
            return look_at_runs(None, self._folder, notes=(note,))
        return look_at_runs(stack, self._folder)
