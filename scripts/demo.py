"""Brings the chat stack up without containers, holds one conversation, takes it down.

``python scripts/demo.py``, where composegen and the three services are installed.
"""

import http.client
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

CHAT = Path(__file__).parents[1] / "examples" / "chat"
BACKEND = ("127.0.0.1", 3002)
DEADLINE = 120
QUESTION = "Hello! Which route do you take?"


def is_up() -> bool:
    """Whether the whole stack says that it is ready, in words of one status."""
    answer = subprocess.run(
        [sys.executable, "-m", "composegen", "status", "-f", str(CHAT / "stack.yaml")],
        capture_output=True,
        check=False,
    )
    return answer.returncode == 0


def talk(question: str) -> str:
    """One turn of a conversation, through the backend."""
    connection = http.client.HTTPConnection(*BACKEND, timeout=30)
    body = json.dumps({"message": question})
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/api/chat", body, headers)
    answer = connection.getresponse()
    data = json.loads(answer.read())
    if answer.status != http.client.OK:
        raise RuntimeError(f"{answer.status}: {data}")
    return str(data["reply"])


def main() -> int:
    command = [sys.executable, "-m", "composegen", "run"]
    command += ["-f", str(CHAT / "stack.yaml")]
    with subprocess.Popen(command) as stack:
        try:
            deadline = time.monotonic() + DEADLINE
            while not is_up():
                if stack.poll() is not None or time.monotonic() > deadline:
                    sys.stderr.write("the stack did not come up\n")
                    return 1
                time.sleep(0.2)
            sys.stdout.write(f"\nyou:    {QUESTION}\nrouter: {talk(QUESTION)}\n\n")
            sys.stdout.flush()
        finally:
            stack.send_signal(signal.SIGINT)
    return 0 if stack.returncode == 128 + signal.SIGINT else 1


if __name__ == "__main__":
    sys.exit(main())
