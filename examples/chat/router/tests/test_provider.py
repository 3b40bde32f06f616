"""Providers: one retry, what is passed on, and failures in clear words."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from router.app import make_app
from router.provider import Call, RemoteProvider, find_proxy
from router.settings import load_settings
from router.wire import Refusal
from tests.apps import CHAT, routing, say
from tests.fakes import ProviderScript
from tests.servers import free_port, serving

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
        ([500], 502, "provider_failed", 1),
        ([503], 503, "provider_failed", 1),
        ([302], 502, "provider_failed", 1),
        ([429], 429, "rate_limited", 1),
        ([401], 424, "provider_key", 1),
        ([403], 424, "provider_refused", 1),
        ([402], 424, "provider_quota", 1),
        ([422], 422, "provider_refused", 1),
    ],
)
async def test_a_failure_is_reported_with_the_right_status(
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
    passed_on = status in (429, 502, 503)
    assert reply.headers.get("Retry-After") == ("17" if passed_on else None)
    assert "canary" not in reply.text + health.text
    assert health.json()["provider"]["key"] == "configured"


@pytest.mark.parametrize("stream", [True, False])
async def test_a_second_failure_ends_the_turn(stream: bool) -> None:
    script = ProviderScript()
    script.failures = [500, 500]
    async with serving(script.app) as url:
        provider = RemoteProvider(f"{url}/v1", None)
        with pytest.raises(Refusal, match="status 500"):
            await ask(provider, stream=stream)
        await provider.close()
    assert len(script.asked) == 2


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("error", "status", "code", "words"),
    [
        (
            {"message": "check your plan", "code": "insufficient_quota"},
            424,
            "provider_quota",
            "quota is used up: check your plan (insufficient_quota)",
        ),
        (
            {"message": "slow down", "type": "requests"},
            429,
            "rate_limited",
            "limits how much it is asked: slow down",
        ),
        (
            {"message": "wrong key gsk-canary or sk-other-canary-key"},
            429,
            "rate_limited",
            "wrong key *** or ***",
        ),
        ("plain words", 429, "rate_limited", "asked: plain words"),
    ],
)
async def test_the_provider_s_words_reach_the_log_and_the_client(
    stream: bool,
    error: object,
    status: int,
    code: str,
    words: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    script = ProviderScript()
    script.failures = [429]
    script.error = error
    async with serving(script.app) as url:
        env = {"GROQ_API_KEY": "gsk-canary", "LLM_BASE_URL": f"{url}/v1"}
        async with routing(env=env) as client:
            reply = await client.post(CHAT, json=say("x", stream=stream))
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
    assert words in reply.json()["error"]["message"]
    assert "canary" not in reply.text + caplog.text
    assert words.rsplit(": ", maxsplit=1)[-1] in caplog.text


async def test_a_provider_that_is_not_there_is_a_502() -> None:
    env = {"LLM_BASE_URL": f"http://127.0.0.1:{free_port()}/v1"}
    async with routing(env=env) as client:
        for stream in (True, False):
            reply = await client.post(CHAT, json=say("x", stream=stream))
            assert reply.status_code == 502
            assert reply.json()["error"]["code"] == "provider_unreachable"


async def test_a_provider_that_says_nothing_is_a_504_after_one_question() -> None:
    script, has_given_up = ProviderScript(), asyncio.Event()

    async def wait() -> None:
        await has_given_up.wait()

    script.before_reply = wait
    async with serving(script.app) as url:
        provider = RemoteProvider(f"{url}/v1", None, timeout=1)
        with pytest.raises(Refusal, match="LLM_TIMEOUT") as caught:
            await ask(provider, stream=False)
        has_given_up.set()
        await provider.close()
    assert caught.value.status_code == 504
    assert len(script.asked) == 1
    assert script.keys == [None]


@pytest.mark.parametrize("name", ["code", "type"])
async def test_a_model_that_the_provider_lacks_is_named_with_the_setting(
    name: str,
) -> None:
    script = ProviderScript()
    script.failures = [404]
    script.error = {"message": "no access", name: "model_not_found"}
    env = {"LLM_MODEL": "tiny"}
    async with serving(script.app) as url:
        env |= {"LLM_BASE_URL": f"{url}/v1"}
        async with routing(env=env) as client:
            reply = await client.post(CHAT, json=say("x"))
    error = reply.json()["error"]
    assert (reply.status_code, error["code"]) == (404, "model_not_found")
    assert (
        "no model tiny, set LLM_MODEL or change routes: no access" in error["message"]
    )


@pytest.mark.parametrize(
    ("env", "warns"),
    [
        ({"LLM_API_KEY": "x"}, True),
        ({"LLM_API_KEY": "x", "LLM_MODEL": "gpt-5-mini"}, False),
        ({"LLM_API_KEY": "x", "LLM_BASE_URL": "http://127.0.0.1:9/v1"}, False),
        ({"GROQ_API_KEY": "x"}, False),
        ({}, False),
    ],
)
def test_routes_whose_models_openai_lacks_are_warned_of(
    env: dict[str, str], warns: bool, caplog: pytest.LogCaptureFixture
) -> None:
    make_app(load_settings(env))
    text = "OpenAI has no model llama-3.1-8b-instant or llama-3.3-70b-versatile"
    assert (text in caplog.text) is warns


@pytest.mark.parametrize(
    ("how", "words"),
    [("breaks_after", "ended too early"), ("aborts_after", "ended the connection")],
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
        ([b"\xef\xbb\xbfdata: %s\r\rdata: [DONE]\r\r"], "a\u2028b"),
        ([b"id: 1\nretry: 5\ndata\ndata: %s\ndata:\n\n"], "a\u2028b"),
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
        ([b"data: %s\n" % (b"x" * 1000)] * 2000, "endless"),
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
        (b'{"error": {"message": "quota"}, "choices": []}', "an error: quota"),
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


END = [
    b'data: {"choices": [{"delta": {"content": "all"}}]}\n\n',
    b'data: {"choices": [{"delta": null, "finish_reason": "stop"}]}\n\n',
]


@pytest.mark.parametrize(
    "after",
    [
        [],
        [b'data: {"choices": null, "usage": {}}\n\n', b"data: [DONE]\n\n"],
        [b'data: {"error": {"message": "too late"}}\n\n'],
        [b"data: nonsense\n\n"],
    ],
)
async def test_a_reply_that_has_ended_is_complete_whatever_comes(
    after: list[bytes],
) -> None:
    assert await read_stream([*END, *after]) == "all"


async def test_a_reply_that_has_ended_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("router.provider._AFTER_THE_END", 0.01)
    leave = asyncio.Event()

    async def answer(_: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            for part in END:
                yield part
            await leave.wait()

        return StreamingResponse(body())

    app = Starlette(routes=[Route("/chat/completions", answer, methods=["POST"])])
    async with serving(app) as url:
        provider = RemoteProvider(url, None)
        assert await ask(provider, stream=True) == "all"
        leave.set()
        await provider.close()


async def test_an_event_of_several_lines_is_one_event() -> None:
    text = b'data: {"choices": [{"delta":\ndata: {"content": "x"},\n'
    text += b'data: "finish_reason": "stop"}]}\n\n'
    assert await read_stream([text]) == "x"


async def test_a_whole_reply_instead_of_a_stream_is_reported() -> None:
    async def answer(_: Request) -> Response:
        return Response(b'{"error": {"message": "no"}}', media_type="application/json")

    app = Starlette(routes=[Route("/chat/completions", answer, methods=["POST"])])
    async with serving(app) as url:
        provider = RemoteProvider(url, None)
        with pytest.raises(Refusal, match="an error: no"):
            await ask(provider, stream=True)
        await provider.close()


async def test_a_full_router_says_so_and_does_not_ask() -> None:
    script = ProviderScript()
    script.go.clear()
    async with serving(script.app) as url:
        provider = RemoteProvider(f"{url}/v1", None, most_open=1)
        async with aclosing(provider.stream(CALL)) as first:
            assert (await anext(first)).text == "Hello"
            for stream in (True, False):
                with pytest.raises(Refusal, match="full") as caught:
                    await ask(provider, stream=stream)
                assert caught.value.status_code == 503
                assert caught.value.headers == {"Retry-After": "1"}
            script.go.set()
        assert await ask(provider, stream=False) == "Hello there!"
        await provider.close()
    assert len(script.asked) == 2


async def test_keep_alive_comments_of_the_provider_count_as_life() -> None:
    async def answer(_: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            for _ in range(8):
                await asyncio.sleep(0.25)
                yield b": keep-alive\n\n"
            for part in END:
                yield part

        return StreamingResponse(body())

    app = Starlette(routes=[Route("/chat/completions", answer, methods=["POST"])])
    async with serving(app) as url:
        provider = RemoteProvider(url, None, timeout=1.5)
        assert await ask(provider, stream=True) == "all"
        await provider.close()


@pytest.mark.parametrize(
    ("env", "proxy"),
    [
        ({}, None),
        ({"https_proxy": "http://proxy:1"}, "http://proxy:1"),
        ({"all_proxy": "http://proxy:2"}, "http://proxy:2"),
        ({"https_proxy": "http://proxy:1", "no_proxy": ".example.org"}, None),
        ({"http_proxy": "http://proxy:1"}, None),
    ],
)
def test_the_proxy_is_the_one_that_the_environment_names(
    env: dict[str, str], proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert find_proxy("https://llm.example.org/v1") == proxy
