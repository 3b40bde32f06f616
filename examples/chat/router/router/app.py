"""The router's HTTP endpoints; what a turn does is in `turns`."""

import asyncio
import logging
import os
import resource
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as Endpoint
from starlette.types import Receive, Scope, Send

from router import __version__
from router.guard import only_process
from router.offline import OfflineProvider
from router.provider import Provider, RemoteProvider
from router.routes import Route, load_routes
from router.sessions import make_store, tended
from router.sessions.log import CorruptSession
from router.sessions.store import SessionKey, SessionStore, StoreFull
from router.settings import Settings, load_settings
from router.turns import Turn, Turns, find_key, find_name, make_key, refuse
from router.wire import Refusal, encode_json

_LONGEST_BODY = 1024 * 1024
_ENDING = 3.0
_SILENCE = 15.0
_UNREAD = 60.0
_UNWATCHED = 0.05
_WAITING = b": waiting for the model\n\n"
_MOST_REPLIES = 1000
_HANDLES_BESIDES = 64
_OPEN_MODELS = ("llama", "meta-llama", "mixtral", "mistral", "gemma", "qwen")
_STOPPING = Refusal(503, "router_stopping", "the router is stopping", retry_after="1")
_log = logging.getLogger("router")
_T = TypeVar("_T")


def make_app(
    settings: Settings | None = None,
    *,
    store: SessionStore | None = None,
    provider: Provider | None = None,
    guarded: bool = False,
) -> Starlette:
    """The router; raises SettingsError, RoutesError.

    Without settings they are read from the environment, so that any ASGI server can
    use this as a factory. `guarded`: the caller sees to it that there is one process.
    """
    settings = settings or load_settings(os.environ)
    alone = guarded or settings.redis_url is not None
    routes = load_routes(settings.routes_file)
    if store is None:
        store = make_store(settings.redis_url, settings.session_ttl)
    if provider is None:
        provider = _make_provider(settings)
        _warn_of_models(settings, routes)
    endpoints = _Endpoints(
        store=store,
        provider=provider,
        turns=Turns(
            store,
            routes,
            provider,
            settings.llm_model,
            limit_name=settings.llm_limit_name,
        ),
        models=["auto", *(route.name for route in routes)],
        streaming=set(),
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with nullcontext() if alone else only_process(settings.port):
            async with tended(store):
                yield
                # What was shown of a reply is stored, however the server ends it.
                if endpoints.streaming:
                    await asyncio.wait(endpoints.streaming, timeout=_ENDING)
            await provider.close()

    app = Starlette(
        routes=endpoints.routes(), exception_handlers=_HANDLERS, lifespan=lifespan
    )
    app.state.store = store
    return app


def _make_provider(settings: Settings) -> Provider:
    if settings.llm_base_url:
        return RemoteProvider(
            settings.llm_base_url,
            settings.llm_api_key,
            timeout=settings.llm_timeout,
            most_open=count_open_replies(),
        )
    return OfflineProvider()


def _warn_of_models(settings: Settings, routes: Sequence[Route]) -> None:
    """Say so where the routes name models that their provider cannot have."""
    host = urlsplit(settings.llm_base_url or "").hostname
    if host != "api.openai.com" or settings.llm_model:
        return
    foreign = sorted({r.model for r in routes if r.model.startswith(_OPEN_MODELS)})
    if foreign:
        _log.warning(
            "OpenAI has no model %s, which routes name: set LLM_MODEL or change the "
            "models in %s",
            " or ".join(foreign),
            settings.routes_file.name,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Endpoints:
    store: SessionStore
    provider: Provider
    turns: Turns
    models: list[str]
    streaming: set[asyncio.Task[Any]]

    def routes(self) -> list[Endpoint]:
        session = "/v1/sessions/{user}/{session}"
        return [
            Endpoint("/health", self.health),
            Endpoint("/v1/chat/completions", self.chat, methods=["POST"]),
            Endpoint("/v1/models", self.list_models),
            Endpoint("/v1/sessions", self.count_sessions),
            Endpoint(session, self.show_session),
            Endpoint(session, self.delete_session, methods=["DELETE"]),
        ]

    async def health(self, _: Request) -> Response:
        status = self.store.status()
        return _json(
            {
                "status": "degraded" if status.mode == "degraded" else "ok",
                "sessions": status,
                "provider": self.provider.describe(),
                "version": __version__,
            }
        )

    async def chat(self, request: Request) -> Response:
        key = find_key(request.headers)
        name = find_name(request.headers)
        turn = await self.turns.begin(await _read_body(request), key, name)
        if turn.streamed:
            return _StreamedReply(self.turns, turn, self.streaming)
        work = self.turns.complete(turn)
        try:
            body = await _while_connected(request.receive, work)
        except asyncio.CancelledError:
            raise _STOPPING from None
        return Response(body, headers=turn.headers, media_type="application/json")

    async def list_models(self, _: Request) -> Response:
        made = {"object": "model", "created": 0, "owned_by": "router"}
        models = [{"id": name, **made} for name in self.models]
        return _json({"object": "list", "data": models})

    async def count_sessions(self, _: Request) -> Response:
        stats = msgspec.to_builtins(await self.store.get_stats())
        return _json(stats | msgspec.to_builtins(self.store.status()))

    async def show_session(self, request: Request) -> Response:
        session = await self.store.load(_key(request))
        if session is None:
            raise Refusal(404, "no_session", "there is no such session")
        return _json(session)

    async def delete_session(self, request: Request) -> Response:
        durability = await self.store.delete(_key(request))
        headers = {"X-Session-Durability": durability}
        return Response(status_code=204, headers=headers)


class _StreamedReply(Response):
    """A reply as server-sent events; its status is known with the first of them.

    Where nothing was sent for 15 s, a comment is, so that no proxy takes the silence
    for an end. A client that reads nothing for 60 s is left.
    """

    def __init__(
        self, turns: Turns, turn: Turn, streaming: set[asyncio.Task[Any]]
    ) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(headers=headers | turn.headers, media_type="text/event-stream")
        del self.headers["Content-Length"]
        self._turns = turns
        self._turn = turn
        self._streaming = streaming

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        assert task  # noqa: S101 - a request is served in a task
        self._streaming.add(task)
        wire = _Wire(send, self.status_code, self.raw_headers)
        try:
            await _while_connected(receive, self._pump(wire))
        except asyncio.CancelledError:
            # The server stops, or the client has left. What was said is stored by now.
            if not wire.is_stuck:
                await wire.send(_last_event(_STOPPING))
                await wire.end()
        finally:
            self._streaming.discard(task)

    async def _pump(self, wire: "_Wire") -> None:
        watching = asyncio.create_task(wire.watch(asyncio.current_task()))
        try:
            async with aclosing(self._turns.stream(self._turn)) as events:
                async for event in events:
                    await wire.send(event)
        except Exception as error:
            if not wire.has_begun:
                raise
            await wire.send(_last_event(error))
        finally:
            watching.cancel()
        await wire.end()


class _Wire:
    """One streamed answer: begun with its first bytes, never silent, never stuck.

    One thing is sent at a time: a piece and a comment may come at the same moment.
    """

    def __init__(
        self, send: Send, status: int, headers: list[tuple[bytes, bytes]]
    ) -> None:
        self._send = send
        self._start = {
            "type": "http.response.start",
            "status": status,
            "headers": headers,
        }
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._sending = asyncio.Lock()
        self.has_begun = False
        self.is_stuck = False

    async def send(self, data: bytes, *, more: bool = True) -> None:
        async with self._sending:
            self._last = self._loop.time()
            if not self.has_begun:
                await self._send(self._start)
                self.has_begun = True
            await self._send(_body(data, more=more))
            self._last = self._loop.time()

    async def end(self) -> None:
        await self.send(b"", more=False)

    async def watch(self, sender: asyncio.Task[Any] | None) -> None:
        """Break silences with a comment; cancel the sender when the client leaves."""
        commenting: asyncio.Task[None] | None = None
        try:
            while True:
                limit = _UNREAD if self._sending.locked() else _SILENCE
                left = self._last + limit - self._loop.time()
                if left > 0:
                    await asyncio.sleep(min(left, _SILENCE))
                elif not self._sending.locked():
                    # Not awaited: a comment gets stuck too if the client reads nothing.
                    commenting = asyncio.create_task(self.send(_WAITING))
                    await asyncio.sleep(0)
                else:
                    text = "a client has read nothing for %g s and is left"
                    _log.warning(text, _UNREAD)
                    self.is_stuck = True
                    if sender:
                        sender.cancel()
                    return
        finally:
            if commenting:
                commenting.cancel()


def count_open_replies() -> int:
    """How many replies may be under way: two handles each, of those there are."""
    handles, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if handles == resource.RLIM_INFINITY:
        return _MOST_REPLIES
    return max(1, min(_MOST_REPLIES, (handles - _HANDLES_BESIDES) // 2))


def _body(data: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def _key(request: Request) -> SessionKey:
    return make_key(request.path_params["user"], request.path_params["session"])


async def _while_connected(
    receive: Receive, work: Coroutine[Any, Any, _T]
) -> _T | None:
    """What the work gives; when the client leaves, it is cancelled and gives None.

    Work that is done soon is not watched at all: a task for that costs as much as a
    quarter of a request.
    """
    working = asyncio.current_task()
    assert working  # noqa: S101 - a request is served in a task
    loop = asyncio.get_running_loop()
    watching: asyncio.Task[None] | None = None
    has_left = False

    async def leave() -> None:
        nonlocal has_left
        while (await receive())["type"] != "http.disconnect":
            pass
        has_left = True
        working.cancel()

    def watch() -> None:
        nonlocal watching
        watching = loop.create_task(leave())

    starting = loop.call_later(_UNWATCHED, watch)
    try:
        return await work
    except asyncio.CancelledError:
        if has_left and not working.uncancel():
            return None
        raise
    finally:
        starting.cancel()
        if watching:
            watching.cancel()


async def _read_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_BODY:
            text = f"the body is longer than {_LONGEST_BODY} bytes"
            raise Refusal(413, "body_too_long", text)
    return bytes(body)


def _last_event(error: Exception) -> bytes:
    """What ends an answer that has begun with nothing but comments."""
    refusal = refuse(error)
    if refusal is None:
        _log.error("a reply broke off", exc_info=error)
        refusal = Refusal(500, "bug", "the router failed; its log says why")
    else:
        _log.warning("a reply broke off: %s", refusal.detail)
    return b"data: " + refusal.encode() + b"\n\n"


def _json(value: Any) -> Response:
    return Response(encode_json(value), media_type="application/json")


def _on_refusal(request: Request, error: Exception) -> Response:
    refusal = refuse(error) or _explain(request, error)
    if refusal.status_code >= 500:
        _log.warning("%s: %s", request.url.path, refusal.detail)
    headers = refusal.headers
    return Response(refusal.encode(), refusal.status_code, headers, "application/json")


def _explain(request: Request, error: Exception) -> Refusal:
    if isinstance(error, HTTPException):
        text = f"{request.method} {request.url.path}: {error.detail}"
        return Refusal(error.status_code, "no_such_address", text)
    if isinstance(error, ClientDisconnect):
        return Refusal(400, "body_incomplete", "the client left")
    return Refusal(500, "bug", "the router failed; its log says why")


_REFUSED = (HTTPException, ClientDisconnect, StoreFull, CorruptSession, Exception)
_HANDLERS = dict.fromkeys(_REFUSED, _on_refusal)
