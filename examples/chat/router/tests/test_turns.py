"""Turns: no conversation dies, and none is asked or stored twice."""

import asyncio
from typing import Any

import httpx
import pytest

from router.sessions.memory import MemoryStore
from router.sessions.store import SessionKey
from tests.apps import CHAT, SESSION, routing, say
from tests.fakes import ProviderScript
from tests.servers import PATIENCE, serving

KEY = SessionKey("alice", "one")


class Talk:
    """A conversation with a router that asks a provider made for the test."""

    def __init__(self, client: httpx.AsyncClient, script: ProviderScript) -> None:
        self.client = client
        self.script = script

    async def ask(
        self, text: str, *, name: str = "", **fields: object
    ) -> httpx.Response:
        headers = SESSION | ({"Idempotency-Key": name} if name else {})
        return await self.client.post(CHAT, json=say(text, **fields), headers=headers)

    async def stored(self) -> list[str]:
        response = await self.client.get("/v1/sessions/alice/one")
        return [message["content"] for message in response.json()["messages"]]

    def told(self) -> list[str]:
        """What the provider was told last, without the system's words."""
        messages = self.script.asked[-1]["messages"]
        return [m["content"] for m in messages if m["role"] != "system"]


async def test_a_question_without_a_reply_does_not_end_the_conversation() -> None:
    script = ProviderScript(["reply"])
    script.wants_turns = True
    async with (
        serving(script.app) as url,
        routing(env={"LLM_BASE_URL": f"{url}/v1"}) as client,
    ):
        talk = Talk(client, script)
        assert (await talk.ask("hello")).status_code == 200
        script.failures = [422]
        assert (await talk.ask("lost")).status_code == 422
        assert (await talk.ask("and now?")).status_code == 200
        assert talk.told() == ["hello", "reply", "lost\n\nand now?"]
        assert await talk.stored() == ["hello", "reply", "lost", "and now?", "reply"]


async def test_what_the_model_gets_begins_with_a_user_s_message() -> None:
    script = ProviderScript(["reply"])
    script.wants_turns = True
    async with (
        serving(script.app) as url,
        routing(env={"LLM_BASE_URL": f"{url}/v1"}) as client,
    ):
        talk = Talk(client, script)
        for number in range(30):
            assert (await talk.ask(str(number))).status_code == 200
        assert talk.told()[0] == "9"


async def test_a_model_that_cannot_read_all_gets_less() -> None:
    script = ProviderScript(["reply"])
    script.most_characters = 10_000
    async with (
        serving(script.app) as url,
        routing(env={"LLM_BASE_URL": f"{url}/v1"}) as client,
    ):
        talk = Talk(client, script)
        for number in range(5):
            reply = await talk.ask(f"{number}" + "x" * 3000, stream=number % 2 == 1)
            assert reply.status_code == 200
            assert "error" not in reply.text
        assert (await talk.ask("hi")).status_code == 200
        assert talk.told()[-1] == "hi"
        assert (await talk.ask("y" * 20_000)).json()["error"]["code"] == (
            "context_length_exceeded"
        )
        assert (await talk.ask("hi again")).status_code == 200
        assert len(await talk.stored()) == 15


async def test_a_turn_that_is_sent_again_is_neither_asked_nor_stored_again() -> None:
    script = ProviderScript(["one", " two"])
    async with (
        serving(script.app) as url,
        routing(env={"LLM_BASE_URL": f"{url}/v1"}) as client,
    ):
        talk = Talk(client, script)
        first = await talk.ask("hello", name="turn 1".replace(" ", "-"))
        again = await talk.ask("hello", name="turn-1")
        streamed = await talk.ask("hello", name="turn-1", stream=True)
        assert (
            first.json()["choices"][0]["message"]
            == (again.json()["choices"][0]["message"])
        )
        assert '"content":"one two"' in streamed.text
        assert streamed.text.endswith("data: [DONE]\n\n")
        assert len(script.asked) == 1
        assert await talk.stored() == ["hello", "one two"]
        await talk.ask("hello", name="turn-2")
        assert len(script.asked) == 2
        refused = await talk.ask("hello", name="x" * 300)
        assert refused.json()["error"]["code"] == "invalid_id"


@pytest.mark.parametrize("stream", [True, False])
async def test_a_turn_that_is_sent_while_it_is_answered_waits(stream: bool) -> None:
    script = ProviderScript()
    script.go.clear()
    async with (
        serving(script.app) as url,
        routing(env={"LLM_BASE_URL": f"{url}/v1"}) as client,
    ):
        talk = Talk(client, script)
        asking = asyncio.create_task(talk.ask("hello", name="a", stream=stream))
        async with asyncio.timeout(PATIENCE):
            while not script.asked:
                await asyncio.sleep(0.01)
        refused = await talk.ask("hello", name="a")
        assert refused.status_code == 409
        assert refused.headers["Retry-After"] == "1"
        script.go.set()
        assert (await asking).status_code == 200
        assert (await talk.ask("hello", name="a")).status_code == 200
        assert len(script.asked) == 1


async def test_a_session_refuses_tools_before_anything_is_stored_or_asked() -> None:
    script = ProviderScript()
    store = MemoryStore()
    async with (
        serving(script.app) as url,
        routing(env={"LLM_BASE_URL": f"{url}/v1"}, store=store) as client,
    ):
        talk = Talk(client, script)
        for field in ("tools", "functions"):
            reply = await talk.ask("hello", **{field: [{"type": "function"}]})
            assert reply.status_code == 400
            assert "without X-User-Id" in reply.json()["error"]["message"]
    assert not script.asked
    assert not store.peek(KEY).members


async def test_a_session_takes_an_empty_list_of_tools_for_none() -> None:
    script = ProviderScript()
    async with (
        serving(script.app) as url,
        routing(env={"LLM_BASE_URL": f"{url}/v1"}) as client,
    ):
        talk = Talk(client, script)
        reply = await talk.ask("hello", tools=[])
        assert reply.status_code == 200
    assert script.asked[0]["messages"][-1]["content"] == "hello"
    assert "tools" not in script.asked[0]


@pytest.mark.parametrize(
    ("name", "route", "asked", "sent"),
    [
        ("", "", {}, {}),
        ("", "", {"max_tokens": 7}, {"max_tokens": 7}),
        ("", "max_tokens: 50", {}, {"max_tokens": 50}),
        ("", "max_tokens: 50", {"max_tokens": 70}, {"max_tokens": 50}),
        (
            "max_completion_tokens",
            "max_tokens: 50",
            {},
            {"max_completion_tokens": 50},
        ),
        (
            "",
            "max_tokens: 50",
            {"max_completion_tokens": 9},
            {"max_completion_tokens": 9},
        ),
    ],
)
async def test_a_limit_is_sent_only_where_one_was_asked_for(
    name: str, route: str, asked: dict[str, int], sent: dict[str, int], tmp_path: Any
) -> None:
    routes = tmp_path / "routes.yaml"
    rule = "{name: all, model: m, default: true" + (f", {route}" if route else "")
    routes.write_text(f"routes:\n  - {rule}}}\n")
    script = ProviderScript()
    async with serving(script.app) as url:
        env = {
            "LLM_BASE_URL": f"{url}/v1",
            "LLM_LIMIT_NAME": name,
            "ROUTES_FILE": str(routes),
        }
        async with routing(env=env) as client:
            assert (await Talk(client, script).ask("x", **asked)).status_code == 200
            refused = await Talk(client, script).ask("x", max_tokens=-1)
            assert refused.json()["error"]["code"] == "invalid_limit"
    limits = {k: v for k, v in script.asked[0].items() if k.startswith("max_")}
    assert limits == sent


@pytest.mark.parametrize("headers", [{}, SESSION])
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"messages": [{"role": "user"}]}', "no_message"),
        (b'{"messages": [{"role": "user", "content": null}]}', "no_message"),
        (b'{"messages": [{"role": "user", "content": ""}]}', "no_message"),
        (b'{"messages": [{"role": "user", "content": []}]}', "no_message"),
        (b'{"messages": [{"role": "assistant"}]}', "no_message"),
        (
            b'{"messages": [{"role": "user", "content": "x", "n": 1e309}]}',
            "invalid_json",
        ),
        (
            b'{"messages": [{"role": "user", "content": "x"}], "max_tokens": 1e309}',
            "invalid_json",
        ),
    ],
)
async def test_a_message_that_cannot_be_asked_is_a_400(
    headers: dict[str, str], body: bytes, code: str
) -> None:
    async with routing() as client:
        reply = await client.post(CHAT, content=body, headers=headers)
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == code


async def test_the_offline_responder_reports_usage_where_it_is_asked_for() -> None:
    async with routing() as client:
        options = {"include_usage": True}
        body = say("hello", stream=True, stream_options=options)
        events = (await client.post(CHAT, json=body)).text.split("\n\n")
        assert '"usage":{"prompt_tokens":1' in events[-3]
        assert events[-2] == "data: [DONE]"
        plain = await client.post(CHAT, json=say("hello", stream=True))
    assert "usage" not in plain.text
