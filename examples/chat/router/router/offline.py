"""The offline responder: replies without any provider, and says that it does."""

import asyncio
import re
import time
from collections.abc import AsyncGenerator
from typing import Any

import msgspec

from router.provider import Call, Piece
from router.wire import encode_json

_QUOTED = 200


class OfflineProvider:
    """Replies the same to the same message; `pause` is between words, in seconds."""

    def __init__(self, pause: float = 0.02) -> None:
        self._pause = pause

    def describe(self) -> dict[str, str]:
        return {"mode": "offline", "host": "", "key": "missing"}

    async def complete(self, call: Call) -> Piece:
        text = _reply(call)
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        body = _envelope(call, "chat.completion") | {
            "choices": [choice],
            "usage": _count_words(call),
        }
        return Piece(encode_json(body), text, last=True)

    async def stream(self, call: Call) -> AsyncGenerator[Piece, None]:
        envelope = _envelope(call, "chat.completion.chunk")
        yield _chunk(envelope, {"role": "assistant", "content": ""})
        for word in re.findall(r"\s*\S+\s*$|\s*\S+", _reply(call)):
            yield _chunk(envelope, {"content": word}, word)
            await asyncio.sleep(self._pause)
        yield _chunk(envelope, {}, last=True)
        if _wants_usage(call):
            usage = {"choices": [], "usage": _count_words(call)}
            yield Piece(encode_json(envelope | usage))

    async def close(self) -> None:
        """There is nothing to close."""


def _reply(call: Call) -> str:
    said = call.text if len(call.text) <= _QUOTED else f"{call.text[:_QUOTED]}.."
    return (
        f"You said: {said}\n\nThis is the offline responder: no provider is "
        "configured. Set GROQ_API_KEY, or LLM_BASE_URL and LLM_API_KEY, to talk to "
        "a real model."
    )


def _count_words(call: Call) -> dict[str, int]:
    asked, said = len(call.text.split()), len(_reply(call).split())
    return {
        "prompt_tokens": asked,
        "completion_tokens": said,
        "total_tokens": asked + said,
    }


def _wants_usage(call: Call) -> bool:
    """Whether the client asked for a last chunk with the usage."""
    options = call.fields.get("stream_options")
    try:
        wanted = msgspec.json.decode(options or b"null")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
    return isinstance(wanted, dict) and wanted.get("include_usage") is True


def _envelope(call: Call, kind: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-offline",
        "object": kind,
        "created": int(time.time()),
        "model": call.fields["model"],
    }


def _chunk(
    envelope: dict[str, Any], delta: dict[str, str], text: str = "", last: bool = False
) -> Piece:
    reason = "stop" if last else None
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return Piece(encode_json(envelope | {"choices": [choice]}), text, last)
