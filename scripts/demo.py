"""One conversation with the chat stack, for ``make demo``.

It runs in the frontend's place, where BACKEND_URL is set:
``composegen run -f examples/chat/stack.yaml frontend -- python scripts/demo.py``.
"""

import json
import os
import sys
from urllib.request import HTTPCookieProcessor, Request, build_opener

QUESTIONS = ("Hello, who are you?", "And what did I just ask you?")
_TIMEOUT = 60


def main() -> None:
    """Ask, print, and fail when a reply is missing."""
    backend = os.environ["BACKEND_URL"]
    opener = build_opener(HTTPCookieProcessor())
    session = None
    for question in QUESTIONS:
        body = {"message": question} | ({"session": session} if session else {})
        request = Request(
            f"{backend}/api/chat",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with opener.open(request, timeout=_TIMEOUT) as answer:
            said = json.load(answer)
        session = said["session"]
        print(f"\nyou     {question}")
        print(f"{said['route'].partition(';')[0]:<7} {said['reply']}")
    if not session:
        sys.exit("the backend began no conversation")


if __name__ == "__main__":
    main()
