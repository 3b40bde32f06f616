"""The page's server: files, one WebSocket a page, acts; for this user alone.

The page itself holds no data. A request must name this server as its host, come from
its own page, and show the token.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from composegen.board.acts import DOWN, DRILL, END_DRILL, Acts
from composegen.board.figures import Figures
from composegen.board.logs import LogBook
from composegen.board.session import Session, Sources
from composegen.board.shared import Shared
from composegen.places.place import Act, Place
from composegen.records import record

_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/board.css": ("board.css", "text/css; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    "/board.js": ("board.js", "text/javascript; charset=utf-8"),
    "/choice.js": ("choice.js", "text/javascript; charset=utf-8"),
    "/drill.js": ("drill.js", "text/javascript; charset=utf-8"),
    "/drawing.js": ("drawing.js", "text/javascript; charset=utf-8"),
    "/lines.js": ("lines.js", "text/javascript; charset=utf-8"),
}
_FORBIDDEN = 403
_PATIENCE = 10.0
_PACE = 0.05
_MOST_BODY = 16 * 1024
_WRONG_TOKEN = 4401

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@record
class Site:
    """Where the page is served, with which token; ``is_read_only``: without acts."""

    port: int
    token: str
    folder: Path
    is_read_only: bool = False

    @property
    def hosts(self) -> tuple[str, ...]:
        """What a request may name as its host."""
        return f"127.0.0.1:{self.port}", f"localhost:{self.port}"

    @property
    def origins(self) -> tuple[str, ...]:
        """The pages that may ask for something."""
        return tuple(f"http://{host}" for host in self.hosts)

    def is_token(self, shown: str) -> bool:
        """Whether it is the token; how long that takes says nothing about it."""
        return secrets.compare_digest(shown.encode(), self.token.encode())


class Door:
    """Lets in what names this server and comes from its page; 403 for all else."""

    def __init__(self, app: Any, site: Site) -> None:
        self._app = app
        self._site = site
        sockets = " ".join(f"ws://{host}" for host in site.hosts)
        self._headers = [
            (
                b"content-security-policy",
                "default-src 'none'; script-src 'self'; style-src 'self'; "
                f"img-src 'self'; connect-src 'self' {sockets}; base-uri 'none'; "
                "form-action 'none'; frame-ancestors 'none'".encode(),
            ),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            (b"cache-control", b"no-store"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        if not self._may_enter(scope):
            await Response(status_code=_FORBIDDEN)(scope, receive, send)
            return

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._headers]
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _may_enter(self, scope: Scope) -> bool:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        origins = [value for name, value in scope["headers"] if name == b"origin"]
        if len(hosts) != 1 or hosts[0].decode("latin-1") not in self._site.hosts:
            return False
        is_plain = scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}
        if not origins:
            return is_plain
        return len(origins) == 1 and origins[0].decode("latin-1") in self._site.origins


class Server:
    """Pages, and what they share.

    ``find_place`` says which place is shown, and a number that grows with each other
    one: another run, another place.
    """

    def __init__(
        self,
        site: Site,
        acts: Acts,
        find_place: Callable[[], tuple[Place | None, int]],
        *,
        shared: Shared,
        book: LogBook,
        figures: Figures,
    ) -> None:
        self._site = site
        self._acts = acts
        self._find_place = find_place
        self._read_turn = 0
        self._sessions: set[Session] = set()
        self._wanting = 0
        self._is_woken = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._book = book
        self._sources = Sources(
            shared=shared,
            book=book,
            figures=figures,
            find_place=lambda: self._find_place()[0],
            want_logs=self._want_logs,
        )

    def make_app(self) -> Door:
        """The application, behind its door."""
        routes = [
            *(Route(path, self._send_file, methods=["GET"]) for path in _FILES),
            Route("/acts", self._act, methods=["POST"]),
            WebSocketRoute("/live", self._welcome),
        ]
        return Door(Starlette(routes=routes), self._site)

    async def _send_file(self, request: Request) -> Response:
        name, kind = _FILES[request.url.path]
        content = await run_in_threadpool((self._site.folder / name).read_bytes)
        return Response(content, headers={"content-type": kind})

    # Pages

    async def _welcome(self, socket: WebSocket) -> None:
        self._loop = asyncio.get_running_loop()
        await socket.accept()
        if not await self._is_known(socket):
            with suppress(RuntimeError, WebSocketDisconnect):
                await socket.close(_WRONG_TOKEN)
            return
        session = Session(socket, self._sources)
        self._sessions.add(session)
        try:
            await session.carry_out()
        finally:
            self._sessions.discard(session)

    async def _is_known(self, socket: WebSocket) -> bool:
        """Whether the first message shows the token, in time."""
        try:
            async with asyncio.timeout(_PATIENCE):
                said = json.loads(await socket.receive_text())
            return self._site.is_token(str(said["token"]))
        except (TimeoutError, ValueError, KeyError, TypeError, WebSocketDisconnect):
            return False

    # Lines of logs are read while a page wants them

    def _want_logs(self, change: int) -> None:
        before, self._wanting = self._wanting, self._wanting + change
        if before == 0:
            self._read_logs(is_again=False)
        elif self._wanting == 0:
            self._book.stop()

    def read_logs_again(self) -> None:
        """Read the lines of the place that is shown now; in the loop's thread."""
        self._read_logs(is_again=True)

    @property
    def read_turn(self) -> int:
        """The turn of the place whose logs are read, or were."""
        return self._read_turn

    def _read_logs(self, *, is_again: bool) -> None:
        place, turn = self._find_place()
        if self._wanting and place is not None:
            self._read_turn = turn
            self._book.read(place, is_again=is_again)

    def tell_lines(self) -> None:
        """Lines have come; from any thread, as often as they come."""
        loop = self._loop
        if self._is_woken or loop is None:
            return
        self._is_woken = True
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(loop.call_later, _PACE, self._wake)

    def _wake(self) -> None:
        self._is_woken = False
        for session in self._sessions:
            session.hear_lines()

    def call_in_loop(self, function: Callable[[], None]) -> None:
        """Call a function in the loop's thread, if there is a page."""
        if self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(function)

    # Acts

    async def _act(self, request: Request) -> Response:
        shown = request.headers.get("authorization", "")
        if not self._site.is_token(shown.removeprefix("Bearer ")):
            return Response(status_code=401)
        if self._site.is_read_only:
            return Response(status_code=405)
        asked = await _read_body(request)
        if asked is None:
            return Response(status_code=400)
        act, services = asked
        return JSONResponse(await run_in_threadpool(self._acts.perform, act, services))


async def _read_body(request: Request) -> tuple[str, list[str]] | None:
    """The act and the services that are asked for; None where it is no such thing."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BODY:
            return None
    try:
        asked = json.loads(body)
        act, services = asked["act"], asked["services"]
    except (ValueError, KeyError, TypeError):
        return None
    is_list = isinstance(services, list) and all(isinstance(s, str) for s in services)
    return (
        (act, services) if act in {*Act, DOWN, DRILL, END_DRILL} and is_list else None
    )
