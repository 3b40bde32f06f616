"""Stacks that the board shows, and pages of it in Chromium."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.browsers import BoardPage
from tests.e2e.stacks import Running, Stack, make_service
from tests.leaks import find_port, find_running_in

PICTURES = os.environ.get("BOARD_PICTURES", "")
"""A folder into which pictures are put; none are where it is empty."""

SERVER = """
import http.server, os, sys, threading, time
def speak():
    while not os.path.exists("speak"): time.sleep(0.05)
    for number in range(100_000): print(number, "x" * 200, flush=True)
    open("spoken", "w").close()
if os.environ.get("LOUD"): threading.Thread(target=speak, daemon=True).start()
print("\\x1b[32mlistening\\x1b[0m", flush=True)
print("<img src=x onerror=alert(1)> \\x1b]0;title\\x07", flush=True)
if os.environ.get("BROKEN"): sys.exit("ERROR: it is broken")
class Fine(http.server.BaseHTTPRequestHandler):
    def do_GET(self): self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
port = int(os.environ.get("PORT", "8000"))
http.server.HTTPServer(("", port), Fine).serve_forever()
"""


def write(stack: Stack, **more: Any) -> None:
    """A chain with an optional store; `more` are keys of services by their names."""
    (stack.folder / "server.py").write_text(SERVER)
    needs = {
        "web": {"api": "API_URL"},
        "api": {"cache": {"otherwise": {"env": {"STORE": "memory"}, "note": "slower"}}},
    }
    services = {}
    for name in ("web", "api", "cache"):
        local = {"command": [sys.executable, "-S", "server.py"], "port": find_port()}
        health = {"http": "/", "boot": "20s", "interval": "1s"}
        keys = {
            "health": health,
            "local": local,
            **({"needs": needs[name]} if name in needs else {}),
        }
        services[name] = make_service(SERVER, **{**keys, **more.get(name, {})})
    services["web"]["publish"] = f"{find_port()}:8000"
    stack.write(services, name=stack.name)


@contextmanager
def open_board(
    stack: Stack, browser: Any, *words: str, width: int = 1280, **options: Any
) -> Iterator[tuple[BoardPage, Running]]:
    """The board of a stack, and a page of it without faults."""
    with (
        stack.start("board", "--port", "0", *words) as running,
        open_served(browser, running, width=width, **options) as page,
    ):
        yield page, running


@contextmanager
def open_served(browser: Any, running: Running, **options: Any) -> Iterator[BoardPage]:
    """A page of a board that has been started, once it says where it is."""
    running.wait_for("http://127.0.0.1:")
    with open_page(browser, running.said, **options) as page:
        yield page


@contextmanager
def open_page(
    browser: Any, said: str, *, width: int = 1280, **options: Any
) -> Iterator[BoardPage]:
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    page = BoardPage(context.new_page(), said)
    try:
        yield page
        assert page.faults == []
    finally:
        context.close()


def find_board(stack: Stack) -> int:
    """The process of the board that a command has started."""
    [board] = [
        pid
        for pid, words in find_running_in(stack.folder).items()
        if " board " in words
    ]
    return board


def take_picture(page: BoardPage, name: str) -> None:
    """A picture for people, where one is wanted."""
    if PICTURES:
        page.page.screenshot(path=str(Path(PICTURES, f"{name}.png")))


@contextmanager
def run_stack(stack: Stack, *words: str, **variables: str) -> Iterator[Running]:
    with stack.start("run", *words, **variables) as running:
        running.wait_for("Ctrl-C ends it")
        yield running
        running.process.send_signal(signal.SIGINT)
        running.process.wait(180)
