"""One service of the compared stack: connects to what it needs, boots, answers /health.

It notes its start, its readiness and its end in a folder, from which the comparison
reads what happened. Only the standard library is used, so that it runs in any image.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def read_words() -> argparse.Namespace:
    """What this service is told to be."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--boot", type=float, default=0.3)
    parser.add_argument("--needs", default="", help="name:host:port, by commas")
    parser.add_argument("--host", default="0.0.0.0")
    parser.add_argument("--fault", default="")
    parser.add_argument("--patience", type=float, default=0.0)
    return parser.parse_args()


class Journal:
    """Lines in a file of this service: when, what, and which process."""

    def __init__(self, name: str) -> None:
        self._folder = Path(os.environ.get("JOURNAL", "journal"))
        self._path = self._folder / f"{name}.log"

    def note(self, what: str) -> None:
        """Add a line; one short write, so that two processes do not mix theirs."""
        line = f"{time.time():.4f} {what} {os.getpid()}\n"
        with self._path.open("a") as file:
            file.write(line)

    def has(self, name: str) -> bool:
        """Whether the comparison has put a file there."""
        return (self._folder / name).exists()


def connect(name: str, needs: str, patience: float) -> None:
    """Connect to each required service, as many programs do when they start."""
    end = time.monotonic() + patience
    for need in filter(None, needs.split(",")):
        other, host, port = need.split(":")
        while True:
            try:
                socket.create_connection((host, int(port)), timeout=2).close()
            except OSError as error:
                if time.monotonic() < end:
                    time.sleep(0.1)
                    continue
                print(f"{name}: cannot reach {other}: {error}", file=sys.stderr)
                raise SystemExit(1) from None
            break


def fail(fault: str, journal: Journal, name: str) -> None:
    """The faults that show before it serves."""
    if journal.has(f"{name}-fails"):
        print(f"{name}: its disk is gone", file=sys.stderr)
        raise SystemExit(1)
    if fault == "crash":
        raise RuntimeError("the settings are wrong")
    if fault == "ends":
        raise SystemExit(0)
    if fault == "variable":
        print(f"token of {len(os.environ['TOKEN'])} letters")
    if fault == "memory":
        held = []
        while True:
            held.append(bytearray(16 << 20))
            time.sleep(0.02)


class Answer(BaseHTTPRequestHandler):
    """Answers every path."""

    status = 200

    def do_GET(self) -> None:
        """Answer with the status that this service has."""
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Be the service."""
    words = read_words()
    journal = Journal(words.name)
    journal.note("start")
    fail(words.fault, journal, words.name)
    connect(words.name, words.needs, words.patience)
    time.sleep(words.boot)
    if not words.port:
        journal.note("done")
        return
    Answer.status = 500 if words.fault == "unhealthy" else 200
    server = ThreadingHTTPServer((words.host, words.port), Answer)
    journal.note("ready")
    print(f"{words.name} listens", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
