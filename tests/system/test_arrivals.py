"""Who waits for a port is told when a program listens on it, by one look for all."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Coroutine
from typing import Any

import pytest

from composegen.system.arrivals import Arrivals
from composegen.system.listeners import PortLook, find_free_port, list_ports

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux's kernel")

SOON, LONG = 0.001, 60.0


class Looks(PortLook):
    """Answers with the sets of ports that it was given, the last one for ever."""

    def __init__(self, *answers: set[int] | OSError) -> None:
        self.answers = [*answers]
        self.count = 0
        self.is_closed = False

    def list_ports(self) -> set[int]:
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


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "0.0.0.0"])
def test_a_port_with_a_listener_is_seen(host: str) -> None:
    look = PortLook()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as server:
        port = server.getsockname()[1]
        assert port in look.list_ports()
    assert port not in look.list_ports()
    look.close()


def test_a_port_without_a_listener_is_not_seen() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        look = PortLook()
        assert bound.getsockname()[1] not in look.list_ports()
        look.close()


def test_every_port_is_seen_where_there_are_many() -> None:
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(300)]
    try:
        ports = {server.getsockname()[1] for server in servers}
        look = PortLook()
        assert ports <= look.list_ports()
        assert ports <= set(list_ports([os.getpid()]))
        look.close()
    finally:
        for server in servers:
            server.close()


# Waiting


def test_who_waits_is_told_when_a_program_listens() -> None:
    async def go() -> tuple[bool, bool]:
        arrivals = Arrivals()
        port = find_free_port()
        waiting = asyncio.create_task(arrivals.wait(port, LONG, SOON))
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
        arrivals = Arrivals(lambda: looks)
        return await asyncio.gather(
            *(arrivals.wait(port, 0.5, SOON) for port in (1, 2, 1, 3))
        )

    assert run(go()) == [True, True, True, False]


def test_it_looks_as_often_as_the_most_eager_one_wants() -> None:
    looks = Looks(set(), set(), {1})

    async def go() -> bool:
        arrivals = Arrivals(lambda: looks)
        patient = asyncio.create_task(arrivals.wait(2, LONG, LONG))
        await asyncio.sleep(0)
        found = await arrivals.wait(1, LONG, SOON)
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
