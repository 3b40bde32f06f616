"""A router and a server for tests, small enough to read before trusting them."""

import asyncio
import json
import os
import shutil
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from uvicorn.server import ServerState

from backend.app import Backend, create_app
from backend.owned import Place
from backend.ratelimit import MemoryRateLimit, RateLimit
from backend.router import TIMEOUT, Router

JSON = {"Content-Type": "application/json"}
EVENTS = {**JSON, "Accept": "text/event-stream"}


PATIENCE = 60.0
"""Seconds within which anything must have happened, on a busy machine too."""


class MissingPart(pytest.skip.Exception):
    """A test is skipped for a part; `conftest.py` counts these by part."""


def require_program(name: str) -> None:
    """Go on where a program is on the PATH; else skip, or fail with REQUIRE_PARTS."""
    if shutil.which(name):
        return
    if os.environ.get("REQUIRE_PARTS"):
        pytest.fail(f"{name} is missing")
    raise MissingPart(f"{name} is missing here")


@dataclass
class FakeRouter:
    """Answers in the router's shapes; it makes the mistakes that it is asked for."""

    pieces: list[str] = field(default_factory=lambda: ["Hel", "lo"])
    refusal: tuple[int, Any, Mapping[str, str]] | None = None
    breaks_off: bool = False
    error_in_stream: bool = False
    health_takes: float = 0.0
    health: tuple[int, Any] = (
        200,
        {
            "status": "ok",
            "sessions": {"mode": "memory"},
            "provider": {"mode": "offline", "host": "", "key": "missing"},
            "version": "1",
        },
    )
    turns: list[tuple[str, str, str]] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    comments: int = 0
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.go_on.set()

    @property
    def app(self) -> Starlette:
        session = "/v1/sessions/{user}/{session}"
        return Starlette(
            routes=[
                Route("/health", self._health),
                Route("/v1/chat/completions", self._complete, methods=["POST"]),
                Route(session, self._load),
                Route(session, self._delete, methods=["DELETE"]),
            ]
        )

    async def _health(self, request: Request) -> Response:
        await asyncio.sleep(self.health_takes)
        return JSONResponse(self.health[1], self.health[0])

    async def _complete(self, request: Request) -> Response:
        asked = await request.json()
        user, session = request.headers["X-User-Id"], request.headers["X-Session-Id"]
        self.turns.append((user, session, asked["messages"][-1]["content"]))
        self.names.append(request.headers.get("Idempotency-Key"))
        if self.refusal:
            status, body, headers = self.refusal
            return JSONResponse(body, status, headers)
        headers = {"X-Route": "default: no rule", "X-Session-Durability": "memory"}
        assert asked["stream"]
        events = self._stream()
        return StreamingResponse(events, 200, headers, "text/event-stream")

    async def _stream(self) -> AsyncIterator[str]:
        for _ in range(self.comments):
            yield ": waiting\n\n"
        try:
            for number, piece in enumerate(self.pieces):
                if number:
                    await self.go_on.wait()
                chunk = {"choices": [{"index": 0, "delta": {"content": piece}}]}
                yield f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"
        except asyncio.CancelledError:
            self.left.set()
            raise
        if self.error_in_stream:
            yield 'data: {"error": {"message": "the provider hung up"}}\n\n'
        elif not self.breaks_off:
            yield "data: [DONE]\n\n"

    async def _load(self, request: Request) -> Response:
        user, session = request.path_params["user"], request.path_params["session"]
        said = [turn for turn in self.turns if turn[:2] == (user, session)]
        if not said:
            return JSONResponse({"error": {"message": "no such session"}}, 404)
        messages = [
            {"id": "1", "role": "user", "content": text, "at": 1, "interrupted": False}
            for *_, text in said
        ]
        return JSONResponse({"messages": messages, "durability": "memory"})

    async def _delete(self, request: Request) -> Response:
        gone = (request.path_params["user"], request.path_params["session"])
        kept = [turn for turn in self.turns if turn[:2] != gone]
        found, self.turns = len(kept) < len(self.turns), kept
        return Response(status_code=204 if found else 404)


@asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[str]:
    """Serve an app on a free port of this machine and give its address."""
    # uvicorn's protocol without its server, which takes 0.2 s to stop.
    config = uvicorn.Config(app, lifespan="off", log_level="critical")
    config.load()
    protocol: Any = config.http_protocol_class
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: protocol(config=config, server_state=state, app_state={}),
        host="127.0.0.1",
    )
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        connections: list[Any] = list(state.connections)
        for connection in connections:
            connection.transport.close()
        await asyncio.gather(*state.tasks, return_exceptions=True)


@asynccontextmanager
async def backend_client(
    router: FakeRouter | str,
    *,
    rate_limit: RateLimit | None = None,
    place: Place | None = None,
    timeout: httpx.Timeout = TIMEOUT,
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a running backend in front of a fake router or an address."""
    async with AsyncExitStack() as opened:
        if isinstance(router, FakeRouter):
            router = await opened.enter_async_context(serving(router.app))
        backend = Backend(
            router=await opened.enter_async_context(Router(router, timeout=timeout)),
            rate_limit=rate_limit or MemoryRateLimit(60),
            place=place or Place(environment={}, note=""),
        )
        url = await opened.enter_async_context(serving(create_app(backend)))
        client = httpx.AsyncClient(
            base_url=url, trust_env=False, verify=False, timeout=PATIENCE
        )
        yield await opened.enter_async_context(client)


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
