"""``up --stay``: shows what happens to a stack that is up, until it is ended.

A service with ``later: restart`` is made again with its fallback when what it needs is
lost, and back when that is healthy again.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from composegen.errors import EngineUnreachable, ExitCode, FileRefused, Interrupted
from composegen.needs import Later
from composegen.places.engine.boot import UP_PART, Booting
from composegen.places.engine.client import Engine
from composegen.places.engine.compose import Project
from composegen.places.engine.follow import follow_engine
from composegen.places.engine.helpers import add_helpers
from composegen.places.engine.notes import NotedService, Notes, change_notes, load_notes
from composegen.places.engine.phases import OneCall, cut_gates
from composegen.places.events import (
    BecameUnhealthy,
    Event,
    Exited,
    Failed,
    HealthyAgain,
    Message,
    Noted,
    Ready,
    Report,
    Started,
    Stopped,
)
from composegen.places.reasons import format_reasons
from composegen.planning.changes import Change, Changes, RestartNeed
from composegen.planning.definition import digest_definition
from composegen.planning.exclusion import list_exclusions, vary_plan
from composegen.planning.plan import Plan
from composegen.records import replace
from composegen.workspace.state import NotTrusted, hold_lock

_WELL = (Ready, HealthyAgain)
_AWAY = (BecameUnhealthy, Exited, Failed, Started, Stopped)
_LONGEST = 60.0
_RETRY = 1.0
_END = "the stack stays up: composegen status, composegen down"


class Staying:
    """Follows a stack that is up; ``lock`` is that of `up`, held for each change."""

    def __init__(
        self,
        plan: Plan,
        project: Project,
        notes: Notes,
        write_text: Callable[[Plan], str],
        report: Report,
        *,
        lock: str,
    ) -> None:
        self._plan = plan
        self._project = project
        self._notes = notes
        self._write_text = write_text
        self._report = report
        self._lock = lock
        self._changes = Changes(_list_needs(notes, plan))
        self._outdated: set[str] = set()
        self._inbox: queue.SimpleQueue[Event | EngineUnreachable] = queue.SimpleQueue()

    @property
    def folder(self) -> Path:
        """The folder of the stack."""
        return self._project.folder

    def carry_out(self) -> int:
        """Show and do what is to be done, until a signal; its exit code.

        Raises EngineUnreachable where the engine is gone from the beginning.
        """
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            while True:
                self._take_in()
                self._change_due()
        except Interrupted as ended:
            self._report(Noted(text=_END))
            return ended.exit_code or ExitCode.INTERRUPTED

    # What happens

    def _listen(self) -> None:
        endpoint = self._project.endpoint
        try:
            for event in follow_engine(
                self.folder, self._notes, lambda: Engine(endpoint)
            ):
                self._inbox.put(event)
        except EngineUnreachable as error:
            self._inbox.put(error)

    def _take_in(self) -> None:
        """Wait for the next thing to happen, or for time to matter."""
        now = time.monotonic()
        pause = self._changes.find_next(self._read_without(), now) - now
        try:
            got = self._inbox.get(timeout=max(0.01, min(pause, _LONGEST)))
        except queue.Empty:
            return
        if isinstance(got, EngineUnreachable):
            raise got
        if isinstance(got, _WELL):
            self._changes.see(got.service, time.monotonic(), is_well=True)
        elif isinstance(got, _AWAY):
            self._changes.see(got.service, time.monotonic(), is_well=False)
        if got.at > 0:  # how all was at the beginning has been shown
            self._report(_reword(got))

    def _read_notes(self) -> Notes:
        """The notes as they are now: another `up` may have run."""
        try:
            found = load_notes(self.folder)
        except NotTrusted:
            found = None
        if found is not None and found.is_same_project(self._notes):
            self._notes = found
        return self._notes

    def _read_without(self) -> dict[str, tuple[str, ...]]:
        if not self._changes.needs:
            return {}
        return {each.name: each.without for each in self._read_notes().services}

    # What is done

    def _change_due(self) -> None:
        due = self._changes.find_due(self._read_without(), time.monotonic())
        for change in due:
            if change.is_refused:
                self._say_refused(change)
                continue
            with hold_lock(self.folder, self._lock) as is_ours:
                if is_ours:
                    self._change(change)
            if not is_ours:  # another `up` is at work, and does the same
                time.sleep(_RETRY)

    def _change(self, change: Change) -> None:
        """Make a service again, without one that it needs or with it."""
        noted = self._read_notes().find(change.service)
        if noted is None or not self._is_current(noted):
            self._changes.note(change, time.monotonic())
            return
        kept = tuple(each for each in noted.without if each != change.needed)
        without = kept if change.is_back else (*kept, change.needed)
        self._report(Message(service=change.service, text=self._describe(change)))
        self._changes.note(change, time.monotonic())
        try:
            self._note_without(change.service, without)
            with Engine(self._project.endpoint) as engine:
                self._make_again(engine, replace(noted, without=without))
        except (EngineUnreachable, FileRefused) as error:
            self._report(Noted(text=error.message))

    def _is_current(self, noted: NotedService) -> bool:
        """Whether the service is still what this command has brought up."""
        services = self._plan.stack.services
        own = digest_definition(services, noted.name) if noted.name in services else ""
        if own == noted.definition:
            return True
        if noted.name not in self._outdated:
            self._outdated.add(noted.name)
            text = "another `up` has changed it, so it is left as it is: composegen up"
            self._report(Message(service=noted.name, text=text))
        return False

    def _describe(self, change: Change) -> str:
        if change.is_back:
            return f"restarts with {change.needed}, which is healthy again"
        [out] = list_exclusions(self._plan, {change.needed: ""})
        own = next(each for each in out.fallbacks if each.service == change.service)
        return f"restarts without {change.needed}: {own}"

    def _say_refused(self, change: Change) -> None:
        text = (
            f"{change.needed} is healthy again, but it was restarted three times in "
            "ten minutes: it stays with its fallback"
        )
        self._report(Message(service=change.service, text=text))

    def _note_without(self, name: str, without: tuple[str, ...]) -> None:
        """Note what the container is made without, before it is made."""

        def change(notes: Notes) -> Notes:
            services = (
                replace(each, without=without) if each.name == name else each
                for each in notes.services
            )
            return replace(notes, services=tuple(services))

        self._notes = change_notes(self.folder, self._notes, change)

    def _make_again(self, engine: Engine, noted: NotedService) -> None:
        containers = engine.list_containers(self._project.name)
        on = {each.service for each in containers if each.is_running}
        varied = vary_plan(
            self._plan, {each.name: each.without for each in self._notes.services}
        )
        # Compose would start what is needed and was stopped.
        off = {step.name for step in varied.steps} - on
        text = self._write_text(cut_gates(varied, (noted.name,), off))
        boot = Booting(
            engine,
            replace(self._project, text=text),
            replace(
                self._notes,
                services=(replace(noted, is_required=True, needs=()),),
                failures=(),
                complaint="",
                began=engine.read_clock(),
                limit=None,
            ),
            lambda _: None,  # what happens is followed
            OneCall(
                (noted.name,),
                (*UP_PART, *add_helpers(self._notes, [noted.name])),
                makes_containers=True,
            ),
        )
        reasons = boot.carry_out().reasons
        if reasons:
            self._report(Noted(text=format_reasons(reasons).rstrip()))


def _list_needs(notes: Notes, plan: Plan) -> Iterator[RestartNeed]:
    """The needs with `later: restart` of the services that were brought up."""
    for step in plan.steps:
        for gate in step.gates:
            noted = notes.find(gate.service)
            if gate.later is Later.RESTART and noted is not None:
                yield RestartNeed(
                    service=step.name, needed=gate.service, boot=noted.boot
                )


def list_hints(plan: Plan) -> tuple[str, ...]:
    """What plain `up` leaves to a command that stays."""
    names = dict.fromkeys(
        step.name
        for step in plan.steps
        if any(gate.later is Later.RESTART for gate in step.gates)
    )
    return tuple(_hint(names))


def _hint(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield f"`{name}` has `later: restart`, which needs `composegen up --stay`"


def _reword(event: Event) -> Event:
    """An end as it is seen from outside: whether it is restarted shows next."""
    if isinstance(event, Exited):
        return Message(
            service=event.service, at=event.at, text=f"exited with {event.exit_code}"
        )
    return event
