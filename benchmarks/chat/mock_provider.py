"""An OpenAI-shaped provider that answers at once: `python mock_provider.py PORT`."""

import json
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn

WORDS = ["The", " moon", " is", " 384,400", " km", " away."]
HEAD = {"id": "chatcmpl-1", "created": 1, "model": "mock"}
Message = MutableMapping[str, Any]


def _chunk(delta: dict[str, str], reason: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    chunk = {**HEAD, "object": "chat.completion.chunk", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n".encode()


CHUNKS = [_chunk({"role": "assistant", "content": ""}, None)]
CHUNKS += [_chunk({"content": word}, None) for word in WORDS]
CHUNKS += [_chunk({}, "stop"), b"data: [DONE]\n\n"]
REPLY = {"role": "assistant", "content": "".join(WORDS)}
WHOLE = json.dumps(
    {
        **HEAD,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": REPLY, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 6, "total_tokens": 15},
    }
).encode()


async def app(
    _: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Answer anything; streamed where the body asks for it."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    stream = b'"stream":true' in body.replace(b" ", b"")
    kind = b"text/event-stream" if stream else b"application/json"
    headers = [(b"content-type", kind)]
    if not stream:
        headers.append((b"content-length", str(len(WHOLE)).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for chunk in CHUNKS if stream else [WHOLE]:
        await send({"type": "http.response.body", "body": chunk, "more_body": stream})
    if stream:
        await send({"type": "http.response.body", "body": b"", "more_body": False})


if __name__ == "__main__":
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        log_level="warning",
        access_log=False,
    )
