"""What goes over the wire: requests, and streamed answers to clients that may stop."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from router.app import _WAITING, _Wire
from router.wire import Refusal, decode_request
from tests.servers import PATIENCE

PIECE = b"data: piece\n\n"


@pytest.mark.parametrize("text", [r"a\ud83d", r"\ud83dx", r"\ude00", r"\ud83d\ud83d"])
def test_half_of_a_surrogate_pair_is_named(text: str) -> None:
    body = f'{{"messages": [{{"role": "user", "content": "{text}"}}]}}'
    with pytest.raises(Refusal, match="half of a surrogate pair"):
        decode_request(body.encode())


def test_a_whole_surrogate_pair_is_a_character() -> None:
    body = rb'{"messages": [{"role": "user", "content": "\ud83d\ude00"}]}'
    request, _ = decode_request(body)
    assert request.messages[0].text == "\N{GRINNING FACE}"
    with pytest.raises(Refusal, match="truncated"):
        decode_request(body[:-2])


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
