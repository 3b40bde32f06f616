"""Turns through the backend: JSON, streams, refusals, and clients that leave."""

import asyncio
import json
import socket
from typing import Any

import httpx
import pytest

from backend.messages import ChatError
from backend.router import Router, Turn
from backend_fakes import (
    EVENTS,
    JSON,
    PATIENCE,
    FakeRouter,
    backend_client,
    free_port,
    serving,
)

pytestmark = pytest.mark.anyio


def read_events(text: str) -> list[Any]:
    blocks = [block.splitlines() for block in text.strip("\n").split("\n\n")]
    return [json.loads(lines[-1].removeprefix("data: ")) for lines in blocks]


async def test_a_turn_is_answered_as_json() -> None:
    router = FakeRouter()
    async with backend_client(router) as client:
        answer = await client.post("/api/chat", json={"message": "hi", "session": "s"})
    assert answer.status_code == 200
    assert answer.json() == {
        "reply": "Hello",
        "session": "s",
        "route": "default: no rule",
        "durability": "memory",
    }
    user = answer.cookies["chat_user"]
    assert router.turns == [(user, "s", "hi")]


async def test_without_a_session_a_new_one_begins() -> None:
    async with backend_client(FakeRouter()) as client:
        first = await client.post("/api/chat", json={"message": "hi"})
        second = await client.post("/api/chat", json={"message": "hi"})
    assert len(first.json()["session"]) == 22
    assert first.json()["session"] != second.json()["session"]


async def test_a_stream_carries_deltas_and_an_end() -> None:
    text = {"message": "hi", "session": "s"}
    async with backend_client(FakeRouter()) as client:
        answer = await client.post("/api/chat", json=text, headers=EVENTS)
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert read_events(answer.text) == [
        {"delta": "Hel"},
        {"delta": "lo"},
        {
            "done": True,
            "session": "s",
            "route": "default: no rule",
            "durability": "memory",
        },
    ]


async def test_a_stream_is_not_buffered() -> None:
    router = FakeRouter()
    router.go_on.clear()
    async with (
        backend_client(router) as client,
        client.stream("POST", "/api/chat", json={"message": "hi"}, headers=EVENTS) as r,
    ):
        parts = r.aiter_text()
        first = await asyncio.wait_for(anext(parts), PATIENCE)
        assert first == 'data: {"delta":"Hel"}\n\n'
        router.go_on.set()
        assert '"done":true' in "".join([part async for part in parts])


async def test_characters_that_end_lines_elsewhere_stay_inside_a_piece() -> None:
    odd = "a\u2028b\x85c\x0bd"
    async with backend_client(FakeRouter(pieces=[odd])) as client:
        answer = await client.post("/api/chat", json={"message": odd}, headers=EVENTS)
    assert json.loads(answer.text.split("\n\n")[0].removeprefix("data: ")) == {
        "delta": odd
    }


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"breaks_off": True}, "router_lost"),
        ({"error_in_stream": True}, "router_failed"),
    ],
)
async def test_a_reply_that_breaks_off_ends_in_an_error_event(
    wrong: dict[str, Any], code: str
) -> None:
    async with backend_client(FakeRouter(**wrong)) as client:
        answer = await client.post("/api/chat", json={"message": "hi"}, headers=EVENTS)
    assert answer.text.count("event: error\ndata: ") == 1
    assert read_events(answer.text)[-1]["error"]["code"] == code
    assert '"done"' not in answer.text


@pytest.mark.parametrize("headers", [JSON, EVENTS])
@pytest.mark.parametrize(
    ("refusal", "status", "code", "retry_after"),
    [
        ((503, {}, {"Retry-After": "7"}), 503, "router_busy", "7"),
        ((429, {}, {"Retry-After": "9"}), 503, "router_busy", "9"),
        ((504, {"error": {"message": "slow"}}, {}), 504, "router_timeout", None),
        ((502, {"error": {"message": "no provider"}}, {}), 502, "router_failed", None),
        ((500, ["?"], {}), 502, "router_failed", None),
        ((404, {}, {}), 502, "router_failed", None),
        ((400, {"error": {"message": "bad"}}, {}), 400, "bad_request", None),
    ],
)
async def test_refusals_of_the_router_keep_their_meaning(
    headers: dict[str, str],
    refusal: tuple[int, Any, dict[str, str]],
    status: int,
    code: str,
    retry_after: str | None,
) -> None:
    async with backend_client(FakeRouter(refusal=refusal)) as client:
        answer = await client.post("/api/chat", json={"message": "x"}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.headers.get("Retry-After") == retry_after


async def test_a_router_that_is_not_there_is_503() -> None:
    async with backend_client(f"http://127.0.0.1:{free_port()}") as client:
        answer = await client.post("/api/chat", json={"message": "x"}, headers=EVENTS)
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "router_unavailable"
    assert answer.headers["Retry-After"] == "2"


async def test_a_router_that_does_not_answer_is_504() -> None:
    router = FakeRouter()
    router.go_on.clear()
    async with backend_client(
        router, timeout=httpx.Timeout(PATIENCE, read=0.1)
    ) as client:
        answer = await client.post("/api/chat", json={"message": "x"})
    assert answer.status_code == 504
    assert answer.json()["error"]["code"] == "router_timeout"


async def test_an_answer_that_makes_no_sense_is_502() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        def answer_nonsense() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                head = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n"
                connection.sendall(head + b"data: [1}?\n\n")

        async with backend_client(url) as client:
            nonsense = asyncio.to_thread(answer_nonsense)
            asked = client.post("/api/chat", json={"message": "x"})
            _, answer = await asyncio.gather(nonsense, asked)
    assert (answer.status_code, answer.json()["error"]["code"]) == (
        502,
        "router_failed",
    )


@pytest.mark.parametrize("headers", [JSON, EVENTS])
async def test_a_client_that_leaves_cancels_the_turn(headers: dict[str, str]) -> None:
    router = FakeRouter()
    router.go_on.clear()
    async with backend_client(router) as client:
        post = client.post("/api/chat", json={"message": "hi"}, headers=headers)
        asking = asyncio.create_task(post)
        while not router.turns:
            await asyncio.sleep(0.005)
        asking.cancel()
        await asyncio.wait_for(router.left.wait(), PATIENCE)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "not a chat message"),
        (b"[]", 400, "Expected `object`"),
        (b'{"message": 1}', 400, "Expected `str`"),
        (b'{"message": "\xff"}', 400, "not a chat message"),
        (b'{"message": "\\ud800"}', 400, "not a chat message"),
        (b'{"message": "  "}', 400, "empty"),
        (b'{"message": "x", "session": "."}', 400, "session id"),
        (b'{"message": "x", "session": ".."}', 400, "session id"),
        (b'{"message": "x", "session": ""}', 400, "session id"),
        (b'{"message": "x", "session": "a/b"}', 400, "session id"),
        (b'{"message": "x", "session": "a\\n"}', 400, "session id"),
        (b'{"message": "x", "session": "%s"}' % (b"a" * 129), 400, "session id"),
        (b'{"message": "%s"}' % (b"x" * 65537), 413, "64 KiB"),
        (b'{"message": "%s"}' % (b"x" * 1024 * 1024), 413, "1 MiB"),
    ],
)
async def test_bad_turns_are_refused_before_the_router(
    body: bytes, status: int, words: str
) -> None:
    router = FakeRouter()
    async with backend_client(router) as client:
        answer = await client.post("/api/chat", content=body, headers=JSON)
    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]
    assert router.turns == []


async def test_the_limits_themselves_are_allowed() -> None:
    text = {"message": "x" * 65536, "session": "aZ0._~:@+=-".ljust(128, "a")}
    async with backend_client(FakeRouter()) as client:
        assert (await client.post("/api/chat", json=text)).status_code == 200


async def test_a_body_that_is_not_json_is_415() -> None:
    async with backend_client(FakeRouter()) as client:
        answer = await client.post("/api/chat", content=b'{"message": "x"}')
    assert answer.status_code == 415


async def test_a_router_that_waits_is_heard_by_the_client() -> None:
    router = FakeRouter(comments=2)
    async with backend_client(router) as client:
        streamed = await client.post("/api/chat", json={"message": "x"}, headers=EVENTS)
        whole = await client.post("/api/chat", json={"message": "x"})
    assert streamed.text.count(": waiting for the model\n\n") == 2
    assert whole.json()["reply"] == "Hello"


async def test_the_name_of_a_turn_reaches_the_router() -> None:
    router = FakeRouter()
    async with backend_client(router) as client:
        for headers in ({"Idempotency-Key": "a-1"}, {}):
            await client.post("/api/chat", json={"message": "x"}, headers=headers)
        router.refusal = (409, {"error": {"message": "it is being answered"}}, {})
        busy = await client.post("/api/chat", json={"message": "x"})
    assert router.names[:2] == ["a-1", None]
    assert (busy.status_code, busy.json()["error"]["code"]) == (409, "turn_under_way")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "{own}"}, 200),
        ({"Origin": "http://localhost:3000"}, 200),
        ({"Origin": "https://chat.example", "Host": "chat.example"}, 200),
        ({"Origin": "https://chat.example", "X-Forwarded-Host": "chat.example"}, 200),
        ({"Origin": "https://chat.example", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_only_pages_of_the_same_origin_or_machine_may_change_something(
    headers: dict[str, str], status: int
) -> None:
    router = FakeRouter()
    async with backend_client(router) as client:
        own = str(client.base_url).rstrip("/")
        sent = {name: value.format(own=own) for name, value in headers.items()}
        asked = await client.post("/api/chat", json={"message": "x"}, headers=sent)
        gone = await client.delete("/api/chat/s", headers=sent)
        read = await client.get("/api/status", headers=sent)
    assert asked.status_code == status
    assert gone.status_code == (204 if status == 200 else 403)
    assert read.status_code == 200
    assert len(router.turns) == (status == 200)


@pytest.mark.parametrize(
    ("headers", "secure"), [({}, False), ({"X-Forwarded-Proto": "https"}, True)]
)
async def test_the_cookie_is_kept_to_tls_where_the_browser_uses_it(
    headers: dict[str, str], secure: bool
) -> None:
    async with backend_client(FakeRouter()) as client:
        answer = await client.post("/api/chat", json={"message": "x"}, headers=headers)
    assert ("secure" in answer.headers["Set-Cookie"].lower()) is secure


async def test_another_kind_that_begins_like_json_is_refused() -> None:
    async with backend_client(FakeRouter()) as client:
        for kind, status in (
            ("application/jsonx", 415),
            ("application/json; charset=utf-8", 200),
        ):
            headers = {"Content-Type": kind}
            body = b'{"message": "x"}'
            answer = await client.post("/api/chat", content=body, headers=headers)
            assert answer.status_code == status


async def test_a_backend_that_stops_says_so() -> None:
    router = FakeRouter()
    router.go_on.clear()
    turn = Turn(user="ann", session="s", message="x")
    async with (
        serving(router.app) as url,
        Router(url) as asked,
        asked.answer(turn) as reply,
    ):
        assert await anext(reply.pieces) == "Hel"
        await asked.aclose()
        with pytest.raises(ChatError, match="stopping") as caught:
            await anext(reply.pieces)
    assert (caught.value.status, caught.value.code) == (503, "stopping")
