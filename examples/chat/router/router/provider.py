"""Providers of replies: any OpenAI-compatible address."""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import msgspec

from router.events import read_events
from router.wire import Completion, Refusal, decode_completion, encode_json

_PAUSE = 0.2
_CONNECT_TIMEOUT = 5.0
_AFTER_THE_END = 5.0
_LONGEST_ANSWER = 16 * 1024 * 1024
_MOST_SAID = 500
_KEYS = re.compile(r"\b(?:sk|gsk|pk|xai|key|token)[-_][\w*.-]{6,}|\bBearer\s+\S+")
_CONTEXT = re.compile(
    r"context.{0,10}(length|window|size)|too many (input )?tokens|prompt is too long"
    r"|reduce the length|maximum.{0,20}tokens",
    re.IGNORECASE,
)
# Clients repeat 429 and what is 500 or more: only what may pass is answered with these.
_ANSWERS = {
    401: (424, "provider_key", "the provider refuses the router's key"),
    402: (424, "provider_quota", "the provider's quota is used up"),
    403: (424, "provider_refused", "the provider refuses to serve the router"),
    429: (429, "rate_limited", "the provider limits how much it is asked"),
}
_NO_MODEL = ("model_not_found", "model_not_found_error", "invalid_model")
_log = logging.getLogger("router.provider")
_FAILURES = (aiohttp.ClientError, TimeoutError, OSError, Refusal)


class Call(msgspec.Struct, frozen=True):
    """A request for a reply: the fields of its body, the text that it is about."""

    fields: dict[str, Any]
    text: str


class Piece(msgspec.Struct, frozen=True):
    """One chunk of a reply, to be passed on as it is; `last` ends the text."""

    data: bytes
    text: str = ""
    last: bool = False


class ContextExceeded(Refusal):
    """The model was sent more than fits; it may answer when it is sent less."""


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
    """A provider behind an address; one retry before the first token.

    `timeout` limits a whole reply, and the silence within a streamed one, in seconds;
    anything that the provider sends counts, comments too. At most `most_open` replies
    are under way at a time.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None,
        *,
        timeout: float = 600.0,
        most_open: int = 1000,
    ) -> None:
        self._url = f"{base_url}/chat/completions"
        self._key = api_key
        self._timeout = timeout
        self._most_open = most_open
        self._open = 0
        self._session: aiohttp.ClientSession | None = None
        self._proxy = find_proxy(self._url)
        self._timeouts = {
            stream: aiohttp.ClientTimeout(
                total=None if stream else timeout,
                sock_connect=_CONNECT_TIMEOUT,
                sock_read=timeout,
            )
            for stream in (False, True)
        }

    def describe(self) -> dict[str, str]:
        host = urlsplit(self._url).hostname or ""
        key = "configured" if self._key else "missing"
        return {"mode": "remote", "host": host, "key": key}

    async def complete(self, call: Call) -> Piece:
        for may_retry in (True, False):
            try:
                async with self._ask(call, stream=False) as response:
                    body = await _read_whole(response)
                break
            except _FAILURES as error:
                if not (may_retry and _may_pass(error)):
                    raise self._explain(error) from error
            await asyncio.sleep(_PAUSE)
        completion = decode_completion(body)
        self._check(completion)
        if not completion.choices:
            raise Refusal(502, "provider_error", "the provider's answer has no reply")
        text = completion.choices[0].said
        return Piece(body, text, last=True)

    async def stream(self, call: Call) -> AsyncGenerator[Piece, None]:
        begun = False
        for may_retry in (True, False):
            try:
                async with self._ask(call, stream=True) as response:
                    async for piece in self._read_pieces(response):
                        begun = True
                        yield piece
            except _FAILURES as error:
                if begun or not (may_retry and _may_pass(error)):
                    raise self._explain(error) from error
            else:
                return
            await asyncio.sleep(_PAUSE)

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    def _connect(self) -> aiohttp.ClientSession:
        # It belongs to the loop that it is made in, which runs by now.
        if self._session is None:
            headers = {"Content-Type": "application/json"}
            if self._key:
                headers["Authorization"] = f"Bearer {self._key}"
            self._session = aiohttp.ClientSession(
                headers=headers,
                # A container that is gone, or made again, leaves an old address behind.
                connector=aiohttp.TCPConnector(
                    limit=0, keepalive_timeout=4, use_dns_cache=False
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                read_bufsize=256 * 1024,
            )
        return self._session

    @asynccontextmanager
    async def _ask(
        self, call: Call, *, stream: bool
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._open >= self._most_open:
            raise Refusal(503, "router_full", "the router is full", retry_after="1")
        body = encode_json({**call.fields, "stream": stream})
        self._open += 1
        try:
            async with self._connect().post(
                self._url,
                data=body,
                timeout=self._timeouts[stream],
                allow_redirects=False,
                proxy=self._proxy,
            ) as response:
                if response.status >= 300:
                    model = call.fields.get("model")
                    raise self._refuse(response, await _read_whole(response), model)
                yield response
        finally:
            self._open -= 1

    async def _read_pieces(
        self, response: aiohttp.ClientResponse
    ) -> AsyncIterator[Piece]:
        if response.content_type == "application/json":
            self._check(decode_completion(await _read_whole(response)))
            text = "the provider answered with a whole reply instead of a stream"
            raise Refusal(502, "provider_error", text)
        events = read_events(response.content.iter_any())
        ended = False
        try:
            async for data in events:
                if ended := data.strip() == b"[DONE]":
                    return
                piece = self._read_piece(data)
                ended = piece.last
                yield piece
                if ended:
                    break
            for data in await _read_rest(events) if ended else ():
                yield self._read_piece(data)
        except _FAILURES as error:
            # The reply is complete; how its connection ends is of no matter.
            if not ended:
                raise
            _log.info("a complete reply ended with %s", self._explain(error).detail)
        if not ended:
            text = "the provider's stream ended too early"
            raise Refusal(502, "provider_error", text)

    def _read_piece(self, data: bytes) -> Piece:
        chunk = decode_completion(data)
        self._check(chunk)
        choices = [choice for choice in chunk.choices if not choice.index]
        text = "".join(choice.said for choice in choices)
        return Piece(data, text, any(choice.finish_reason for choice in choices))

    def _check(self, completion: Completion) -> None:
        """Raise what the provider says went wrong, where it says so with status 200."""
        if completion.error:
            said = self._say(completion.error)
            text = f"the provider broke off with an error{said.text}"
            _log.warning("%s", text)
            raise _exceeds(said, 502) or Refusal(502, "provider_error", text)

    def _refuse(
        self, response: aiohttp.ClientResponse, body: bytes, model: Any
    ) -> Refusal:
        status, retry_after = response.status, response.headers.get("Retry-After")
        try:
            error = msgspec.json.decode(body)["error"]
        except (msgspec.MsgspecError, UnicodeDecodeError, LookupError, TypeError):
            error = body.decode("utf-8", "replace")
        said = self._say(error)
        _log.warning("the provider answered with status %d%s", status, said.text)
        if exceeds := _exceeds(said, status):
            return exceeds
        is_quota = "insufficient_quota" in (said.code, said.kind)
        answer = _ANSWERS.get(402 if is_quota else status)
        if said.code in _NO_MODEL or said.kind in _NO_MODEL:
            text = f"the provider has no model {model}, set LLM_MODEL or change routes"
            answer = (404, "model_not_found", text)
        if answer is None and 400 <= status < 500:
            answer = (status, "provider_refused", "the provider refused")
        if answer is None:
            passed_on = 503 if status == 503 else 502
            answer = (
                passed_on,
                "provider_failed",
                f"the provider failed with status {status}",
            )
        passed_on, code, text = answer
        repeats = retry_after if passed_on in (429, 502, 503) else None
        return Refusal(passed_on, code, f"{text}{said.text}", retry_after=repeats)

    def _say(self, error: Any) -> "_Said":
        """The provider's own words in one line, with every key blanked."""
        fields = error if isinstance(error, dict) else {}
        words = fields.get("message") if fields else error
        text = " ".join(str(words or "").split())[:_MOST_SAID]
        if self._key:
            text = text.replace(self._key, "***")
        text = _KEYS.sub("***", text)
        code, kind = (str(fields.get(name) or "") for name in ("code", "type"))
        named = f" ({code})" if re.fullmatch(r"\w{1,64}", code) else ""
        return _Said(f": {text}{named}" if text else named, code, kind)

    def _explain(self, error: Exception) -> Refusal:
        if isinstance(error, Refusal):
            return error
        kind = type(error).__name__
        if isinstance(
            error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError
        ):
            text = f"the provider ended the connection within its answer ({kind})"
        elif isinstance(error, aiohttp.ConnectionTimeoutError) or not isinstance(
            error, TimeoutError
        ):
            text = f"the provider cannot be reached ({kind})"
        else:
            seconds = f"{self._timeout:g} s"
            text = f"the provider did not answer within {seconds} (LLM_TIMEOUT)"
            return Refusal(504, "provider_timeout", text)
        return Refusal(502, "provider_unreachable", text)


def find_proxy(url: str) -> str | None:
    """The proxy that the environment names for an address (HTTPS_PROXY, NO_PROXY ..).

    The same for every request, so it is looked up once.
    """
    parts = urlsplit(url)
    proxies = getproxies()
    if not parts.hostname or proxy_bypass(parts.hostname):
        return None
    return proxies.get(parts.scheme) or proxies.get("all")


class _Said(msgspec.Struct, frozen=True):
    """What a provider says: words for people, and its code and type."""

    text: str
    code: str
    kind: str


def _exceeds(said: _Said, status: int) -> ContextExceeded | None:
    is_long = "context_length_exceeded" in said.code or "exceed_context" in said.kind
    if not is_long and not (status in {400, 413, 502} and _CONTEXT.search(said.text)):
        return None
    text = f"this is more than the model can read{said.text}"
    return ContextExceeded(400, "context_length_exceeded", text)


async def _read_rest(events: AsyncIterator[bytes]) -> list[bytes]:
    """What comes within 5 s after the end of the text: the usage, for one."""
    rest: list[bytes] = []
    async with asyncio.timeout(_AFTER_THE_END):
        async for data in events:
            if data.strip() == b"[DONE]":
                break
            rest.append(data)
    return rest


async def _read_whole(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > _LONGEST_ANSWER:
            raise Refusal(502, "provider_error", "the provider's answer never ends")
    return bytes(body)


def _may_pass(error: Exception) -> bool:
    """Whether asking again at once may help, and costs no reply twice."""
    if isinstance(error, Refusal):
        return error.code == "provider_failed" and not error.headers
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return True
    return isinstance(
        error, aiohttp.ClientConnectionError | ConnectionError
    ) and not isinstance(error, TimeoutError)
