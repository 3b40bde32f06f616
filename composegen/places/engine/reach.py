"""Which services only their own container reaches: they listen on 127.0.0.1 alone.

Such a service passes its own health check, so it has to be looked at. Each start of a
service is looked at once; all looks together end after a few seconds.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, TypeAlias

from composegen.errors import EngineUnreachable
from composegen.places.engine.cause import CauseName
from composegen.places.engine.containers import Container, Socket
from composegen.places.engine.notes import NotedService, Notes
from composegen.places.engine.status import find_state, make_seen
from composegen.places.events import Failure
from composegen.places.reasons import Reason
from composegen.places.status import State
from composegen.records import record

_PATIENCE = 5.0
_MOST_AT_ONCE = 8
_OF_OTHERS = ("host", "none", "container:", "service:")
_LOCAL = ("127.0.0.1", "localhost", "::1")


class Listing(Protocol):
    """What is asked of an engine."""

    def list_sockets(self, container: Container) -> tuple[Socket, ...] | None:
        """What listens in a container."""
        ...


@record
class Unreached:
    """A port that only the container itself reaches, and the addresses listened on.

    ``is_published`` says that a port of the host leads to it, ``is_needed`` that other
    services call it. ``word`` is what the command says of such an address.
    """

    port: int
    hosts: tuple[str, ...]
    is_published: bool
    is_needed: bool
    word: str = ""


class Reach:
    """Looks at the services of a project; a start that was looked at is remembered."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._known: dict[tuple[str, float | None], Unreached | None] = {}

    def look(
        self, engine: Listing, containers: Iterable[Container], *, named: str = ""
    ) -> dict[str, Unreached]:
        """The services that are ready and that no other one reaches.

        Services that are published or needed are looked at, and the ``named`` one. One
        that cannot be looked at in time is passed over. Raises EngineUnreachable.
        """
        wanted = []
        found: dict[str, Unreached] = {}
        for container in containers:
            noted = self._notes.find(container.service)
            if noted is None or not _is_own(self._notes, noted, container):
                continue
            start = container.id, container.started_at
            if start not in self._known:
                is_named = noted.name == named
                ports = self._list_ports(noted, container, is_named=is_named)
                wanted += [(container, ports)] if ports else []
            elif (known := self._known[start]) is not None:
                found[noted.name] = known
        for container, ports, sockets in _Looks(engine, wanted).look():
            if not any(each.port in ports for each in sockets):
                continue  # it may begin to listen later
            unreached = self._judge(container, ports, sockets)
            self._known[container.id, container.started_at] = unreached
            if unreached is not None:
                found[container.service] = unreached
        return found

    def _list_ports(
        self, noted: NotedService, container: Container, *, is_named: bool
    ) -> tuple[int, ...]:
        """The ports of it that others call, those that are published first."""
        ports = dict.fromkeys(_list_published(container))
        if noted.port is not None and (is_named or self._is_needed(noted)):
            ports[noted.port] = None
        return tuple(ports)

    def _is_needed(self, noted: NotedService) -> bool:
        return bool(self._notes.list_dependents(noted.name))

    def _judge(
        self,
        container: Container,
        ports: tuple[int, ...],
        sockets: tuple[Socket, ...],
    ) -> Unreached | None:
        noted = self._notes.find(container.service)
        assert noted is not None
        for port in ports:
            hosts = find_loopback(sockets, port)
            if hosts:
                is_own = port == noted.port
                words = [w for w in container.command if any(h in w for h in _LOCAL)]
                return Unreached(
                    port=port,
                    hosts=hosts,
                    is_published=port in _list_published(container),
                    is_needed=is_own and self._is_needed(noted),
                    word=words[0] if words and len(words[0]) < 60 else "",
                )
        return None


def find_loopback(sockets: Iterable[Socket], port: int) -> tuple[str, ...]:
    """The addresses that a port is listened on, if all are the container's own."""
    listening = [each for each in sockets if each.port == port]
    if not all(each.is_loopback for each in listening):
        return ()
    return tuple(dict.fromkeys(each.host for each in listening))


def explain_unreached(noted: NotedService, found: Unreached) -> Failure:
    """Why others do not reach a service that is ready."""
    state = "healthy" if noted.is_asked else "running"
    who = {
        (True, True): "neither another service nor this machine can reach it",
        (False, True): "this machine cannot reach its published port",
    }.get((found.is_needed, found.is_published), "no other service can reach it")
    said = f"; its command says `{found.word}`" if found.word else ""
    return Failure(
        service=noted.name,
        reason=f"{noted.name} is {state}, but {who}",
        cause=f"it listens only on {', '.join(found.hosts)}:{found.port}",
        cause_name=CauseName.ON_LOOPBACK,
        help=f"let it listen on 0.0.0.0:{found.port}{said}",
    )


def describe_unreached(found: tuple[str, Unreached]) -> str:
    """A service that others do not reach, in a line."""
    name, each = found
    where = f"{', '.join(each.hosts)}:{each.port}"
    return f"{name} listens only on {where}: run `composegen why {name}`"


def find_unreached(
    engine: Listing, notes: Notes, containers: Iterable[Container]
) -> list[Reason]:
    """Why services that are ready cannot be reached. Raises EngineUnreachable."""
    seen = make_seen(notes, containers)
    unreached = Reach(notes).look(engine, seen.containers)
    return [
        Reason(
            chain=(noted.name,),
            status=seen.find(noted.name),
            failure=explain_unreached(noted, unreached[noted.name]),
        )
        for noted in notes.services
        if noted.name in unreached
    ]


def _is_own(notes: Notes, noted: NotedService, container: Container) -> bool:
    """Whether it is ready, and in a network of its own."""
    shares = container.network.startswith(_OF_OTHERS)
    if noted.helper and container.asker is None:
        return False
    return not shares and find_state(notes, noted, container) is State.READY


def _list_published(container: Container) -> list[int]:
    targets = (each.target.partition("/") for each in container.published)
    return [int(port) for port, _, protocol in targets if protocol == "tcp"]


_Wanted: TypeAlias = tuple[Container, tuple[int, ...]]


class _Looks:
    """Looks at containers, several at once, for a while."""

    def __init__(self, engine: Listing, wanted: Iterable[_Wanted]) -> None:
        self._engine = engine
        self._wanted = list(wanted)
        self._left: queue.SimpleQueue[_Wanted] = queue.SimpleQueue()
        self._seen: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def look(
        self,
    ) -> Iterator[tuple[Container, tuple[int, ...], tuple[Socket, ...]]]:
        """What listens in each, as far as that is seen in time."""
        for each in self._wanted:
            self._left.put(each)
        for _ in self._wanted[:_MOST_AT_ONCE]:
            threading.Thread(target=self._work, daemon=True).start()
        end = time.monotonic() + _PATIENCE
        for _ in self._wanted:
            try:
                got = self._seen.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                return
            if isinstance(got, Exception):
                raise got
            container, ports, sockets = got
            if sockets is not None:
                yield container, ports, sockets

    def _work(self) -> None:
        while True:
            try:
                container, ports = self._left.get_nowait()
            except queue.Empty:
                return
            try:
                self._seen.put((container, ports, self._engine.list_sockets(container)))
            except (EngineUnreachable, OSError) as error:
                self._seen.put(error)
