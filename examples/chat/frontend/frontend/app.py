"""The page with its strict headers, `/health`, and `/api` passed on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from frontend import __version__
from frontend.relay import LIMITS, TIMEOUT, Backend, Relay

STATIC = Path(__file__).parent / "static"
HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class StrictHeaders:
    """Adds the headers to every answer; a new version of the page is seen at once."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        await self._app(scope, receive, send_with_headers)


async def tell_health(request: Request) -> Response:
    """Say that the frontend itself works; `/api/status` covers the others."""
    return JSONResponse({"status": "ok", "version": __version__})


def create_app(backend_url: str, *, timeout: httpx.Timeout = TIMEOUT) -> Starlette:
    """The frontend as an ASGI app in front of a backend."""

    @asynccontextmanager
    async def connect(app: Starlette) -> AsyncIterator[dict[str, Backend]]:
        url = httpx.URL(backend_url)
        async with httpx.AsyncHTTPTransport(limits=LIMITS, trust_env=False) as opened:
            backend = Backend(url=url, timeout=timeout, transport=opened)
            yield {"backend": backend}

    return Starlette(
        routes=[
            Route("/health", tell_health),
            Route("/api/{path:path}", Relay()),
            Mount("/", StaticFiles(directory=STATIC, html=True)),
        ],
        middleware=[Middleware(StrictHeaders)],
        lifespan=connect,
    )
