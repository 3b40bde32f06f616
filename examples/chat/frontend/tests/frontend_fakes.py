"""A backend and a server for tests, small enough to read before trusting them."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from uvicorn.server import ServerState

from frontend.app import create_app
from frontend.relay import TIMEOUT


@dataclass
class FakeBackend:
    """Tells what it was asked, streams in two pieces, hangs, breaks off."""

    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def app(self) -> Starlette:
        methods = ["GET", "POST", "DELETE"]
        return Starlette(
            routes=[
                Route("/api/stream", self._answer_in_pieces, methods=methods),
                Route("/api/broken", self._break_off),
                Route("/api/hanging", self._hang, methods=methods),
                Route("/api/{path:path}", self._echo, methods=methods),
            ]
        )

    async def _echo(self, request: Request) -> Response:
        body = await request.body()
        told = {
            "method": request.method,
            "path": request.scope["raw_path"].decode(),
            "query": request.scope["query_string"].decode(),
            "body": body.decode(),
            "cookie": request.headers.get("Cookie"),
            "origin": request.headers.get("Origin"),
            "accept": request.headers.get("Accept"),
            "host": request.headers["Host"],
        }
        answer = JSONResponse(told, 429, {"Retry-After": "7"})
        answer.set_cookie("chat_user", "ann")
        answer.set_cookie("other", "x")
        return answer

    async def _answer_in_pieces(self, request: Request) -> Response:
        return StreamingResponse(self._pieces(), media_type="text/event-stream")

    async def _pieces(self) -> AsyncIterator[str]:
        try:
            self.begun.set()
            yield "data: first\n\n"
            await self.go_on.wait()
            yield "data: last\n\n"
        except asyncio.CancelledError:
            self.left.set()
            raise

    async def _break_off(self, request: Request) -> Response:
        async def pieces() -> AsyncIterator[str]:
            yield "data: first\n\n"
            raise ConnectionResetError

        return StreamingResponse(pieces(), media_type="text/event-stream")

    async def _hang(self, request: Request) -> Response:
        self.begun.set()
        while not await request.is_disconnected():
            await asyncio.sleep(0.005)
        self.left.set()
        return Response()


PATIENCE = 60.0
"""Seconds within which anything must have happened, on a busy machine too."""


@asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[str]:
    """Serve an app on a free port of this machine and give its address."""
    # uvicorn's protocol without its server, which takes 0.2 s to stop.
    config = uvicorn.Config(app, lifespan="off", log_level="critical")
    config.load()
    protocol: Any = config.http_protocol_class
    state = ServerState()
    async with app.router.lifespan_context(app) as shared:
        server = await asyncio.get_running_loop().create_server(
            lambda: protocol(config=config, server_state=state, app_state=shared or {}),
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
async def frontend_client(
    backend: FakeBackend | str, *, timeout: httpx.Timeout = TIMEOUT
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a running frontend in front of a fake backend or an address."""
    async with AsyncExitStack() as opened:
        if isinstance(backend, FakeBackend):
            backend = await opened.enter_async_context(serving(backend.app))
        app = create_app(backend, timeout=timeout)
        url = await opened.enter_async_context(serving(app))
        client = httpx.AsyncClient(
            base_url=url, trust_env=False, verify=False, timeout=PATIENCE
        )
        yield await opened.enter_async_context(client)


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
