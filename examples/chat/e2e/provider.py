"""A provider in OpenAI's shape for the browser test: what it is asked decides the pace.

`python provider.py PORT`. To a message with "slowly" in it the words come one by one
for a minute, to one with "thoughtfully" the first comes after 70 s; else at once.
`GET /seen` tells how many turns it was asked and how many of them were cancelled.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

LONG = 70.0
"""Seconds: longer than the 60 that nginx and many others wait for a first byte."""
seen = {"asked": 0, "cancelled": 0}


async def complete(request: Request) -> Response:
    asked = await request.json()
    seen["asked"] += 1
    # The router joins questions that had no reply, with a blank line between.
    questions = [
        question
        for message in asked["messages"]
        if message["role"] == "user"
        for question in message["content"].split("\n\n")
    ]
    text = (
        f"You have told me {len(questions)} things, the last was **{questions[-1]}**."
    )
    pace = 0.0
    if "slowly" in questions[-1]:
        text, pace = " ".join(f"word{number}" for number in range(600)), 0.1
    if "thoughtfully" in questions[-1]:
        await asyncio.sleep(LONG)
    if not asked.get("stream"):
        return JSONResponse({"choices": [{"message": {"content": text}}]})
    return StreamingResponse(stream(text, pace), media_type="text/event-stream")


async def stream(text: str, pace: float) -> AsyncIterator[str]:
    try:
        for word in text.split(" "):
            yield write_chunk({"delta": {"content": f"{word} "}})
            await asyncio.sleep(pace)
        yield write_chunk({"delta": {}, "finish_reason": "stop"})
        yield "data: [DONE]\n\n"
    except asyncio.CancelledError:
        seen["cancelled"] += 1
        raise


def write_chunk(choice: dict[str, Any]) -> str:
    return f"data: {json.dumps({'choices': [{'index': 0, **choice}]})}\n\n"


async def tell_seen(request: Request) -> Response:
    return JSONResponse(seen)


app = Starlette(
    routes=[
        Route("/v1/chat/completions", complete, methods=["POST"]),
        Route("/seen", tell_seen),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
