"""What the benchmarks of the board share: stacks, boards and pages of Chromium."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
COUNT, LINES = 10, 5000
DEADLINE = 120
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")

SERVER = """
import os, signal, socket
server = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
while True:
    connection, _ = server.accept()
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    connection.close()
"""
LOUD = f"""
import threading, time, sys
def speak():
    number, began = 0, time.monotonic()
    while True:
        due = int((time.monotonic() - began) * {LINES})
        if due > number:
            sys.stdout.write("".join(
                f"\\x1b[32mINFO\\x1b[0m request {{n}} took 12 ms, status 200\\n"
                for n in range(number, due)))
            sys.stdout.flush()
            number = due
        time.sleep(0.02)
threading.Thread(target=speak, daemon=True).start()
{SERVER}
"""

# In the page: when a card is no longer ready, in milliseconds since 1970.
WATCH = """(name) => new Promise((resolve) => {
  const card = document.querySelector(`.card[data-service="${name}"]`);
  const look = () => { if (!card.classList.contains('ready')) {
    watcher.disconnect(); resolve(performance.timeOrigin + performance.now()); } };
  const watcher = new MutationObserver(look);
  watcher.observe(card, {attributes: true, subtree: true, childList: true});
})"""


def find_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


def write(folder: Path) -> None:
    """Ten services; one of them prints lines when it is called loud."""
    (folder / "server.py").write_text(SERVER)
    (folder / "loud.py").write_text(LOUD)
    services = [
        f"""  s{number}:
    image: python:3.12-slim
    port: {find_port()}
    health: {{http: /}}
    local: {{command: ['{sys.executable}', -S, server.py]}}
"""
        for number in range(COUNT)
    ]
    loud = f"""  loud:
    image: python:3.12-slim
    port: {find_port()}
    health: {{http: /}}
    enabled: false
    local: {{command: ['{sys.executable}', -S, loud.py]}}
"""
    (folder / "stack.yaml").write_text("services:\n" + "".join(services) + loud)


@contextmanager
def start(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A command of composegen that goes on, and what it has said of its readiness."""
    process = subprocess.Popen(
        [sys.executable, "-m", "composegen", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    said = ""
    try:
        assert process.stdout is not None
        for line in process.stdout:
            said += line
            if "Ctrl-C ends" in line or line.startswith("http://"):
                break
        yield process, said
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE)


@contextmanager
def open_board(folder: Path) -> Iterator[tuple[int, str]]:
    """The pid of a board, and its address."""
    with start(folder, "board", "--port", "0") as (board, said):
        found = re.search(r"http://\S+", said)
        assert found is not None, said
        yield board.pid, found[0]


@contextmanager
def serve(folder: Path, *words: str) -> Iterator[tuple[int, str]]:
    """A run with a board of its own: the pid of the board, and its address."""
    with start(folder, "run", *words), open_board(folder) as served:
        yield served


@contextmanager
def open_browser() -> Iterator[Any]:
    """A headless Chromium."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


def read_cpu(pid: int) -> float:
    """Seconds of CPU of one process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure_cpu(pid: int, seconds: float, page: Any) -> float:
    """Per cent of a core, while the page is open."""
    before, began = read_cpu(pid), time.monotonic()
    page.wait_for_timeout(seconds * 1000)
    return (read_cpu(pid) - before) / (time.monotonic() - began) * 100


def open_page(browser: Any, url: str) -> Any:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(DEADLINE * 1000)
    page.goto(url)
    page.locator(".card.ready").first.wait_for()
    return page


def read_status(folder: Path) -> list[dict[str, Any]]:
    """What `status` says of each service."""
    done = subprocess.run(
        [sys.executable, "-m", "composegen", "status", "--format", "json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return list(json.loads(done.stdout))


def watch_card(page: Any, name: str) -> None:
    """Note in the page when a service is no longer ready."""
    page.locator(f'.card.ready[data-service="{name}"]').wait_for()
    page.evaluate(f"() => {{ window.seen = ({WATCH})('{name}'); }}")


def read_heap(page: Any) -> float:
    """Megabytes that the page holds, after a collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return float(used) / 1e6
