"""Compose at work, and what the engine tells meanwhile, until there is a verdict."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

from composegen.errors import EngineUnreachable
from composegen.places.engine.client import Engine, Watch
from composegen.places.engine.compose import Carrying, Project, Settled
from composegen.places.engine.containers import Happened, Status
from composegen.places.engine.judge import Judge
from composegen.places.engine.notes import Notes
from composegen.places.engine.why import explain_compose, find_engine_reasons
from composegen.places.reasons import Reason
from composegen.places.status import State
from composegen.terminal.console import Console
from composegen.terminal.live import UpConsole

_REFRESH = 0.12
_SETTLE = 1.0
_MOST_ATTEMPTS = 10


class _Gone:
    """The engine's events have ended before we did."""

    def __init__(self, error: EngineUnreachable) -> None:
        self.error = error


class _Ended:
    """Compose has ended."""


class Booting:
    """Compose at work, and what the engine tells meanwhile."""

    def __init__(
        self,
        engine: Engine,
        project: Project,
        notes: Notes,
        console: Console,
        *,
        limit: float | None = None,
    ) -> None:
        self.engine = engine
        self.project = project
        self.notes = notes
        self.judge = Judge(notes, limit=limit)
        self.shown = UpConsole(self.judge, console)
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._began = time.monotonic()
        self._attempts = 0
        self._ended_at: float | None = None
        self._warned: set[str] = set()

    @property
    def now(self) -> float:
        """Seconds since the boot began."""
        return time.monotonic() - self._began

    def carry_out(self) -> list[Reason]:
        """Bring it up and wait for the verdict; why it is not up, or nothing."""
        watch = self.engine.watch(self.project.name)
        threading.Thread(target=self._listen, args=(watch,), daemon=True).start()
        carrying: Carrying | None = None
        try:
            self._tell(self.judge.adopt(self.engine.list_containers(self.project.name)))
            carrying = self._carry()
            while True:
                if self.judge.failed:
                    carrying.stop()
                    self.shown.end()
                    return self._explain_failures()
                if self._ended_at is not None:
                    if self.judge.is_done and carrying.exit_code == 0:
                        self.shown.end()
                        return []
                    if carrying.exit_code and not carrying.was_gate:
                        self.shown.end()
                        return explain_compose(
                            self.engine,
                            self.notes,
                            self.project.folder,
                            carrying.lines,
                        )
                    carrying = self._go_on(carrying)
                self._take_in()
        finally:
            self.shown.end()
            watch.close()
            if carrying is not None:
                carrying.stop()

    def _explain_failures(self) -> list[Reason]:
        failures = {failure.service: failure for failure in self.judge.failed}
        found = find_engine_reasons(
            self.engine, self.notes, self.project.folder, failures=failures
        )
        return [
            each
            for each in found
            if failures.keys() & {each.status.service, *each.chain}
        ]

    def _carry(self) -> Carrying:
        self._attempts += 1
        self._ended_at = None
        return Carrying(
            self.project,
            ("up", "--detach", "--no-build", "--remove-orphans"),
            tell=self._inbox.put,
            end=lambda: self._inbox.put(_Ended()),
        )

    def _go_on(self, carrying: Carrying) -> Carrying:
        """Let Compose try again once what made it give up is up after all."""
        waits = self.now - (self._ended_at or 0.0) < _SETTLE
        if self.judge.is_moving or waits:
            return carrying
        if carrying.exit_code == 0 or self._attempts >= _MOST_ATTEMPTS:
            self._look_for_lost()
            return carrying
        return self._carry()

    def _look_for_lost(self) -> None:
        """Compose says that it is done, and somebody has not been started."""
        found = self.engine.list_containers(self.project.name)
        running = {each.service for each in found if each.status is Status.RUNNING}
        for name, candidate in self.judge.candidates.items():
            if candidate.state is State.WAITING and name not in running:
                reason = f"{name} was not started by Compose"
                self._tell(self.judge.fail_start(name, reason, self.now))

    def _listen(self, watch: Watch) -> None:
        try:
            for happened in watch:
                self._inbox.put(happened)
            self._inbox.put(_Gone(EngineUnreachable("the Docker engine has gone")))
        except EngineUnreachable as error:
            self._inbox.put(_Gone(error))

    def _take_in(self) -> None:
        """Wait for the next thing to happen, or for time to matter."""
        pause = self.judge.find_next(self.now) - self.now
        if self._ended_at is not None:
            pause = min(pause, _SETTLE)
        if self.shown.is_live:
            pause = min(pause, _REFRESH)
        try:
            got = self._inbox.get(timeout=max(pause, 0.005))
        except queue.Empty:
            got = None
        while got is not None:
            self._take(got)
            # All that has come counts before a deadline does.
            got = None if self._inbox.empty() else self._inbox.get()
        self._tell(self.judge.look(self.now))
        self.shown.refresh()

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
            case str() if got not in self._warned:
                self._warned.add(got)
                self.shown.say(f"note: Compose says: {got}")

    def _tell(self, events: Iterator[Any]) -> None:
        for event in events:
            self.shown.show(event)
