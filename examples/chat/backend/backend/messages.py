"""The shapes and limits of what goes over the wire, towards callers and the router."""

import re
from typing import Any

import msgspec

BODY_LIMIT = 1024 * 1024
MESSAGE_LIMIT = 64 * 1024

_ID = re.compile(r"[A-Za-z0-9._~:@+=-]{1,128}")


class ChatError(Exception):
    """A turn or request that cannot be served: status, code, words for people."""

    def __init__(
        self, status: int, code: str, message: str, *, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after

    def as_dict(self) -> dict[str, Any]:
        """The body of the answer, the same in JSON and in an `event: error`."""
        error = {"code": self.code, "message": self.message}
        if self.retry_after is not None:
            return {"error": {**error, "retry_after": self.retry_after}}
        return {"error": error}


class ChatRequest(msgspec.Struct, frozen=True):
    """The body of `POST /api/chat`; without a session a new one begins."""

    message: str
    session: str | None = None


class _Text(msgspec.Struct, frozen=True):
    content: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    delta: _Text = _Text()
    message: _Text = _Text()


class Completion(msgspec.Struct, frozen=True):
    """What is read of the router's answer, streamed chunk or whole."""

    choices: list[_Choice] = []
    error: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        """The text of this chunk or answer; empty for one that carries none."""
        if not self.choices:
            return ""
        choice = self.choices[0]
        return choice.delta.content or choice.message.content or ""


def read_chat_request(body: bytes) -> ChatRequest:
    """Decode and check a turn; raises ChatError 400, or 413 for a long message."""
    try:
        asked = msgspec.json.decode(body, type=ChatRequest)
    except ValueError as error:
        raise ChatError(400, "bad_request", f"not a chat message: {error}") from error
    if not asked.message.strip():
        raise ChatError(400, "bad_request", "the message is empty")
    if len(asked.message.encode()) > MESSAGE_LIMIT:
        raise ChatError(413, "message_too_long", "a message has at most 64 KiB")
    if asked.session is not None:
        check_session_id(asked.session)
    return asked


def check_session_id(session: str) -> None:
    """Raise ChatError 400 unless this may be the id of a session."""
    if not _ID.fullmatch(session) or session in (".", ".."):
        words = "a session id is 1 to 128 of A-Z a-z 0-9 . _ ~ : @ + = -"
        raise ChatError(400, "bad_session_id", words)
