"""What comes in during a boot: the engine's events, and what calls of Compose say."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import TypeAlias

from composegen.errors import EngineUnreachable
from composegen.places.engine.compose import Carrying, Project, Settled
from composegen.places.engine.happened import Happened
from composegen.places.engine.phases import Call
from composegen.places.engine.watching import Watch
from composegen.records import record


class Gone:
    """The engine's events have ended before we did."""

    def __init__(self, error: EngineUnreachable) -> None:
        self.error = error


class Work:
    """One call of Compose on its way; until it ``is_made`` containers are replaced."""

    def __init__(self, call: Call, *, is_made: bool = False) -> None:
        self.call = call
        self.is_made = is_made
        self.carrying: Carrying

    @property
    def exit_code(self) -> int:
        """What it has ended with."""
        return self.carrying.exit_code or 0


@record
class Said:
    """What a call has said: a warning, that all is made, or None at its end."""

    work: Work
    what: str | Settled | None


Got: TypeAlias = Happened | Gone | Said


class Inbox:
    """Everything that comes in, in its order, from several threads."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Got] = queue.SimpleQueue()

    def listen(self, watch: Watch) -> None:
        """Take in the engine's events, until the watch is closed or the engine gone."""
        threading.Thread(target=self._listen, args=(watch,), daemon=True).start()

    def _listen(self, watch: Watch) -> None:
        try:
            for happened in watch:
                self._queue.put(happened)
            self._queue.put(
                Gone(EngineUnreachable("the connection to the Docker engine was lost"))
            )
        except EngineUnreachable as error:
            self._queue.put(Gone(error))

    def start(self, work: Work, project: Project) -> None:
        """Let Compose begin a call, and take in what it says."""
        work.carrying = Carrying(
            project,
            work.call.words,
            tell=lambda said: self._queue.put(Said(work=work, what=said)),
            end=lambda: self._queue.put(Said(work=work, what=None)),
        )

    def wait(self, pause: float) -> Iterator[Got]:
        """What has come, and for the first of it at most so many seconds."""
        try:
            yield self._queue.get(timeout=pause)
        except queue.Empty:
            return
        while not self._queue.empty():
            yield self._queue.get()
