"""The router's HTTP endpoints; what a turn does is told in `turns`."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

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
from router.routes import load_routes
from router.sessions import make_store, tended
from router.sessions.log import CorruptSession
from router.sessions.store import SessionKey, SessionStore, StoreFull
from router.settings import Settings, load_settings
from router.turns import Turn, Turns, find_key, make_key, refuse
from router.wire import Refusal, encode_json

_LONGEST_BODY = 1024 * 1024
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
    endpoints = _Endpoints(
        store=store,
        provider=provider,
        turns=Turns(store, routes, provider, settings.llm_model),
        models=["auto", *(route.name for route in routes)],
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with nullcontext() if alone else only_process(settings.port):
            async with tended(store):
                yield
            await provider.close()

    return Starlette(
        routes=endpoints.routes(), exception_handlers=_HANDLERS, lifespan=lifespan
    )


def _make_provider(settings: Settings) -> Provider:
    if settings.llm_base_url:
        return RemoteProvider(settings.llm_base_url, settings.llm_api_key)
    return OfflineProvider()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Endpoints:
    store: SessionStore
    provider: Provider
    turns: Turns
    models: list[str]

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
        turn = await self.turns.begin(await _read_body(request), key)
        if turn.streamed:
            return _StreamedReply(self.turns, turn)
        work = self.turns.complete(turn)
        body = await _while_connected(request.receive, work)
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
    """A reply as server-sent events; its status is known with the first of them."""

    def __init__(self, turns: Turns, turn: Turn) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(headers=headers | turn.headers, media_type="text/event-stream")
        del self.headers["Content-Length"]
        self._turns = turns
        self._turn = turn

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        await _while_connected(receive, self._pump(send))

    async def _pump(self, send: Send) -> None:
        begun = False
        async with aclosing(self._turns.stream(self._turn)) as events:
            async for event in events:
                if not begun:
                    begun = True
                    await send(
                        {
                            "type": "http.response.start",
                            "status": self.status_code,
                            "headers": self.raw_headers,
                        }
                    )
                await send(_body(event, more=True))
        await send(_body(b"", more=False))


def _body(data: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def _key(request: Request) -> SessionKey:
    return make_key(request.path_params["user"], request.path_params["session"])


async def _while_connected(
    receive: Receive, work: Coroutine[Any, Any, _T]
) -> _T | None:
    """What the work gives; when the client leaves, it is cancelled and gives None."""

    async def leave() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    working, leaving = asyncio.create_task(work), asyncio.create_task(leave())
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _read_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_BODY:
            text = f"the body is longer than {_LONGEST_BODY} bytes"
            raise Refusal(413, "body_too_long", text)
    return bytes(body)


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
