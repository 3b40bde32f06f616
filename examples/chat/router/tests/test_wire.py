"""A streamed answer on the wire: pieces, comments, and clients that do not read."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from router.app import _WAITING, _Wire
from tests.servers import PATIENCE

PIECE = b"data: piece\n\n"


class Client:
    """Takes what is sent; a message that holds `stops_at` only when it is released."""

    def __init__(self, stops_at: bytes) -> None:
        self.taken: list[bytes] = []
        self.stopped = asyncio.Event()
        self.released = asyncio.Event()
        self._stops_at = stops_at

    async def send(self, message: MutableMapping[str, Any]) -> None:
        body = message.get("body", b"start")
        if self._stops_at in body:
            self.stopped.set()
            await self.released.wait()
        self.taken.append(body)


async def meet(event: asyncio.Event) -> None:
    async with asyncio.timeout(PATIENCE):
        await event.wait()


@pytest.mark.parametrize("stops_at", [b"start", b"waiting"])
async def test_a_piece_waits_for_a_comment_that_is_on_its_way(
    stops_at: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.app._SILENCE", 0.01)
    client = Client(stops_at)
    wire = _Wire(client.send, 200, [])
    watching = asyncio.create_task(wire.watch(None))
    await meet(client.stopped)
    monkeypatch.setattr("router.app._SILENCE", PATIENCE)
    sending = asyncio.create_task(wire.send(PIECE))
    await asyncio.sleep(0)
    client.released.set()
    await sending
    assert client.taken == [b"start", _WAITING, PIECE]
    watching.cancel()
    await asyncio.wait([watching])


async def test_no_comment_comes_while_a_piece_is_on_its_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("router.app._SILENCE", 0.0)
    client = Client(b"piece")
    wire = _Wire(client.send, 200, [])
    sending = asyncio.create_task(wire.send(PIECE))
    await meet(client.stopped)
    watching = asyncio.create_task(wire.watch(None))
    for _ in range(20):
        await asyncio.sleep(0)
    assert client.taken == [b"start"]
    client.released.set()
    await sending
    assert client.taken[:2] == [b"start", PIECE]
    watching.cancel()
    await asyncio.wait([watching])


async def test_a_client_that_does_not_even_read_a_comment_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("router.app._SILENCE", 0.01)
    monkeypatch.setattr("router.app._UNREAD", 0.02)
    client = Client(b"waiting")
    wire = _Wire(client.send, 200, [])
    sender = asyncio.create_task(asyncio.sleep(PATIENCE))
    watching = asyncio.create_task(wire.watch(sender))
    await asyncio.wait([sender], timeout=PATIENCE)
    assert sender.cancelled()
    assert wire.is_stuck
    await watching
    assert _WAITING not in client.taken
