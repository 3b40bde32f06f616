"""What happens to the services of a project on the engine, from its stream of events.

All containers are inspected once at the beginning and after each reconnect, and one
that is new when it starts. While a service boots they are inspected every few seconds
and before its boot is over, since an event may be lost; everything else comes from the
stream.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from composegen.errors import EngineUnreachable
from composegen.places.engine.client import Engine
from composegen.places.engine.containers import Container, Status
from composegen.places.engine.happened import Action, Happened
from composegen.places.engine.notes import Notes, load_notes
from composegen.places.engine.status import EngineSeen, make_seen
from composegen.places.engine.watching import Watch
from composegen.places.events import Event, Message
from composegen.places.present import describe_change, describe_present
from composegen.places.status import ServiceStatus, State
from composegen.records import replace
from composegen.workspace.state import NotTrusted

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds before a lost connection is tried again, doubling."""

_LOOK = 0.1
_COMPARE = 5.0
_LOST = "the connection to the Docker engine was lost; trying again"


def follow_engine(
    folder: Path,
    notes: Notes,
    connect: Callable[[], AbstractContextManager[Engine]],
    *,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Event]:
    """How every service is doing, then what happens, until the caller leaves.

    Raises EngineUnreachable where there is no first connection.
    """
    services = _Services(folder, notes)
    has_begun = False
    wait = FIRST_PAUSE
    while True:
        try:
            with connect() as engine:
                for event in _follow(engine, services):
                    has_begun, wait = True, FIRST_PAUSE
                    yield event
        except EngineUnreachable:
            if not has_begun:
                raise
        if wait == FIRST_PAUSE:
            yield Message(at=services.now, text=_LOST)
        pause(wait)
        wait = min(LONGEST_PAUSE, wait * 2)


def _follow(engine: Engine, services: _Services) -> Iterator[Event]:
    """What one connection brings, until it is lost."""
    inbox: queue.SimpleQueue[Happened | None] = queue.SimpleQueue()
    watch = engine.watch(services.project)
    threading.Thread(target=_listen, args=(watch, inbox), daemon=True).start()
    try:
        services.set_clock(engine.read_clock())
        yield from services.take_all(engine.list_containers(services.project))
        while True:
            try:
                timeout = _LOOK if services.is_settling else None
                happened = inbox.get(timeout=timeout)
            except queue.Empty:
                if services.is_to_be_looked_at:
                    found = engine.list_containers(services.project)
                    # What has come meanwhile may be older than what was found.
                    if inbox.empty():
                        yield from services.take_all(found)
                continue
            if happened is None:
                return
            yield from services.take(happened, engine)
    finally:
        watch.close()


def _listen(watch: Watch, inbox: queue.SimpleQueue[Happened | None]) -> None:
    try:
        for happened in watch:
            inbox.put(happened)
    except EngineUnreachable:
        pass
    finally:
        inbox.put(None)


class _Services:
    """The containers as they were seen last, and what was reported of each service."""

    def __init__(self, folder: Path, notes: Notes) -> None:
        self.project = notes.project
        self._folder = folder
        self._notes = notes
        self._containers: dict[str, Container] = {}
        self._killed: set[str] = set()
        self._reported: dict[str, ServiceStatus] = {}
        self._began = self._looked = time.monotonic()
        self._ahead = 0.0

    @property
    def now(self) -> float:
        """Seconds since the follow began."""
        return time.monotonic() - self._began

    def set_clock(self, moment: float) -> None:
        """Take the engine's clock, in seconds since 1970."""
        self._ahead = moment - time.time()

    @property
    def is_settling(self) -> bool:
        """Whether time alone changes a service: it is ready, or its boot is over."""
        return any(status.state is State.STARTING for status in self._reported.values())

    @property
    def is_to_be_looked_at(self) -> bool:
        """Whether time is about to change a service, or the last look is a while off.

        What is known from events alone is no reason to say that a boot is over.
        """
        if time.monotonic() - self._looked >= _COMPARE:
            return True
        now = {each.service: each for each in self._see().statuses}
        return any(each != self._reported.get(name) for name, each in now.items())

    def take_all(self, containers: Iterable[Container]) -> Iterator[Event]:
        """Take in all that is there."""
        self._looked = time.monotonic()
        self._containers = {each.id: each for each in containers}
        self._read_notes()
        yield from self.look()

    def take(self, happened: Happened, engine: Engine) -> Iterator[Event]:
        """Take in what has happened to one container."""
        self._change(happened, engine)
        if self._notes.find(happened.service) is None or (
            happened.action in {Action.KILL, Action.DIE}
        ):
            self._read_notes()  # `up` has begun something, or the user stops something
        yield from self.look()

    def look(self) -> Iterator[Event]:
        """Report what has changed."""
        clock = time.time() + self._ahead
        seen = self._see()
        for status in seen.statuses:
            before = self._reported.get(status.service)
            self._reported[status.service] = status
            if before is None:
                yield from describe_present(status)
                continue
            own = seen.list_containers(status.service)
            begun = min((each.started_at or 0.0 for each in own), default=0.0)
            after = max(0.0, clock - begun) if begun else 0.0
            yield from describe_change(before, status, at=self.now, after=after)

    def _see(self) -> EngineSeen:
        clock = time.time() + self._ahead
        return make_seen(self._notes, self._containers.values(), clock)

    def _read_notes(self) -> None:
        try:
            found = load_notes(self._folder)
        except NotTrusted:
            return
        if found is not None and found.is_same_project(self._notes):
            self._notes = found

    def _change(self, happened: Happened, engine: Engine) -> None:
        id, known = happened.id, self._containers.get(happened.id)
        if happened.action is Action.DESTROY:
            self._containers.pop(id, None)
            return
        if happened.action is Action.START and (known is None or not known.name):
            found = engine.find_container(id)
            if found is not None:
                self._containers[id] = found
            return
        if known is None:
            known = _make_new(happened)
        self._containers[id] = replace(known, **self._find_changes(known, happened))

    def _find_changes(self, known: Container, happened: Happened) -> dict[str, Any]:
        match happened.action:
            case Action.START:
                has_died = known.status is Status.EXITED
                is_again = has_died and known.id not in self._killed
                self._killed.discard(known.id)
                is_asked = bool(known.test) and known.test != ("NONE",)
                return {
                    "status": Status.RUNNING,
                    "health": "starting" if is_asked else "none",
                    "started_at": happened.time or time.time() + self._ahead,
                    "restarts": known.restarts + 1 if is_again else 0,
                    "error": "",
                }
            case Action.DIE:
                return {
                    "status": Status.EXITED,
                    "exit_code": happened.exit_code or 0,
                    "finished_at": happened.time or time.time() + self._ahead,
                }
            case Action.HEALTH if happened.health:
                return {"health": happened.health}
            case Action.KILL:
                self._killed.add(known.id)
            case Action.OUT_OF_MEMORY:
                return {"was_out_of_memory": True}
        return {}


def _make_new(happened: Happened) -> Container:
    """A container of which no more is known yet; it is inspected when it starts."""
    return Container(
        id=happened.id,
        name="",
        service=happened.service,
        number=happened.number,
        image="",
        status=Status.CREATED,
    )
