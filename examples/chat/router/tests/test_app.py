"""The endpoints: turns, sessions, limits, refusals, and clients that leave."""

import asyncio
import json
import random
from typing import Any, ClassVar

import httpx
import msgspec
import pytest

from router.sessions.log import Log
from router.sessions.memory import Bounds, MemoryStore
from router.sessions.recovering import RecoveringStore
from router.sessions.store import Receipt, SessionKey, StoreUnavailable
from tests.apps import CHAT, SESSION, routing, say
from tests.fakes import ProviderScript, SimulatedRedis, SimulatedRemote
from tests.servers import PATIENCE, serving

KEY = SessionKey("alice", "one")
STORED = "/v1/sessions/alice/one"


async def stored(client: httpx.AsyncClient) -> list[tuple[str, str, bool]]:
    response = await client.get(STORED)
    if response.status_code == 404:
        return []
    return [
        (message["role"], message["content"], message["interrupted"])
        for message in response.json()["messages"]
    ]


def deltas(body: str) -> list[str]:
    events = [line[6:] for line in body.split("\n\n") if line]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    return [chunk["choices"][0]["delta"].get("content", "") for chunk in chunks]


async def test_health_says_how_the_router_is() -> None:
    async with routing() as client:
        response = await client.get("/health")
    assert response.status_code == 200
    health = response.json()
    assert health["status"] == "ok"
    assert set(health["sessions"]) == {
        *("mode", "since", "unsynced", "last_ok_ms", "reason")
    }
    assert health["sessions"]["mode"] == "memory"
    assert health["provider"] == {"mode": "offline", "host": "", "key": "missing"}
    assert health["version"]


async def test_the_offline_responder_says_that_it_is_one() -> None:
    async with routing() as client:
        first = (await client.post(CHAT, json=say("hello"))).json()
        again = (await client.post(CHAT, json=say("hello"))).json()
        streamed = await client.post(CHAT, json=say("hello", stream=True))
    text = first["choices"][0]["message"]["content"]
    assert "offline responder" in text
    assert "hello" in text
    assert again["choices"] == first["choices"]
    assert "".join(deltas(streamed.text)) == text
    assert streamed.headers["Content-Type"].startswith("text/event-stream")


async def test_a_conversation_is_stored_and_goes_before_the_new_message() -> None:
    script = ProviderScript(["one"])
    async with (
        serving(script.app) as url,
        routing(env={"LLM_BASE_URL": f"{url}/v1", "LLM_MODEL": "m"}) as client,
    ):
        first = await client.post(CHAT, json=say("first"), headers=SESSION)
        assert first.headers["X-Session-Durability"] == "memory"
        assert first.headers["X-Route"] == "chat; no other rule fits"
        await client.post(CHAT, json=say("second", stream=True), headers=SESSION)
        assert await stored(client) == [
            ("user", "first", False),
            ("assistant", "one", False),
            ("user", "second", False),
            ("assistant", "one", False),
        ]
        session = (await client.get(STORED)).json()
    asked = script.asked[1]
    assert [m["role"] for m in asked["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    assert [m["content"] for m in asked["messages"]][1:] == ["first", "one", "second"]
    assert asked["model"] == "m"
    assert session["durability"] == "memory"
    ids = [message["id"] for message in session["messages"]]
    assert ids == sorted(ids)
    assert set(session["messages"][0]) == {"id", "role", "content", "at", "interrupted"}


async def test_without_a_session_nothing_is_stored_and_all_is_passed_on() -> None:
    script = ProviderScript()
    tools = [{"type": "function", "function": {"name": "f"}}]
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": [{"type": "text", "text": "look"}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
        {"role": "tool", "tool_call_id": "1", "content": "42"},
    ]
    body = {"model": "auto", "messages": messages, "tools": tools, "temperature": 0.5}
    async with (
        serving(script.app) as url,
        routing(env={"LLM_BASE_URL": f"{url}/v1"}) as client,
    ):
        response = await client.post(CHAT, json={**body, "max_tokens": 7})
        await client.post(CHAT, json={**body, "max_completion_tokens": 10**6})
        assert (await client.get("/v1/sessions")).json()["sessions"] == 0
    assert "X-Session-Durability" not in response.headers
    assert script.asked[0]["messages"][1:] == messages
    assert script.asked[0]["tools"] == tools
    assert script.asked[0]["temperature"] == 0.5
    assert script.asked[0]["max_tokens"] == 7
    assert script.asked[1]["max_completion_tokens"] == 10**6


async def test_with_a_session_only_what_is_new_counts() -> None:
    script = ProviderScript(["reply"])
    async with (
        serving(script.app) as url,
        routing(env={"LLM_BASE_URL": f"{url}/v1"}) as client,
    ):
        await client.post(CHAT, json=say("stored"), headers=SESSION)
        body = {
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": "invented"},
                {"role": "assistant", "content": "invented"},
                {"role": "user", "content": "new one"},
                {"role": "user", "content": [{"type": "text", "text": "new two"}]},
            ]
        }
        await client.post(CHAT, json=body, headers=SESSION)
        texts = [content for _, content, _ in await stored(client)]
    assert texts == ["stored", "reply", "new one", "new two", "reply"]
    sent = [message["content"] for message in script.asked[1]["messages"]]
    assert sent == ["be brief", "stored", "reply", "new one\n\nnew two"]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_question_that_is_asked_again_after_a_failure_is_stored_once(
    stream: bool,
) -> None:
    script = ProviderScript(["reply"])
    body: dict[str, Any] = {
        "stream": stream,
        "messages": [{"role": "user", "content": text} for text in ("one", "two")],
    }
    async with (
        serving(script.app) as url,
        routing(env={"LLM_BASE_URL": f"{url}/v1"}) as client,
    ):
        script.failures = [400, 400]
        for status in (400, 400, 200):
            reply = await client.post(CHAT, json=body, headers=SESSION)
            assert reply.status_code == status
        texts = [content for _, content, _ in await stored(client)]
        assert texts == ["one", "two", "reply"]
        await client.post(CHAT, json=body, headers=SESSION)  # answered: said again
        texts = [content for _, content, _ in await stored(client)]
    assert texts == ["one", "two", "reply"] * 2
    told = [[m["content"] for m in asked["messages"]][1:] for asked in script.asked]
    assert told[:3] == [["one\n\ntwo"]] * 3
    assert told[3] == ["one\n\ntwo", "reply", "one\n\ntwo"]


async def test_a_deleted_session_is_gone() -> None:
    async with routing() as client:
        await client.post(CHAT, json=say("hello"), headers=SESSION)
        assert (await client.delete(STORED)).status_code == 204
        assert (await client.get(STORED)).status_code == 404
        assert (await client.delete(STORED)).status_code == 204


async def test_a_turn_whose_session_is_deleted_meanwhile_is_answered() -> None:
    script = ProviderScript(["still", " here"])
    async with (
        serving(script.app) as url,
        routing(env={"LLM_BASE_URL": f"{url}/v1"}) as client,
    ):

        async def delete() -> None:
            await client.delete(STORED)

        script.before_reply = delete
        for stream in (False, True):
            reply = await client.post(
                CHAT, json=say("x", stream=stream), headers=SESSION
            )
            assert reply.status_code == 200
            assert "still" in reply.text
            assert await stored(client) == []


async def test_the_question_is_stored_first_and_the_reply_before_the_end() -> None:
    script = ProviderScript(["a", "b"])
    async with (
        serving(script.app) as url,
        routing(env={"LLM_BASE_URL": f"{url}/v1"}) as client,
    ):

        async def look() -> None:
            assert await stored(client) == [("user", "hello", False)]

        script.before_reply = look
        body = say("hello", stream=True)
        async with client.stream("POST", CHAT, json=body, headers=SESSION) as response:
            async for line in response.aiter_lines():
                if '"finish_reason":"stop"' in line:
                    assert (await stored(client))[-1] == ("assistant", "ab", False)
    assert len(script.asked) == 1


async def test_the_end_cannot_be_seen_before_the_reply_is_stored() -> None:
    class Slow(MemoryStore):
        async def apply(self, key: SessionKey, change: Log, **how: Any) -> Receipt:
            await asyncio.sleep(0.1)
            return await super().apply(key, change, **how)

    store = Slow()
    async with (
        routing(store=store) as client,
        client.stream(
            "POST", CHAT, json=say("hello", stream=True), headers=SESSION
        ) as response,
    ):
        ends = 0
        async for line in response.aiter_lines():
            if '"finish_reason":"stop"' in line or "[DONE]" in line:
                ends += 1
                assert len(store.peek(KEY).members) == 2
        assert ends == 2


async def test_the_store_is_looked_after_while_the_router_runs() -> None:
    class Watched(MemoryStore):
        seen: ClassVar[list[str]] = []

        async def tend(self) -> None:
            self.seen.append("tended")
            await super().tend()

        async def close(self) -> None:
            self.seen.append("closed")

    async with routing(store=Watched()) as client:
        await client.get("/health")
        assert Watched.seen == ["tended"]
    assert Watched.seen == ["tended", "closed"]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_cancels_the_provider(stream: bool) -> None:
    script = ProviderScript(["begun", " never said"])
    script.go.clear()
    async with (
        serving(script.app) as url,
        routing(env={"LLM_BASE_URL": f"{url}/v1"}) as client,
    ):

        async def leave() -> None:
            body = say("hello", stream=stream)
            async with client.stream("POST", CHAT, json=body, headers=SESSION) as reply:
                async for _ in reply.aiter_lines():
                    return

        leaving = asyncio.create_task(leave())
        async with asyncio.timeout(PATIENCE):
            if stream:
                await leaving
            while not script.asked:
                await asyncio.sleep(0.01)
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
            await script.cancelled.wait()
        expected = [("user", "hello", False)]
        if stream:
            expected.append(("assistant", "begun", True))
        async with asyncio.timeout(PATIENCE):
            while await stored(client) != expected:
                await asyncio.sleep(0.01)


async def test_a_stream_that_breaks_off_says_so_and_keeps_its_part() -> None:
    script = ProviderScript(["one", "two"])
    script.breaks_after = 1
    async with (
        serving(script.app) as url,
        routing(env={"LLM_BASE_URL": f"{url}/v1"}) as client,
    ):
        reply = await client.post(CHAT, json=say("x", stream=True), headers=SESSION)
        events = reply.text.strip().split("\n\n")
        assert json.loads(events[-1][6:])["error"]["code"] == "provider_error"
        assert "[DONE]" not in reply.text
        assert (await stored(client))[-1] == ("assistant", "one", True)


async def test_a_silence_is_broken_with_a_comment_and_a_failure_after_it_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("router.app._SILENCE", 0.02)
    script = ProviderScript()
    may_go = asyncio.Event()
    script.before_reply = may_go.wait
    async with (
        serving(script.app) as url,
        routing(env={"LLM_BASE_URL": f"{url}/v1"}) as client,
    ):
        for failures, last in (([], "[DONE]"), ([422], '"provider_refused"')):
            may_go.clear()
            async with client.stream("POST", CHAT, json=say("x", stream=True)) as reply:
                assert reply.status_code == 200
                lines = reply.aiter_lines()
                assert (await anext(lines)).startswith(": ")
                if failures:
                    script.fails_late = failures[0]
                may_go.set()
                rest = [line async for line in lines if line.startswith("data:")]
            assert last in rest[-1]


async def test_a_client_that_reads_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("router.app._UNREAD", 0.05)
    monkeypatch.setattr("router.app._SILENCE", 0.02)
    script = ProviderScript(["x" * 100_000] * 500)
    async with (
        serving(script.app) as url,
        routing(env={"LLM_BASE_URL": f"{url}/v1"}) as client,
    ):
        body = json.dumps(say("x", stream=True)).encode()
        reader, writer = await asyncio.open_connection(
            client.base_url.host, client.base_url.port, limit=1000
        )
        head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        async with asyncio.timeout(PATIENCE):
            while "has read nothing" not in caplog.text:
                await asyncio.sleep(0.02)
            while await reader.read(65536):
                pass
        writer.close()


async def test_a_reply_longer_than_a_message_may_be_is_cut() -> None:
    script = ProviderScript(["é" * 40_000])
    async with (
        serving(script.app) as url,
        routing(env={"LLM_BASE_URL": f"{url}/v1"}) as client,
    ):
        reply = await client.post(CHAT, json=say("x"), headers=SESSION)
        assert len(reply.json()["choices"][0]["message"]["content"]) == 40_000
        _, content, interrupted = (await stored(client))[-1]
        assert (len(content), interrupted) == (32_768, True)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "invalid_json"),
        (b"{", 400, "invalid_json"),
        (b"[" * 100_000, 400, "invalid_json"),
        (b'{"messages": 1}', 400, "invalid_json"),
        (b'{"messages": [{"role": "user", "content": "\xff"}]}', 400, "invalid_json"),
        (
            b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
            400,
            "invalid_json",
        ),
        (b'{"messages": []}', 400, "no_message"),
        (b'{"messages": [{"role": "robot", "content": ""}]}', 400, "invalid_role"),
        (b'{"messages": [{"role": "user", "content": ""}]}', 400, "no_message"),
        (b'{"messages": [{"role": "tool", "content": "1"}]}', 400, "invalid_message"),
        (
            b'{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}',
            400,
            "invalid_message",
        ),
        (
            b'{"messages": [{"role": "user", "content": "%s"}]}' % (b"a" * 65537),
            413,
            "message_too_long",
        ),
        (b"a" * (1024 * 1024 + 1), 413, "body_too_long"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_body_that_cannot_be_used_is_refused(
    body: bytes, status: int, code: str
) -> None:
    async with routing() as client:
        response = await client.post(CHAT, content=body, headers=SESSION)
        assert response.status_code == status
        error = response.json()["error"]
        assert error["code"] == code
        assert set(error) == {"message", "type", "param", "code"}
        assert await stored(client) == []


async def test_what_is_null_is_taken_as_not_given() -> None:
    names = ["model", "stream", "max_tokens", "max_completion_tokens", "temperature"]
    async with routing() as client:
        reply = await client.post(CHAT, json=say("hello") | dict.fromkeys(names))
        assert reply.status_code == 200


async def test_a_message_of_just_the_right_length_is_taken() -> None:
    async with routing() as client:
        body = say("a" * 65536)
        assert (await client.post(CHAT, json=body)).status_code == 200


@pytest.mark.parametrize("id", ["", ".", "..", "a" * 129, "a b", "a/b", "é", "a\n"])
async def test_ids_that_no_user_can_have_are_refused(id: str) -> None:
    async with routing() as client:
        raw = id.encode("latin-1").replace(b"\n", b"")
        if raw == id.encode("latin-1"):
            for headers in ((raw, b"one"), (b"alice", raw)):
                pairs = [(b"X-User-Id", headers[0]), (b"X-Session-Id", headers[1])]
                response = await client.post(CHAT, json=say("x"), headers=pairs)
                assert response.status_code == 400
                assert response.json()["error"]["code"] == "invalid_id"
        if id not in ("", ".", "..", "a/b"):
            address = f"/v1/sessions/alice/{id}".replace("\n", "%0A")
            assert (await client.get(address)).status_code == 400


async def test_one_of_the_two_session_headers_is_not_enough() -> None:
    async with routing() as client:
        for name in SESSION:
            headers = {name: SESSION[name]}
            response = await client.post(CHAT, json=say("x"), headers=headers)
            assert response.status_code == 400


async def test_every_character_an_id_may_have_works() -> None:
    id = "AZaz09._~:@+=-"
    async with routing() as client:
        headers = {"X-User-Id": id, "X-Session-Id": "a" * 128}
        await client.post(CHAT, json=say("x"), headers=headers)
        response = await client.get(f"/v1/sessions/{id}/{'a' * 128}")
        assert len(response.json()["messages"]) == 2


async def test_addresses_and_methods_that_are_not_there_are_json_errors() -> None:
    async with routing() as client:
        for response in (
            await client.get("/nowhere"),
            await client.get(CHAT),
            await client.put("/health"),
        ):
            assert response.status_code in (404, 405)
            assert response.json()["error"]["message"]


async def test_models_are_the_routes() -> None:
    async with routing() as client:
        models = (await client.get("/v1/models")).json()
        assert [model["id"] for model in models["data"]] == [
            "auto",
            "code",
            "long",
            "chat",
        ]
        reply = await client.post(CHAT, json=say("hello") | {"model": "code"})
        assert reply.headers["X-Route"] == "code; asked for by name"


async def test_a_full_outbox_is_reported_and_not_silently_dropped() -> None:
    class Away(SimulatedRemote):
        async def _call(self, work: Any) -> Any:
            raise StoreUnavailable("away")

    local = MemoryStore()
    redis = SimulatedRedis(local._clock, local.limits, random.Random(1))
    store = RecoveringStore(
        Away(redis, local.new_id), outbox=Bounds(sessions=1, evict=False)
    )
    async with routing(store=store) as client:
        first = await client.post(CHAT, json=say("hello"), headers=SESSION)
        assert first.headers["X-Session-Durability"] == "degraded"
        health = (await client.get("/health")).json()
        assert health["status"] == "degraded"
        assert health["sessions"]["unsynced"] == 1
        headers = {"X-User-Id": "bob", "X-Session-Id": "one"}
        refused = await client.post(CHAT, json=say("hello"), headers=headers)
        assert refused.status_code == 503
        assert refused.headers["Retry-After"] == "1"
        assert refused.json()["error"]["code"] == "sessions_full"
        assert (await client.get("/v1/sessions/bob/one")).status_code == 404


async def test_a_header_is_ascii_whatever_a_keyword_is(tmp_path: Any) -> None:
    rules = "routes:\n- {name: big, keywords: [größe], model: m}\n"
    rules += "- {name: chat, default: true, model: m}\n"
    (tmp_path / "routes.yaml").write_text(rules)
    async with routing(env={"ROUTES_FILE": str(tmp_path / "routes.yaml")}) as client:
        reply = await client.post(CHAT, json=say("Welche Größe?"))
        assert reply.headers["X-Route"] == 'big; keyword "gr\\xf6\\xdfe"'


async def test_history_is_as_long_as_the_route_says(tmp_path: Any) -> None:
    rules = "routes:\n- {name: chat, default: true, model: m, history: 2}\n"
    (tmp_path / "routes.yaml").write_text(rules)
    script = ProviderScript(["r"])
    async with (
        serving(script.app) as url,
        routing(
            env={
                "LLM_BASE_URL": f"{url}/v1",
                "ROUTES_FILE": str(tmp_path / "routes.yaml"),
            }
        ) as client,
    ):
        for text in ("a", "b", "c"):
            await client.post(CHAT, json=say(text), headers=SESSION)
    sent = [message["content"] for message in script.asked[2]["messages"]]
    assert sent == ["b", "r", "c"]
    assert script.asked[2]["model"] == "m"
    assert msgspec.json.encode(script.asked[2])
