"""Compose at work, and the engine's events meanwhile, until there is a verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext

from composegen.errors import EngineUnreachable
from composegen.places.engine.client import Engine
from composegen.places.engine.compose import Project, Settled
from composegen.places.engine.compose_lines import describe_cut, speaks_of_unset
from composegen.places.engine.containers import Status
from composegen.places.engine.giving_up import GivenUp, explain_compose
from composegen.places.engine.happened import Happened
from composegen.places.engine.helpers import add_helpers
from composegen.places.engine.inbox import Gone, Got, Inbox, Said, Work
from composegen.places.engine.judge import Judge
from composegen.places.engine.leaving_out import LeavingOut, Lost
from composegen.places.engine.notes import Notes
from composegen.places.engine.phases import Call, Calls
from composegen.places.engine.podman import run_checks
from composegen.places.engine.progress import describe_progress
from composegen.places.engine.renewal import note_renewed
from composegen.places.engine.why import find_engine_reasons
from composegen.places.events import (
    BootOver,
    ComposeWarned,
    Event,
    Noted,
    Report,
)
from composegen.places.reasons import Reason
from composegen.places.status import State
from composegen.records import field, record, replace

_PROGRESS = 0.12
_SPARING = 20
"""A look at all containers takes at most a twentieth of the time."""
_SETTLE = 1.0
_MOST_ATTEMPTS = 10
_MOST_CALLS = 100
_STOP = "stop"
UP = ("up", "--detach", "--no-build", "--remove-orphans")
"""The command of Compose that brings a whole stack up."""
UP_PART = UP[:-1]
"""The same for a text with a part of the stack: the rest of it is no orphan."""


@record
class BootOptions:
    """How to boot: ``limit`` is one deadline for all in place of each ``boot``.

    ``unset`` are variables of which it was said that they are empty, ``lost`` optional
    services that have failed before anything is started. ``keep`` writes the notes when
    they change. After so many seconds each, ``look`` makes up for events that are lost.
    """

    limit: float | None = None
    unset: frozenset[str] = frozenset()
    lost: Mapping[str, Lost] = field(default_factory=dict)
    keep: Callable[[Notes], None] = lambda _: None
    look: float = 5.0


class Booting:
    """Compose at work, and the engine's events meanwhile.

    ``calls`` decides what Compose is called for.
    """

    def __init__(
        self,
        engine: Engine,
        project: Project,
        notes: Notes,
        report: Report,
        calls: Calls,
        options: BootOptions | None = None,
    ) -> None:
        self.engine = engine
        self.project = project
        self.notes = notes
        self.report = report
        options = options or BootOptions()
        self.judge = Judge(notes, limit=options.limit)
        self._calls = calls
        self._lost = options.lost
        self._leaving = LeavingOut(engine, project, calls, self.judge, report)
        self._keep = options.keep
        self._inbox = Inbox()
        self._began = time.monotonic()
        self._look = self._looks_at = options.look
        self._attempts = 0
        self._ends = self._swept = 0
        self._was_cut = False
        self._works: list[Work] = []
        self._ended_at: float | None = None
        self._broken: Work | None = None
        self._given_up: GivenUp | None = None
        self._warned: set[str] = set()
        self._unset = options.unset

    @property
    def now(self) -> float:
        """Seconds since the boot began."""
        return time.monotonic() - self._began

    def carry_out(self) -> GivenUp:
        """Bring it up and wait for the verdict; without reasons it is up.

        Raises EngineUnreachable, with what stays and what was not started as its help.
        """
        try:
            return self._carry_out()
        except EngineUnreachable as error:
            error.help = "\n".join(filter(None, (error.help, self._describe_rest())))
            raise

    def _describe_rest(self) -> str:
        """What is left where the end of it was not seen."""
        waiting = [
            name
            for name, each in self.judge.candidates.items()
            if each.state is State.WAITING
        ]
        names = ", ".join(waiting)
        not_started = f"; not started yet: {names}" if names else ""
        return (
            f"the containers that were made are still there{not_started}\n"
            "continue when the engine answers: composegen up"
        )

    def _carry_out(self) -> GivenUp:
        watch = self.engine.watch(self.project.name)
        self._inbox.listen(watch)
        try:
            self._tell(self.judge.adopt(self.engine.list_containers(self.project.name)))
            self._begin()
            with self._checks():
                self._wait_for_verdict()
        finally:
            self.report(BootOver(at=self.now))
            watch.close()
            for work in self._works:
                work.carrying.stop()
        began = self.engine.read_clock() - self.now
        # A call that has failed may have left any of its containers as they were.
        renewed = self.judge.settled if self._broken is None else ()
        notes = self._leaving.note(
            replace(
                note_renewed(self.notes, renewed),
                failures=self.judge.list_failures(began),
                deaths=self.judge.deaths,
            )
        )
        if self.judge.failed:
            return GivenUp(notes=notes, reasons=self._explain_failures(notes))
        if self._broken is None or (
            self._broken.carrying.was_cut and self.judge.is_done
        ):
            return GivenUp(notes=notes, reasons=())
        return self._given_up or self._explain(self._broken, notes)

    def _checks(self) -> AbstractContextManager[None]:
        """What runs the health checks of services that boot, unless the engine does."""
        if not self.engine.describe().is_podman:
            return nullcontext()
        endpoint = self.project.endpoint
        return run_checks(lambda: Engine(endpoint), self.project.name)

    def _begin(self) -> None:
        """Exclude what has failed before; what is only started again stays as it is."""
        for name, each in self._lost.items():
            self._leaving.explain(name, each.failure)
        self._exclude({name: each.reason for name, each in self._lost.items()})
        if not self._calls.makes_containers:
            self.judge.settle()

    def _wait_for_verdict(self) -> None:
        """Let Compose work until all is up, or cannot be."""
        while not self.judge.failed:
            self._exclude(self.judge.failed_optional)
            self._call()
            self._put_away()
            if self._is_over():
                return
            self._look_for_lost()
            self._take_in()

    def _is_over(self) -> bool:
        """Whether all is up, or another call of Compose would change nothing."""
        if self._broken is not None:
            # What a cut call has started goes on, and may be all there is to start.
            was_cut = self._broken.carrying.was_cut
            return not was_cut or self.judge.is_done or self._is_settled
        return not self._works and not self._calls.waiting and self.judge.is_done

    @property
    def _is_settled(self) -> bool:
        """Whether nothing has come of Compose for a while, and nothing boots."""
        if self._works or self._ended_at is None:
            return False
        return self.now - self._ended_at >= _SETTLE and not self.judge.is_moving

    def _explain_failures(self, notes: Notes) -> tuple[Reason, ...]:
        failed = {failure.service for failure in self.judge.failed}
        found = find_engine_reasons(
            self.engine, notes, self.project.folder, among=failed
        )
        return tuple(each for each in found if failed & {each.service, *each.chain})

    def _explain(self, work: Work, notes: Notes) -> GivenUp:
        names = work.call.names
        return explain_compose(
            self.engine,
            notes,
            self.project.folder,
            work.carrying.lines,
            code=work.exit_code,
            among=() if len(names) == len(notes.services) else names,
        )

    # Calls of Compose

    def _call(self) -> None:
        """Call Compose for what can be started now.

        Calls overlap while one of them waits, not while it makes containers: two could
        make the same network.
        """
        if self._broken is not None or not all(each.is_made for each in self._works):
            return
        call = self._calls.choose(self.judge)
        if call is None:
            return
        self._note_call(call)
        self._start(Work(call))

    def _note_call(self, call: Call) -> None:
        """Note what the containers are made without, before they are made."""
        services = tuple(
            replace(each, without=self._calls.find_without(each.name))
            if each.name in call.names
            else each
            for each in self.notes.services
        )
        noted = self._leaving.note(replace(self.notes, services=services))
        if noted != self.notes:
            self.notes = noted
            self._keep(noted)

    def _start(self, work: Work, project: Project | None = None) -> None:
        project = project or self.project
        if work.call.text is not None:
            project = replace(project, text=work.call.text)
        self._inbox.start(work, project)
        self._works.append(work)

    def _see_end(self, work: Work) -> None:
        """A call has ended: what it has not started goes back, or it is the last."""
        self._works.remove(work)
        self._ends += 1
        self._see_made(work)
        self._ended_at = self.now
        names, carrying = work.call.names, work.carrying
        if work.call.words[0] == _STOP:
            stopped = [name for name in work.call.words[1:] if self.notes.find(name)]
            self._leaving.see_stopped(stopped, self.engine.read_clock())
        if not work.exit_code or not names:
            return
        if carrying.was_cut and not self._was_cut and not self.judge.is_done:
            self._was_cut = True
            cut = describe_cut(work.exit_code)
            self.report(Noted(at=self.now, text=f"{cut}; it is called again"))
            self._give_back(names)
        elif carrying.was_gate and self._attempts < _MOST_ATTEMPTS:
            self._attempts += 1
            self._give_back(self.judge.list_waiting(names))
        elif carrying.was_cut or not self._see_refusal(work):
            self._broken = work

    def _see_made(self, work: Work) -> None:
        work.is_made = True
        self.judge.settle(work.call.names)

    def _give_back(self, names: tuple[str, ...]) -> None:
        states = {name: each.state for name, each in self.judge.candidates.items()}
        finished = [name for name in names if states[name] is State.FINISHED]
        self._calls.give_back(names, finished=finished)

    def _see_refusal(self, work: Work) -> bool:
        """Whether only optional services have made Compose end: they fail then."""
        began = self.engine.read_clock() - self.now
        notes = replace(
            self.notes,
            failures=self.judge.list_failures(began),
            deaths=self.judge.deaths,
        )
        self._given_up = given_up = self._explain(work, notes)
        failures = [each.failure for each in given_up.reasons if each.failure]
        found = {each.service: each for each in failures}
        optional = {
            name
            for name, each in self.judge.candidates.items()
            if not each.noted.is_required and each.state is not State.EXCLUDED
        }
        if not found or not {*found} <= optional or not self._calls.can_exclude:
            return False
        self._given_up = None
        for name, failure in found.items():
            self._leaving.explain(name, failure)
            reason = f"{name} could not be started"
            self._tell(self.judge.fail_start(name, reason, self.now))
        self._give_back(work.call.names)
        return True

    # What is excluded

    def _exclude(self, failed: Mapping[str, str]) -> None:
        if failed and self._calls.can_exclude:
            at = self.engine.read_clock()
            if self._leaving.exclude(failed, at):
                self.notes = self._leaving.note(self.notes)
                self._keep(self.notes)

    def _put_away(self) -> None:
        """Stop what was excluded, once its dependent services are on their way."""
        names = self._leaving.put_away(self.notes, self.project.folder, self.now)
        if self._leaving.exclusions and self._swept < self._ends <= _MOST_CALLS:
            # Compose may have started one just before it was excluded.
            names = self._leaving.find_running()
        self._swept = self._ends
        if names:
            call = Call(names=(), words=(_STOP, *add_helpers(self.notes, names)))
            by_label = replace(self.project, text=None)
            self._start(Work(call, is_made=True), by_label)

    def _look_for_lost(self) -> None:
        """Compose has finished, and a service has not been started."""
        if not self._is_settled:
            return
        found = self.engine.list_containers(self.project.name)
        # A container that the engine restarts is started by it after its pause.
        started = {Status.RUNNING, Status.RESTARTING}
        running = {each.service for each in found if each.status in started}
        for name, candidate in self.judge.candidates.items():
            if candidate.state is State.WAITING and name not in running:
                reason = f"{name} was not started by Compose"
                self._tell(self.judge.fail_start(name, reason, self.now))

    # What happens

    def _take_in(self) -> None:
        """Wait for the next thing to happen, or for time to matter."""
        pause = self.judge.find_next(self.now) - self.now
        # All that has come counts before a deadline does.
        for got in self._inbox.wait(min(max(pause, 0.005), _PROGRESS)):
            self._take(got)
        now = self.now
        # An event may be lost: what it would have said shows in the containers.
        if now >= self._looks_at or self.judge.is_overdue(now):
            found = self.engine.list_containers(self.project.name)
            self._tell(self.judge.compare(found, now))
            self._looks_at = self.now + max(self._look, _SPARING * (self.now - now))
        self._tell(self.judge.look(now))
        self.report(describe_progress(self.judge, self.now))

    def _take(self, got: Got) -> None:
        match got:
            case Happened():
                self._tell(self.judge.see(got, got.at - self._began))
            case Gone():
                raise got.error
            case Said(what=None):
                self._see_end(got.work)
            case Said(what=Settled()):
                self._see_made(got.work)
            case Said(what=str() as text):
                self._see_warning(text)

    def _see_warning(self, text: str) -> None:
        # What is not set was reported before.
        if text not in self._warned and not speaks_of_unset(text, self._unset):
            self._warned.add(text)
            self.report(ComposeWarned(at=self.now, text=text))

    def _tell(self, events: Iterator[Event]) -> None:
        for event in events:
            self.report(event)
