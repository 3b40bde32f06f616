"""Compose at work, and the engine's events meanwhile, until there is a verdict."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

from composegen.errors import EngineUnreachable
from composegen.places.engine.client import Engine, Watch
from composegen.places.engine.compose import (
    Carrying,
    Project,
    Settled,
    describe_cut,
    speaks_of_unset,
)
from composegen.places.engine.containers import Happened, Status
from composegen.places.engine.giving_up import GivenUp, explain_compose
from composegen.places.engine.judge import Judge
from composegen.places.engine.notes import Notes
from composegen.places.engine.progress import describe_progress
from composegen.places.engine.why import find_engine_reasons
from composegen.places.events import BootOver, ComposeWarned, Event, Noted, Report
from composegen.places.reasons import Reason
from composegen.places.status import State
from composegen.records import replace

_PROGRESS = 0.12
_SETTLE = 1.0
_MOST_ATTEMPTS = 10
UP = ("up", "--detach", "--no-build", "--remove-orphans")
"""The command of Compose that brings a whole stack up."""
UP_PART = UP[:-1]
"""The same for a text with a part of the stack: the rest of it is no orphan."""


class _Gone:
    """The engine's events have ended before we did."""

    def __init__(self, error: EngineUnreachable) -> None:
        self.error = error


class _Ended:
    """Compose has ended."""


class Booting:
    """Compose at work, and the engine's events meanwhile.

    ``words`` are its command. One that replaces no container begins with all of them
    settled: each death counts. With ``recreate`` every container is made again: it gets
    the labels of this folder.
    """

    def __init__(
        self,
        engine: Engine,
        project: Project,
        notes: Notes,
        report: Report,
        *,
        limit: float | None = None,
        words: tuple[str, ...] = UP,
        unset: frozenset[str] = frozenset(),
        recreate: bool = False,
    ) -> None:
        self.engine = engine
        self.project = project
        self.notes = notes
        self.report = report
        self.judge = Judge(notes, limit=limit)
        self._words = words
        self._recreate = recreate
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._began = time.monotonic()
        self._attempts = 0
        self._was_cut = False
        self._carrying: Carrying | None = None
        self._ended_at: float | None = None
        self._warned: set[str] = set()
        self._unset = unset

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
        threading.Thread(target=self._listen, args=(watch,), daemon=True).start()
        try:
            self._tell(self.judge.adopt(self.engine.list_containers(self.project.name)))
            if self._words[0] != "up":
                self.judge.settle()
            carrying = self._wait_for_verdict()
        finally:
            self.report(BootOver(at=self.now))
            watch.close()
            if self._carrying is not None:
                self._carrying.stop()
        began = self.engine.read_clock() - self.now
        notes = replace(
            self.notes,
            failures=self.judge.list_failures(began),
            deaths=self.judge.deaths,
        )
        if self.judge.failed:
            return GivenUp(notes=notes, reasons=self._explain_failures(notes))
        if not carrying.exit_code or (carrying.was_cut and self.judge.is_done):
            return GivenUp(notes=notes, reasons=())
        return explain_compose(
            self.engine,
            notes,
            self.project.folder,
            carrying.lines,
            code=carrying.exit_code,
        )

    def _wait_for_verdict(self) -> Carrying:
        """Let Compose work until all is up, or cannot be; its last attempt."""
        carrying = self._carry()
        while not self.judge.failed and not self._is_over(carrying):
            if self._ended_at is not None:
                carrying = self._go_on(carrying)
            self._take_in()
        return carrying

    def _is_over(self, carrying: Carrying) -> bool:
        """Whether Compose has ended, and another attempt would change nothing."""
        if self._ended_at is None:
            return False
        if carrying.was_cut:
            # What it has started goes on, and may be all that there is to start.
            return self.judge.is_done or (self._was_cut and self._is_settled)
        if carrying.exit_code:
            return not carrying.was_gate
        return self.judge.is_done

    @property
    def _is_settled(self) -> bool:
        """Whether nothing has come of Compose for a while, and nothing boots."""
        is_long = self.now - (self._ended_at or 0.0) >= _SETTLE
        return is_long and not self.judge.is_moving

    def _call_again(self, carrying: Carrying) -> Carrying:
        """Call Compose again that was ended from outside."""
        self._was_cut = True
        cut = describe_cut(carrying.exit_code or 0)
        self.report(Noted(at=self.now, text=f"{cut}; it is called again"))
        carrying.stop()
        return self._carry()

    def _explain_failures(self, notes: Notes) -> tuple[Reason, ...]:
        failed = {failure.service for failure in self.judge.failed}
        found = find_engine_reasons(
            self.engine, notes, self.project.folder, among=failed
        )
        return tuple(each for each in found if failed & {each.service, *each.chain})

    def _carry(self) -> Carrying:
        self._attempts += 1
        self._ended_at = None
        # Only the first attempt: a later one goes on with what that one has made.
        again = ["--force-recreate"] * (self._recreate and self._attempts == 1)
        self._carrying = Carrying(
            self.project,
            (*self._words, *again),
            tell=self._inbox.put,
            end=lambda: self._inbox.put(_Ended()),
        )
        return self._carrying

    def _go_on(self, carrying: Carrying) -> Carrying:
        """Let Compose try again once what made it give up is up after all."""
        if carrying.was_cut and not self._was_cut:
            return self._call_again(carrying)
        if not self._is_settled:
            return carrying
        if carrying.exit_code == 0 or self._attempts >= _MOST_ATTEMPTS:
            self._look_for_lost()
            return carrying
        return self._carry()

    def _look_for_lost(self) -> None:
        """Compose has finished, and a service has not been started."""
        found = self.engine.list_containers(self.project.name)
        # A container that the engine restarts is started by it after its pause.
        started = {Status.RUNNING, Status.RESTARTING}
        running = {each.service for each in found if each.status in started}
        for name, candidate in self.judge.candidates.items():
            if candidate.state is State.WAITING and name not in running:
                reason = f"{name} was not started by Compose"
                self._tell(self.judge.fail_start(name, reason, self.now))

    def _listen(self, watch: Watch) -> None:
        try:
            for happened in watch:
                self._inbox.put(happened)
            self._inbox.put(
                _Gone(EngineUnreachable("the connection to the Docker engine was lost"))
            )
        except EngineUnreachable as error:
            self._inbox.put(_Gone(error))

    def _take_in(self) -> None:
        """Wait for the next thing to happen, or for time to matter."""
        pause = self.judge.find_next(self.now) - self.now
        try:
            got = self._inbox.get(timeout=min(max(pause, 0.005), _PROGRESS))
        except queue.Empty:
            got = None
        while got is not None:
            self._take(got)
            # All that has come counts before a deadline does.
            got = None if self._inbox.empty() else self._inbox.get()
        self._tell(self.judge.look(self.now))
        self.report(describe_progress(self.judge, self.now))

    def _take(self, got: Any) -> None:
        match got:
            case Happened():
                self._tell(self.judge.see(got, got.at - self._began))
            case _Ended():
                self._ended_at = self.now
                self.judge.settle()
            case _Gone():
                raise got.error
            case Settled():
                self.judge.settle()
            case str() if speaks_of_unset(got, self._unset):
                pass  # it was reported before
            case str() if got not in self._warned:
                self._warned.add(got)
                self.report(ComposeWarned(at=self.now, text=got))

    def _tell(self, events: Iterator[Event]) -> None:
        for event in events:
            self.report(event)
