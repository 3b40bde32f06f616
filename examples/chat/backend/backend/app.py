"""The endpoints: what is asked of the backend and what it answers."""

import re
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from math import ceil

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from backend import __version__
from backend.edge import Edge
from backend.messages import ChatError, check_session_id, read_chat_request
from backend.origin import LOCAL_ORIGINS
from backend.owned import Place
from backend.ratelimit import RateLimit
from backend.router import Reply, Router, Turn

COOKIE = "chat_user"
COOKIE_AGE = 365 * 24 * 3600
_USER_ID = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """The endpoints, over the router and the rate limit they use."""

    router: Router
    rate_limit: RateLimit
    place: Place

    async def health(self, request: Request) -> Response:
        """Say that the backend itself works; `/api/status` covers the router."""
        return JSONResponse({"status": "ok", "version": __version__})

    async def status(self, request: Request) -> Response:
        """Tell how the router is, where turns are counted, whether there is a key."""
        router = await self.router.health()
        return JSONResponse(
            {
                "router": {
                    "running": router.running,
                    "ready": router.ready,
                    "owned": self.place.owned,
                    "pid": self.place.router_pid(),
                    "status": router.report.get("status", "unreachable"),
                },
                "sessions": router.report.get("sessions"),
                "provider": router.provider,
                "rate_limit": {"store": self.rate_limit.store},
            }
        )

    async def chat(self, request: Request) -> Response:
        """Answer one turn, as JSON or, when asked for, as server-sent events."""
        kind = request.headers.get("Content-Type", "").split(";")[0].strip().lower()
        if kind != "application/json":
            raise ChatError(415, "not_json", "send application/json")
        asked = read_chat_request(await request.body())
        user = _read_user(request) or _new_id()
        wait = await self.rate_limit.take(user)
        if wait:
            words = "too many messages, try again in a moment"
            raise ChatError(429, "rate_limited", words, retry_after=ceil(wait))
        session = asked.session or _new_id()
        turn = Turn(
            user=user,
            session=session,
            message=asked.message,
            name=request.headers.get("Idempotency-Key", ""),
        )
        if "text/event-stream" in request.headers.get("Accept", ""):
            answer = await self._stream(turn)
        else:
            answer = await self._answer(turn)
        if request.cookies.get(COOKIE) != user:
            answer.set_cookie(
                COOKIE,
                user,
                max_age=COOKIE_AGE,
                httponly=True,
                samesite="lax",
                secure=_is_encrypted(request),
            )
        return answer

    async def _answer(self, turn: Turn) -> Response:
        # Streamed on this way too: silence then means that nothing is under way.
        async with self.router.answer(turn) as reply:
            text = "".join([piece async for piece in reply.pieces])
        return JSONResponse({"reply": text, **_about(turn, reply)})

    async def _stream(self, turn: Turn) -> Response:
        # What fails before the first piece is a plain refusal with its own status.
        opened = AsyncExitStack()
        answering = self.router.answer(turn)
        reply = await opened.enter_async_context(answering)
        return EventStream(_write_events(turn, reply), opened)

    async def load(self, request: Request) -> Response:
        """Give the messages of one of the user's conversations."""
        user, session = _read_user(request), request.path_params["session"]
        check_session_id(session)
        if user is None:
            raise ChatError(404, "no_such_session", "there is no such conversation")
        stored = await self.router.load(user, session)
        return Response(stored, media_type="application/json")

    async def delete(self, request: Request) -> Response:
        """Forget one of the user's conversations."""
        user, session = _read_user(request), request.path_params["session"]
        check_session_id(session)
        if user is not None:
            await self.router.delete(user, session)
        return Response(status_code=204)


class EventStream(StreamingResponse):
    """Server-sent events from something opened, closed however the stream ends."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], opened: AsyncExitStack) -> None:
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        super().__init__(events, headers=headers)
        self._opened = opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._opened:
            await self.stream_response(send)


async def _write_events(turn: Turn, reply: Reply) -> AsyncIterator[bytes]:
    try:
        async for piece in reply.pieces:
            if piece:
                yield b"data: " + msgspec.json.encode({"delta": piece}) + b"\n\n"
            else:
                yield b": waiting for the model\n\n"
    except ChatError as error:
        encoded = msgspec.json.encode(error.as_dict())
        yield b"event: error\ndata: " + encoded + b"\n\n"
    else:
        end = {"done": True, **_about(turn, reply)}
        yield b"data: " + msgspec.json.encode(end) + b"\n\n"


def _about(turn: Turn, reply: Reply) -> dict[str, str]:
    return {
        "session": turn.session,
        "route": reply.route,
        "durability": reply.durability,
    }


def _read_user(request: Request) -> str | None:
    """The user whom the cookie names, None without one that we have made."""
    user = request.cookies.get(COOKIE, "")
    return user if _USER_ID.fullmatch(user) else None


def _is_encrypted(request: Request) -> bool:
    """Whether the browser speaks TLS, with us or with the proxy in front."""
    forwarded = request.headers.get("X-Forwarded-Proto", "").split(",")[0].strip()
    return "https" in {forwarded.lower(), request.url.scheme}


def _new_id() -> str:
    return secrets.token_urlsafe(16)


async def _tell_refusal(request: Request, error: Exception) -> Response:
    """Every refusal in one shape: `{"error": {code, message, retry_after?}}`."""
    if isinstance(error, HTTPException):
        code = error.detail.lower().replace(" ", "_")
        refusal = ChatError(error.status_code, code, error.detail)
        headers = dict(error.headers or {})
    else:
        bug = ChatError(500, "internal_error", "something went wrong in the backend")
        refusal = error if isinstance(error, ChatError) else bug
        headers = {}
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(refusal.retry_after)
    return JSONResponse(refusal.as_dict(), refusal.status, headers)


def create_app(backend: Backend) -> Starlette:
    """The backend as an ASGI app."""
    cors = Middleware(
        CORSMiddleware,
        allow_origin_regex=LOCAL_ORIGINS,
        allow_credentials=True,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["Content-Type", "Idempotency-Key"],
        expose_headers=["Retry-After"],
    )
    return Starlette(
        routes=[
            Route("/health", backend.health),
            Route("/api/status", backend.status),
            Route("/api/chat", backend.chat, methods=["POST"]),
            Route("/api/chat/{session}", backend.load),
            Route("/api/chat/{session}", backend.delete, methods=["DELETE"]),
        ],
        middleware=[cors, Middleware(Edge)],
        exception_handlers={
            ChatError: _tell_refusal,
            HTTPException: _tell_refusal,
            Exception: _tell_refusal,
        },
    )
