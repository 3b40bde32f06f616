"""Who waits for a port is told when a program listens on it, by one look for all."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Coroutine, Iterable, Iterator
from typing import Any

import pytest

from composegen.system import arrivals
from composegen.system.arrivals import Arrivals, FineSelector, make_fine_loop
from composegen.system.listeners import PortLook, find_free_port, is_held_by, list_ports
from tests.simulated import SimulatedLoop, simulate

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux's kernel")

SOON, LONG = 0.001, 60.0


@pytest.fixture
def look() -> Iterator[PortLook]:
    made = PortLook()
    yield made
    made.close()


class Looks(PortLook):
    """Answers with the sets of ports that it was given, the last one for ever."""

    def __init__(self, *answers: set[int] | OSError) -> None:
        self.answers = [*answers]
        self.count = 0
        self.is_closed = False

    def find_listening(self, ports: Iterable[int]) -> set[int]:
        self.count += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, OSError):
            raise answer
        return answer

    def close(self) -> None:
        self.is_closed = True


def run(work: Coroutine[Any, Any, Any]) -> Any:
    async def limit() -> Any:
        async with asyncio.timeout(30):
            return await work

    return asyncio.run(limit())


# The look


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::"])
def test_a_port_with_a_listener_is_seen(host: str, look: PortLook) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as server:
        if family is socket.AF_INET6:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.bind((host, 0))
        port = server.getsockname()[1]
        before = look.find_listening([port])
        server.listen()
        assert (before, look.find_listening([port])) == (set(), {port})
    assert look.find_listening([port]) == set()


def test_a_listener_that_a_connection_does_not_reach_is_not_seen(
    look: PortLook,
) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        assert look.find_listening([server.getsockname()[1]]) == set()


def test_every_port_is_seen_where_there_are_many(look: PortLook) -> None:
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(300)]
    try:
        ports = {server.getsockname()[1] for server in servers}
        assert look.find_listening(ports | {1}) == ports
        assert ports <= set(list_ports([os.getpid()]))
    finally:
        for server in servers:
            server.close()


def test_it_is_told_from_others_which_process_holds_a_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert is_held_by(port, os.getpid())
        assert not is_held_by(port, os.getppid())
    assert not is_held_by(port, os.getpid())


@pytest.mark.parametrize("of_all", [True, False])
def test_a_process_holds_what_a_connection_to_a_port_reaches(of_all: bool) -> None:
    """Two may listen on one port: one at every address, one at 127.0.0.1."""
    with socket.socket() as wide, socket.socket() as near:
        for each, host in ((wide, ""), (near, "127.0.0.1")):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            each.bind((host, wide.getsockname()[1] if each is near else 0))
            each.listen()
        reached = wide if of_all else near
        if of_all:
            near.close()
        inode = str(os.fstat(reached.fileno()).st_ino)
        look = PortLook()
        assert look.find_inode(wide.getsockname()[1]) == inode
        look.close()


# Waiting


def test_who_waits_is_told_when_a_program_listens() -> None:
    async def go() -> tuple[bool, bool]:
        ports = Arrivals()
        port = find_free_port()
        waiting = asyncio.create_task(ports.wait(port, LONG, SOON))
        await asyncio.sleep(0)
        was_done = waiting.done()
        with socket.create_server(("127.0.0.1", port)):
            return was_done, await waiting

    assert run(go()) == (False, True)


def test_a_port_that_is_listened_on_already_has_arrived() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert run(Arrivals().wait(port, LONG, LONG)) is True


def test_without_a_listener_it_ends_after_its_time() -> None:
    looks = Looks(set())
    assert run(Arrivals(lambda: looks).wait(1, 0.05, LONG)) is False
    assert looks.is_closed


def test_one_look_tells_all() -> None:
    looks = Looks(set(), set(), set(), {1, 2})

    async def go() -> list[bool]:
        ports = Arrivals(lambda: looks)
        return await asyncio.gather(
            *(ports.wait(port, 0.5, SOON) for port in (1, 2, 1, 3))
        )

    assert run(go()) == [True, True, True, False]


def test_it_looks_as_often_as_the_most_eager_one_wants() -> None:
    looks = Looks(set(), set(), {1})

    async def go() -> bool:
        ports = Arrivals(lambda: looks)
        patient = asyncio.create_task(ports.wait(2, LONG, LONG))
        await asyncio.sleep(0)
        found = await ports.wait(1, LONG, SOON)
        patient.cancel()
        await asyncio.gather(patient, return_exceptions=True)
        return found

    assert run(go()) is True
    assert looks.is_closed


def test_nothing_looks_when_no_one_waits() -> None:
    looks = Looks({1})

    async def go() -> int:
        await Arrivals(lambda: looks).wait(1, LONG, SOON)
        seen = looks.count
        await asyncio.sleep(10 * SOON)
        return seen

    assert run(go()) == looks.count == 1


def test_a_look_that_fails_sends_those_who_wait_to_ask() -> None:
    assert run(Arrivals(lambda: Looks(OSError())).wait(1, LONG, LONG)) is True


def test_a_look_that_takes_long_is_made_more_seldom(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Slow(Looks):
        def find_listening(self, ports: Iterable[int]) -> set[int]:
            loop = asyncio.get_running_loop()
            assert isinstance(loop, SimulatedLoop)
            loop.take(0.02)
            return super().find_listening(ports)

    looks = Slow(set())
    waiting = Arrivals(lambda: looks).wait(1, 0.5, SOON)
    assert simulate(waiting, monkeypatch, arrivals) is False
    assert looks.count == 5


# The loop


@pytest.mark.parametrize(
    ("timeout", "waits"), [(0.0003, [0.0003]), (0.01, []), (0, []), (-1, [])]
)
def test_only_a_short_pause_is_waited_for_in_parts_of_a_millisecond(
    timeout: float, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []
    monkeypatch.setattr(arrivals, "wait_briefly", lambda _, pause: seen.append(pause))
    selector = FineSelector()
    try:
        assert selector.select(timeout) == []
    finally:
        selector.close()
    assert seen == waits


def test_the_loop_wakes_for_what_can_be_read() -> None:
    async def go() -> bytes:
        here, there = socket.socketpair()
        with here, there:
            here.settimeout(0)
            loop = asyncio.get_running_loop()
            loop.call_later(0.0005, there.send, b"x")
            return await loop.sock_recv(here, 1)

    with asyncio.Runner(loop_factory=make_fine_loop) as runner:
        assert runner.run(go()) == b"x"
