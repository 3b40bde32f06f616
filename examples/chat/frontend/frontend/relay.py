"""Passes requests on to the backend and its answers back, piece by piece."""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

import anyio
import httpx
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

BODY_LIMIT = 1024 * 1024
# A little more patient than the router is with its provider for a whole reply.
TIMEOUT = httpx.Timeout(620.0, connect=2.0, pool=2.0)
# Shorter than the time after which the backend closes an idle connection.
LIMITS = httpx.Limits(
    max_connections=1000, max_keepalive_connections=100, keepalive_expiry=2.0
)
# These speak of one connection, or are written again for the next one.
OF_THE_CONNECTION = frozenset(
    b"connection content-length date host keep-alive proxy-authenticate"
    b" proxy-authorization server te trailer transfer-encoding upgrade".split()
)
CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """How to reach the backend.

    A transport and no client: a client keeps the cookies it sees, and would send one
    user's to the backend with the next user's request.
    """

    url: httpx.URL
    timeout: httpx.Timeout
    transport: httpx.AsyncHTTPTransport


class Relay:
    """An ASGI app in front of the backend; a client that leaves cancels the request."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if is_foreign(request):
            words = "a page of another origin may not do this"
            await refuse(403, "foreign_origin", words)(scope, receive, send)
            return
        body = bytearray()
        try:
            async for part in request.stream():
                body += part
                if len(body) > BODY_LIMIT:
                    words = "a request has at most 1 MiB"
                    await refuse(413, "body_too_long", words)(scope, receive, send)
                    return
            await self._pass_on_while_connected(request, bytes(body), send)
        except (ClientDisconnect, asyncio.CancelledError):
            pass  # the client has left, or the frontend is stopped: break off quietly

    async def _pass_on_while_connected(
        self, request: Request, body: bytes, send: Send
    ) -> None:
        async with anyio.create_task_group() as group:

            async def leave_with_client() -> None:
                while (await request.receive())["type"] != "http.disconnect":
                    pass
                group.cancel_scope.cancel()

            group.start_soon(leave_with_client)
            await pass_on(request, body, send)
            group.cancel_scope.cancel()


def is_foreign(request: Request) -> bool:
    """Whether a request that changes something comes from a page of another origin.

    A browser adds the user's cookie to what any page asks, and says which page that is.
    """
    origin = request.headers.get("Origin")
    if request.method not in CHANGES or origin is None:
        return False
    if request.headers.get("Sec-Fetch-Site") == "same-origin":
        return False  # also where a proxy has put another Host in
    host = urlsplit(origin).netloc.lower()
    names = (request.headers.get(name) for name in ("Host", "X-Forwarded-Host"))
    return not host or host not in {(name or "").lower() for name in names}


async def pass_on(request: Request, body: bytes, send: Send) -> None:
    """Ask the backend and send its answer on; one that breaks off breaks off here."""
    backend: Backend = request.state.backend
    path = backend.url.raw_path.rstrip(b"/") + request.scope["raw_path"]
    path += b"?" + request.scope["query_string"]
    asked = httpx.Request(
        request.method,
        backend.url.copy_with(raw_path=path.removesuffix(b"?")),
        # Its origin was looked at here, where it is also that of the page.
        headers=[
            pair for pair in keep_headers(request.headers.raw) if pair[0] != b"origin"
        ],
        content=body,
        extensions={"timeout": backend.timeout.as_dict()},
    )
    try:
        answer = await backend.transport.handle_async_request(asked)
    except httpx.HTTPError as error:
        await explain(error)(request.scope, request.receive, send)
        return
    headers = keep_headers(answer.headers.raw)
    if "content-length" in answer.headers:
        headers.append((b"content-length", answer.headers["content-length"].encode()))
    start = {"status": answer.status_code, "headers": headers}
    try:
        await send({"type": "http.response.start", **start})
        async for part in answer.aiter_raw():
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body"})
    except httpx.HTTPError:
        pass  # the server closes the connection: the page sees a reply without its end
    finally:
        await answer.aclose()


def keep_headers(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers that are passed on, in lower case, repeated ones included."""
    return [
        (name.lower(), value)
        for name, value in headers
        if name.lower() not in OF_THE_CONNECTION
    ]


def explain(error: httpx.HTTPError) -> JSONResponse:
    """What a backend that does not answer means to the page."""
    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.PoolTimeout():
            words = "the backend is away at the moment"
            return refuse(503, "backend_unavailable", words)
        case httpx.TimeoutException():
            words = "the backend took too long to answer"
            return refuse(504, "backend_timeout", words)
        case _:
            return refuse(502, "backend_lost", "the backend broke off")


def refuse(status: int, code: str, message: str) -> JSONResponse:
    """A refusal in the backend's shape, so that the page needs to know only one."""
    body = {"error": {"code": code, "message": message}}
    return JSONResponse(body, status, {"Connection": "close"})
