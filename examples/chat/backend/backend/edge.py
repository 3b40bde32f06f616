"""The outermost layer: whose requests, how long, and how long they are worked on."""

import anyio
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.messages import BODY_LIMIT, ChatError
from backend.origin import is_foreign


class Edge:
    """Refuses foreign pages, reads the body, runs the app until the client has left.

    Cancelling the app cancels what it has asked of others, streamed or not.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if is_foreign(scope["method"], Headers(scope=scope)):
            words = "a page of another origin may not do this"
            refused = ChatError(403, "foreign_origin", words)
            await JSONResponse(refused.as_dict(), 403)(scope, receive, send)
            return
        try:
            body = await _read_body(receive)
        except ChatError as error:
            headers = {"Connection": "close"}
            refusal = JSONResponse(error.as_dict(), error.status, headers)
            await refusal(scope, receive, send)
            return
        if body is not None:
            await self._run_while_connected(scope, body, receive, send)

    async def _run_while_connected(
        self, scope: Scope, body: bytes, receive: Receive, send: Send
    ) -> None:
        async def receive_body() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async with anyio.create_task_group() as group:

            async def leave_with_client() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                group.cancel_scope.cancel()

            group.start_soon(leave_with_client)
            await self._app(scope, receive_body, send)
            group.cancel_scope.cancel()


async def _read_body(receive: Receive) -> bytes | None:
    """The whole body, None when the client leaves before its end."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT:
            raise ChatError(413, "body_too_long", "a request has at most 1 MiB")
        if not message.get("more_body"):
            return bytes(body)
