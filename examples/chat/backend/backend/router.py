"""The router as the backend sees it: turns, conversations, health, and what fails."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

import httpx
import msgspec

from backend.messages import ChatError, Completion

# A router that is there accepts a connection at once, and sends a comment every 15 s
# while its provider thinks.
TIMEOUT = httpx.Timeout(90.0, connect=2.0, pool=2.0)
HEALTH_TIMEOUT = 1.0
# Shorter than the time after which the router closes an idle connection, so that no
# turn is sent into one that is just being closed.
LIMITS = httpx.Limits(
    max_connections=1000, max_keepalive_connections=100, keepalive_expiry=2.0
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one user says in one conversation; the same `name` is the same turn."""

    user: str
    session: str
    message: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """How a turn is answered; `pieces` are the text as it comes, once.

    An empty piece says that the router is still waiting.
    """

    route: str
    durability: str
    pieces: AsyncIterator[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterHealth:
    """What the router says of itself; `report` is empty when it does not answer."""

    running: bool
    ready: bool
    report: dict[str, Any]

    @property
    def provider(self) -> dict[str, str]:
        """Its mode (`remote`, `offline`) and key (`configured`, `missing`)."""
        told = self.report.get("provider")
        provider = told if isinstance(told, dict) else {}
        return {name: str(provider.get(name, "unknown")) for name in ("mode", "key")}


class Router:
    """A client of the router; every failure of it is a ChatError."""

    def __init__(self, url: str, *, timeout: httpx.Timeout = TIMEOUT) -> None:
        self.url = url
        self._is_stopping = False
        self._client = httpx.AsyncClient(
            base_url=url, timeout=timeout, limits=LIMITS, trust_env=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections; a reply that is on its way breaks off."""
        self._is_stopping = True
        await self._client.aclose()

    @asynccontextmanager
    async def answer(self, turn: Turn) -> AsyncIterator[Reply]:
        """Ask for the reply to a turn; leaving early cancels it at the router.

        Raises ChatError before the first piece when the router refuses, and from
        the pieces when the reply breaks off.
        """
        headers = {"X-User-Id": turn.user, "X-Session-Id": turn.session}
        if turn.name:
            headers["Idempotency-Key"] = turn.name
        request = self._client.build_request(
            "POST",
            "/v1/chat/completions",
            headers=headers,
            json={
                "model": "auto",
                "messages": [{"role": "user", "content": turn.message}],
                "stream": True,
            },
        )
        async with self._send(request) as response:
            yield Reply(
                route=response.headers.get("X-Route", ""),
                durability=response.headers.get("X-Session-Durability", ""),
                pieces=self._read_stream(response),
            )

    async def load(self, user: str, session: str) -> bytes:
        """A stored conversation as JSON; raises ChatError 404 when there is none."""
        request = self._client.build_request("GET", _session_path(user, session))
        async with self._send(request) as response:
            return await _read(response)

    async def delete(self, user: str, session: str) -> None:
        """Forget a conversation; fine when there is none."""
        request = self._client.build_request("DELETE", _session_path(user, session))
        try:
            async with self._send(request):
                pass
        except ChatError as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise

    async def health(self) -> RouterHealth:
        """Ask the router how it is; never raises, answers within about a second."""
        try:
            response = await self._client.get("/health", timeout=HEALTH_TIMEOUT)
        except httpx.ReadTimeout:
            return RouterHealth(running=True, ready=False, report={})
        except httpx.HTTPError:
            return RouterHealth(running=False, ready=False, report={})
        try:
            report = msgspec.json.decode(response.content, type=dict[str, Any])
        except ValueError:
            report = {}
        return RouterHealth(running=True, ready=response.is_success, report=report)

    @asynccontextmanager
    async def _send(self, request: httpx.Request) -> AsyncIterator[httpx.Response]:
        with _telling_failures():
            response = await self._client.send(request, stream=True)
        try:
            if not response.is_success:
                raise _refusal(response, await _read(response))
            yield response
        finally:
            await response.aclose()

    async def _read_stream(self, response: httpx.Response) -> AsyncIterator[str]:
        """The pieces of a reply; one that lacks its `[DONE]` has broken off."""
        try:
            async for piece in _read_pieces(response):
                yield piece
        except ChatError as error:
            if self._is_stopping and error.code == "router_lost":
                words = "the backend is stopping, try again in a moment"
                raise ChatError(503, "stopping", words, retry_after=2) from error
            raise


def _session_path(user: str, session: str) -> str:
    return f"/v1/sessions/{quote(user, safe='')}/{quote(session, safe='')}"


async def _read_pieces(response: httpx.Response) -> AsyncIterator[str]:
    done = False
    async for data in _read_events(response):
        if not data:
            yield ""
        elif data == b"[DONE]":
            done = True
        elif not done:
            chunk = _decode(data)
            if chunk.error is not None:
                raise ChatError(502, "router_failed", _words(chunk.error))
            if chunk.text:
                yield chunk.text
    if not done:
        raise ChatError(502, "router_lost", "the reply broke off")


async def _read_events(response: httpx.Response) -> AsyncIterator[bytes]:
    # Split at newlines alone: text may hold other characters that end a line for
    # Python, which is why this is not `aiter_lines`.
    rest = b""
    with _telling_failures():
        async for part in response.aiter_bytes():
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                if line.startswith(b"data:"):
                    yield line.removeprefix(b"data:").strip()
                elif line.startswith(b":"):
                    yield b""


async def _read(response: httpx.Response) -> bytes:
    with _telling_failures():
        return await response.aread()


def _decode(data: bytes) -> Completion:
    try:
        return msgspec.json.decode(data, type=Completion)
    except ValueError as error:
        words = "the router's answer makes no sense"
        raise ChatError(502, "router_failed", words) from error


@contextmanager
def _telling_failures() -> Iterator[None]:
    """Turn what httpx raises into a ChatError that says what it means here."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        words = "the router is away at the moment"
        raise ChatError(503, "router_unavailable", words, retry_after=2) from error
    except httpx.TimeoutException as error:
        words = "the router took too long to answer"
        raise ChatError(504, "router_timeout", words) from error
    except httpx.HTTPError as error:
        raise ChatError(502, "router_lost", "the reply broke off") from error


def _refusal(response: httpx.Response, body: bytes) -> ChatError:
    """What a refusal of the router means to the caller of the backend."""
    try:
        error = msgspec.json.decode(body, type=Completion).error or {}
    except ValueError:
        error = {}
    words = _words(error)
    match response.status_code:
        case 400 | 413:
            return ChatError(response.status_code, "bad_request", words)
        case 409:
            return ChatError(409, "turn_under_way", words, retry_after=2)
        case 404 if response.request.url.path.startswith("/v1/sessions/"):
            return ChatError(404, "no_such_session", "there is no such conversation")
        case 429 | 503:
            after = response.headers.get("Retry-After", "")
            seconds = int(after) if after.isascii() and after.isdigit() else 2
            return ChatError(503, "router_busy", words, retry_after=seconds)
        case 504:
            return ChatError(504, "router_timeout", words)
        case _:
            return ChatError(502, "router_failed", words)


def _words(error: dict[str, Any]) -> str:
    return str(error.get("message") or "the router could not answer")
