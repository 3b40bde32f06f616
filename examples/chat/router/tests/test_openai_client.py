"""The published openai client works against the router, unchanged."""

import os

import pytest

from tests.apps import SESSION, routing
from tests.fakes import ProviderScript
from tests.servers import serving

if not os.environ.get("REQUIRE_PARTS"):
    pytest.importorskip("openai", reason="the openai client is not installed")

import openai
from openai.types.chat import ChatCompletionUserMessageParam

QUESTION: ChatCompletionUserMessageParam = {"role": "user", "content": "Say hello"}


async def test_the_openai_client_works_unchanged() -> None:
    script = ProviderScript(["Hel", "lo"])
    async with (
        serving(script.app) as url,
        routing(env={"LLM_BASE_URL": f"{url}/v1"}) as http,
        openai.AsyncOpenAI(
            base_url=f"{http.base_url}/v1", api_key="unused", default_headers=SESSION
        ) as client,
    ):
        assert "chat" in [model.id async for model in client.models.list()]
        reply = await client.chat.completions.create(model="auto", messages=[QUESTION])
        assert reply.choices[0].message.content == "Hello"
        stream = await client.chat.completions.create(
            model="auto", messages=[QUESTION], stream=True
        )
        parts = [chunk.choices[0].delta.content or "" async for chunk in stream]
        assert "".join(parts) == "Hello"
        raw = await client.chat.completions.with_raw_response.create(
            model="auto", messages=[QUESTION]
        )
        assert raw.headers["X-Session-Durability"] == "memory"
        session = (await http.get("/v1/sessions/alice/one")).json()
        assert len(session["messages"]) == 6


async def test_the_openai_client_understands_refusals() -> None:
    script = ProviderScript()
    script.failures = [429]
    async with (
        serving(script.app) as url,
        routing(env={"LLM_BASE_URL": f"{url}/v1"}) as http,
        openai.AsyncOpenAI(
            base_url=f"{http.base_url}/v1", api_key="unused", max_retries=0
        ) as client,
    ):
        with pytest.raises(openai.RateLimitError, match="limits how much"):
            await client.chat.completions.create(model="auto", messages=[QUESTION])
        with pytest.raises(openai.BadRequestError, match="messages"):
            await client.chat.completions.create(model="auto", messages=[])


async def test_the_openai_client_reads_the_offline_responder() -> None:
    async with (
        routing() as http,
        openai.AsyncOpenAI(base_url=f"{http.base_url}/v1", api_key="x") as client,
    ):
        stream = await client.chat.completions.create(
            model="auto", messages=[QUESTION], stream=True
        )
        text = "".join([c.choices[0].delta.content or "" async for c in stream])
        reply = await client.chat.completions.create(model="auto", messages=[QUESTION])
        assert reply.choices[0].message.content == text
        assert reply.usage is not None
        assert reply.usage.total_tokens > 0
