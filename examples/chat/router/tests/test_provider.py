"""Providers: one retry, what is passed on, and failures in clear words."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from router.provider import Call, RemoteProvider
from router.wire import Refusal
from tests.apps import CHAT, routing, say
from tests.fakes import ProviderScript
from tests.servers import PATIENCE, free_port, serving

CALL = Call({"model": "m", "messages": []}, "hello")
CHOICE = {"delta": {"content": "a\u2028b"}, "finish_reason": "stop"}
CHUNK = {"choices": [CHOICE], "error": None}


async def ask(provider: RemoteProvider, *, stream: bool) -> str:
    """The text of a reply."""
    if not stream:
        return (await provider.complete(CALL)).text
    async with aclosing(provider.stream(CALL)) as pieces:
        return "".join([piece.text async for piece in pieces])


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("failure", [500, 503, "break"])
async def test_one_failure_before_the_first_token_is_retried(
    stream: bool, failure: int | str
) -> None:
    script = ProviderScript()
    script.failures = [failure]
    async with serving(script.app) as url:
        provider = RemoteProvider(f"{url}/v1", "key")
        assert await ask(provider, stream=stream) == "Hello there!"
        await provider.close()
    assert len(script.asked) == 2
    assert script.keys == ["Bearer key"] * 2


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("failures", "status", "code", "times"),
    [
        ([500, 500], 502, "provider_failed", 2),
        ([503, 503], 503, "provider_failed", 2),
        ([429], 429, "rate_limited", 1),
        ([401], 502, "provider_key", 1),
        ([422], 422, "provider_refused", 1),
    ],
)
async def test_a_failure_is_told_with_the_right_status(
    stream: bool, failures: list[int | str], status: int, code: str, times: int
) -> None:
    script = ProviderScript()
    script.failures = list(failures)
    script.retry_after = "17"
    env = {"GROQ_API_KEY": "gsk-canary"}
    async with serving(script.app) as url:
        env["LLM_BASE_URL"] = f"{url}/v1"
        async with routing(env=env) as client:
            reply = await client.post(CHAT, json=say("x", stream=stream))
            health = await client.get("/health")
    assert reply.status_code == status
    assert reply.json()["error"]["code"] == code
    assert len(script.asked) == times
    passed_on = status == 429 or failures[0] in (500, 503)
    assert reply.headers.get("Retry-After") == ("17" if passed_on else None)
    assert "canary" not in reply.text + health.text
    assert health.json()["provider"]["key"] == "configured"


async def test_a_provider_that_is_not_there_is_a_502() -> None:
    env = {"LLM_BASE_URL": f"http://127.0.0.1:{free_port()}/v1"}
    async with routing(env=env) as client:
        for stream in (True, False):
            reply = await client.post(CHAT, json=say("x", stream=stream))
            assert reply.status_code == 502
            assert reply.json()["error"]["code"] == "provider_unreachable"


async def test_a_provider_that_says_nothing_is_a_504_after_one_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    timeout = httpx.Timeout(PATIENCE, read=1)
    monkeypatch.setattr("router.provider._TIMEOUT", timeout)
    script, has_given_up = ProviderScript(), asyncio.Event()

    async def wait() -> None:
        await has_given_up.wait()

    script.before_reply = wait
    async with serving(script.app) as url:
        provider = RemoteProvider(f"{url}/v1", None)
        with pytest.raises(Refusal) as caught:
            await ask(provider, stream=False)
        has_given_up.set()
        await provider.close()
    assert caught.value.status_code == 504
    assert len(script.asked) == 1
    assert script.keys == [None]


@pytest.mark.parametrize(
    ("how", "words"),
    [("breaks_after", "ended too early"), ("aborts_after", "cannot be reached")],
)
async def test_a_broken_stream_is_not_asked_for_again(how: str, words: str) -> None:
    script = ProviderScript(["one", "two"])
    setattr(script, how, 1)
    async with serving(script.app) as url:
        provider = RemoteProvider(f"{url}/v1", None)
        with pytest.raises(Refusal, match=words):
            await ask(provider, stream=True)
        await provider.close()
    assert len(script.asked) == 1


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        ([b"data: %s\n\n", b"data: [DONE]\n\n"], "a\u2028b"),
        ([b"data:%s\r\n\r\n"], "a\u2028b"),
        ([b": a comment\n\nevent: x\ndata: %s"], "a\u2028b"),
    ],
)
async def test_events_are_read_whatever_their_lines_are_like(
    pieces: list[bytes], text: str
) -> None:
    data = b"".join(pieces) % msgspec.json.encode(CHUNK)
    # Cut anywhere, in the middle of a character too.
    parts = [data[at : at + 7] for at in range(0, len(data), 7)]
    assert await read_stream(parts) == text


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([b"data: nonsense\n\n"], "shape"),
        ([b'data: {"error": {"message": "overloaded"}}\n\n'], "error"),
        ([b"data: {}\n\n", b"data: [DONE]\n\n"], None),
        ([b"x" * 700_000, b"x" * 700_000], "endless"),
        ([], "too early"),
    ],
)
async def test_a_stream_of_another_shape_is_refused(
    parts: list[bytes], words: str | None
) -> None:
    if words is None:
        assert await read_stream(parts) == ""
        return
    with pytest.raises(Refusal, match=words):
        await read_stream(parts)


async def read_stream(parts: list[bytes]) -> str:
    async def answer(_: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            for part in parts:
                yield part

        return StreamingResponse(body())

    app = Starlette(routes=[Route("/chat/completions", answer, methods=["POST"])])
    async with serving(app) as url:
        provider = RemoteProvider(url, None)
        try:
            return await ask(provider, stream=True)
        finally:
            await provider.close()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"nonsense", "shape"),
        (b"[]", "shape"),
        (b'{"choices": 1}', "shape"),
        (b"{}", "no reply"),
        (b'{"choices": []}', "no reply"),
        (b'{"error": {"message": "quota"}}', "an error"),
        (b'{"error": {"message": "quota"}, "choices": []}', "an error"),
    ],
)
async def test_an_answer_of_another_shape_is_refused(body: bytes, words: str) -> None:
    async def answer(_: Request) -> Response:
        return Response(body)

    app = Starlette(routes=[Route("/chat/completions", answer, methods=["POST"])])
    async with serving(app) as url:
        provider = RemoteProvider(url, None)
        with pytest.raises(Refusal, match=words):
            await ask(provider, stream=False)
        await provider.close()
