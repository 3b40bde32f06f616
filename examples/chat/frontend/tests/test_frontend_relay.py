"""What passes through to the backend and back, and what does not."""

import asyncio

import httpx
import pytest

from frontend_fakes import PATIENCE, FakeBackend, free_port, frontend_client, serving

pytestmark = pytest.mark.anyio


async def test_a_request_passes_through_unchanged() -> None:
    async with frontend_client(FakeBackend()) as client:
        answer = await client.post(
            "/api/chat/a%2Fb@c?x=1&y=%20",
            content="bödy",
            headers={"Cookie": "chat_user=ann", "Accept": "text/event-stream"},
        )
    told = answer.json()
    assert told["method"] == "POST"
    assert told["path"] == "/api/chat/a%2Fb@c"
    assert told["query"] == "x=1&y=%20"
    assert told["body"] == "bödy"
    assert told["cookie"] == "chat_user=ann"
    assert told["accept"] == "text/event-stream"
    assert told["host"] != str(client.base_url.netloc, "ascii")


async def test_a_backend_may_be_under_a_path() -> None:
    async with (
        serving(FakeBackend().app) as url,
        frontend_client(f"{url}/api/under") as client,
    ):
        answer = await client.get("/api/chat/a?x=1")
    told = answer.json()
    assert (told["path"], told["query"]) == ("/api/under/api/chat/a", "x=1")


async def test_an_answer_passes_back_with_status_headers_and_every_cookie() -> None:
    async with frontend_client(FakeBackend()) as client:
        answer = await client.get("/api/anything")
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "7"
    assert len(answer.headers.get_list("Set-Cookie")) == 2
    assert len(answer.headers.get_list("Date")) <= 1


async def test_the_cookie_of_one_user_is_never_sent_for_another() -> None:
    async with frontend_client(FakeBackend()) as client:
        assert "chat_user=ann" in str(
            (await client.get("/api/anything")).headers.get_list("Set-Cookie")
        )
        client.cookies.clear()
        assert (await client.get("/api/anything")).json()["cookie"] is None


async def test_a_stream_is_not_buffered() -> None:
    backend = FakeBackend()
    async with (
        frontend_client(backend) as client,
        client.stream("POST", "/api/stream") as answer,
    ):
        parts = answer.aiter_text()
        assert await asyncio.wait_for(anext(parts), PATIENCE) == "data: first\n\n"
        backend.go_on.set()
        assert "".join([part async for part in parts]) == "data: last\n\n"


@pytest.mark.parametrize("path", ["/api/stream", "/api/hanging"])
async def test_a_client_that_leaves_cancels_the_request(path: str) -> None:
    backend, has_come = FakeBackend(), asyncio.Event()
    async with frontend_client(backend) as client, asyncio.timeout(PATIENCE):

        async def ask() -> None:
            async with client.stream("POST", path) as answer:
                async for _ in answer.aiter_text():
                    has_come.set()

        asking = asyncio.create_task(ask())
        await backend.begun.wait()
        if path == "/api/stream":
            await has_come.wait()
        asking.cancel()
        await backend.left.wait()


async def test_an_answer_that_breaks_off_breaks_off_here() -> None:
    async with frontend_client(FakeBackend()) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/api/broken")


async def test_a_backend_that_is_not_there_is_503() -> None:
    async with frontend_client(f"http://127.0.0.1:{free_port()}") as client:
        answer = await client.get("/api/status")
        assert (await client.get("/health")).status_code == 200
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "backend_unavailable"


async def test_a_backend_that_does_not_answer_is_504() -> None:
    async with frontend_client(
        FakeBackend(), timeout=httpx.Timeout(PATIENCE, read=0.1)
    ) as client:
        answer = await client.get("/api/hanging")
    assert answer.status_code == 504
    assert answer.json()["error"]["code"] == "backend_timeout"


async def test_a_body_that_is_too_long_is_413() -> None:
    async with frontend_client(FakeBackend()) as client:
        fits = await client.post("/api/x", content=b"x" * 1024 * 1024)
        over = await client.post("/api/x", content=b"x" * (1024 * 1024 + 1))
    assert (fits.status_code, over.status_code) == (429, 413)
    assert over.json()["error"]["code"] == "body_too_long"


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({}, True),
        ({"Origin": "{own}"}, True),
        ({"Origin": "https://chat.example", "Host": "chat.example"}, True),
        ({"Origin": "https://chat.example", "X-Forwarded-Host": "chat.example"}, True),
        ({"Origin": "https://chat.example", "Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "http://localhost:1"}, False),
        ({"Origin": "null"}, False),
    ],
)
async def test_only_the_page_itself_may_change_something(
    headers: dict[str, str], passes: bool
) -> None:
    async with frontend_client(FakeBackend()) as client:
        own = str(client.base_url).rstrip("/")
        sent = {name: value.format(own=own) for name, value in headers.items()}
        for method in ("POST", "DELETE"):
            answer = await client.request(method, "/api/chat/a", headers=sent)
            assert (answer.status_code != 403) is passes
        if passes:
            assert answer.json()["origin"] is None
        assert (await client.get("/api/chat/a", headers=sent)).status_code != 403
