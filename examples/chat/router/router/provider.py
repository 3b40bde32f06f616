"""Providers of replies: any OpenAI-compatible address."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
import msgspec

from router.wire import Refusal, decode_completion, encode_json

_PAUSE = 0.2
_LONGEST_LINE = 1024 * 1024
_TIMEOUT = httpx.Timeout(60, connect=5, pool=10)
_LIMITS = httpx.Limits(max_connections=200, max_keepalive_connections=50)


class Call(msgspec.Struct, frozen=True):
    """A request for a reply: the fields of its body, the text that it is about."""

    fields: dict[str, Any]
    text: str


class Piece(msgspec.Struct, frozen=True):
    """One chunk of a reply, to be passed on as it is; `last` ends the text."""

    data: bytes
    text: str = ""
    last: bool = False


class Provider(Protocol):
    """Something that replies; its failures are Refusals."""

    def describe(self) -> dict[str, str]:
        """What /health says of it; never a key."""

    async def complete(self, call: Call) -> Piece:
        """The whole reply."""

    def stream(self, call: Call) -> AsyncGenerator[Piece, None]:
        """The reply, chunk by chunk; ends only after a chunk that is `last`."""

    async def close(self) -> None:
        """Let go of connections."""


class RemoteProvider:
    """A provider behind an address; one retry before the first token."""

    def __init__(self, base_url: str, api_key: str | None) -> None:
        self._url = f"{base_url}/chat/completions"
        self._key = "configured" if api_key else "missing"
        headers = {"Content-Type": "application/json"}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        self._client = httpx.AsyncClient(
            headers=headers, timeout=_TIMEOUT, limits=_LIMITS
        )

    def describe(self) -> dict[str, str]:
        host = urlsplit(self._url).hostname or ""
        return {"mode": "remote", "host": host, "key": self._key}

    async def complete(self, call: Call) -> Piece:
        for may_retry in (True, False):
            try:
                async with self._ask(call, stream=False) as response:
                    body = await response.aread()
                break
            except (httpx.HTTPError, httpx.InvalidURL, Refusal) as error:
                if not (may_retry and _may_pass(error)):
                    raise _explain(error) from error
            await asyncio.sleep(_PAUSE)
        completion = decode_completion(body)
        if completion.error:
            raise Refusal(502, "provider_error", "the provider answered with an error")
        if not completion.choices:
            raise Refusal(502, "provider_error", "the provider's answer has no reply")
        return Piece(body, completion.choices[0].message.content or "", last=True)

    async def stream(self, call: Call) -> AsyncGenerator[Piece, None]:
        begun = False
        for may_retry in (True, False):
            try:
                async with self._ask(call, stream=True) as response:
                    async for piece in _read_pieces(response):
                        begun = True
                        yield piece
                break
            except (httpx.HTTPError, httpx.InvalidURL, Refusal) as error:
                if begun or not (may_retry and _may_pass(error)):
                    raise _explain(error) from error
            await asyncio.sleep(_PAUSE)

    async def close(self) -> None:
        await self._client.aclose()

    @asynccontextmanager
    async def _ask(self, call: Call, *, stream: bool) -> AsyncIterator[httpx.Response]:
        body = encode_json({**call.fields, "stream": stream})
        async with self._client.stream("POST", self._url, content=body) as response:
            if response.status_code >= 400:
                await response.aread()
                raise _refuse(response)
            yield response


async def _read_pieces(response: httpx.Response) -> AsyncIterator[Piece]:
    ended = False
    async for data in _read_events(response):
        if data == b"[DONE]":
            return
        chunk = decode_completion(data)
        if chunk.error:
            raise Refusal(502, "provider_error", "the provider broke off with an error")
        choices = [choice for choice in chunk.choices if choice.index == 0]
        text = "".join(choice.delta.content or "" for choice in choices)
        last = any(choice.finish_reason for choice in choices)
        ended = ended or last
        yield Piece(data, text, last)
    if not ended:
        raise Refusal(502, "provider_error", "the provider's stream ended too early")


async def _read_events(response: httpx.Response) -> AsyncIterator[bytes]:
    # httpx splits lines at U+2028 too, which may stand inside a JSON string.
    rest = b""
    async for chunk in response.aiter_bytes():
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise Refusal(502, "provider_error", "the provider sent an endless line")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()
    if rest.startswith(b"data:"):
        yield rest[5:].strip()


def _may_pass(error: Exception) -> bool:
    if isinstance(error, Refusal):
        return error.code == "provider_failed"
    slow = isinstance(error, httpx.TimeoutException)
    return isinstance(error, httpx.TransportError) and (
        not slow or isinstance(error, httpx.ConnectTimeout)
    )


def _refuse(response: httpx.Response) -> Refusal:
    status, retry_after = response.status_code, response.headers.get("Retry-After")
    if status in (401, 403):
        text = "the provider refuses the router's key"
        return Refusal(502, "provider_key", text)
    if status == 429:
        text = "the provider limits how much it is asked"
        return Refusal(429, "rate_limited", text, retry_after=retry_after)
    if status >= 500:
        text = f"the provider failed with status {status}"
        passed_on = 503 if status == 503 else 502
        return Refusal(passed_on, "provider_failed", text, retry_after=retry_after)
    try:
        said = msgspec.json.decode(response.content)["error"]["message"]
    except (msgspec.MsgspecError, UnicodeDecodeError, LookupError, TypeError):
        said = f"status {status}"
    return Refusal(status, "provider_refused", f"the provider refused: {said}")


def _explain(error: Exception) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, httpx.TimeoutException):
        return Refusal(504, "provider_timeout", "the provider did not answer in time")
    text = f"the provider cannot be reached ({type(error).__name__})"
    return Refusal(502, "provider_unreachable", text)
