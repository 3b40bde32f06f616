"""The board: from an event to the page, the first paint, its cost, many lines.

``python benchmarks/board/bench_board.py [EVENTS] [LOADS] [SECONDS]``. It needs Chromium
and Playwright.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.table import Limit, Row, describe, read_count, report

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
PAINT = """() => new Promise((resolve) => {
  const look = () => {
    const seen = performance.getEntriesByName('first-contentful-paint');
    if (seen.length) resolve(seen[0].startTime); else setTimeout(look, 20); };
  look();
})"""
CARDS = """() => new Promise((resolve) => {
  const look = () => {
    if (document.querySelector('.card.ready')) resolve(performance.now());
    else requestAnimationFrame(look); };
  look();
})"""
SCROLL = """() => new Promise((resolve) => {
  const holder = document.getElementById('lines'); const frames = [];
  let last = performance.now(); const began = last; let down = false;
  const step = (now) => { frames.push(now - last); last = now;
    down = holder.scrollTop <= 0 ? true : holder.scrollTop + holder.clientHeight
      >= holder.scrollHeight - 5 ? false : down;
    holder.scrollTop += down ? 4000 : -4000;
    if (now - began < 6000) requestAnimationFrame(step);
    else resolve(frames.slice(2)); };
  requestAnimationFrame(step);
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
def serve(folder: Path, *words: str) -> Iterator[tuple[int, str]]:
    """A run with a board of its own: the pid of the board, and its address."""
    with (
        start(folder, "run", *words),
        start(folder, "board", "--port", "0") as (board, said),
    ):
        found = re.search(r"http://\S+", said)
        assert found is not None, said
        yield board.pid, found[0]


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


def find_pid(folder: Path, service: str) -> int:
    """The pid of a service that is ready."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        done = subprocess.run(
            [sys.executable, "-m", "composegen", "status", "--format", "json"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        for each in json.loads(done.stdout):
            if each["service"] == service and each["state"] == "ready":
                return int(each["pid"])
    raise AssertionError(service)


def measure_events(folder: Path, page: Any, times: int) -> list[float]:
    """Milliseconds from a kill to the card that says so, one service after another."""
    found = []
    for number in range(times):
        name = f"s{number % COUNT}"
        pid = find_pid(folder, name)
        page.locator(f'.card.ready[data-service="{name}"]').wait_for()
        page.evaluate(f"() => {{ window.seen = ({WATCH})('{name}'); }}")
        at = time.time() * 1000
        os.kill(pid, signal.SIGKILL)
        found.append(page.evaluate("() => window.seen") - at)
    return found


def read_heap(page: Any) -> float:
    """Megabytes that the page holds, after a collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return float(used) / 1e6


def measure_quiet(browser: Any, folder: Path) -> list[Row]:
    """Ten services at rest, and each killed in turn."""
    events, loads, seconds = (
        read_count(0, 50, 5),
        read_count(1, 20, 3),
        read_count(2, 60, 5),
    )
    with serve(folder) as (pid, url):
        paints, cards = [], []
        for _ in range(loads):
            page = open_page(browser, url)
            cards.append(page.evaluate(CARDS))
            paints.append(page.evaluate(PAINT))
            page.close()
        page = open_page(browser, url)
        cpu = measure_cpu(pid, seconds, page)
        took = measure_events(folder, page, events)
        page.close()
    return [
        Row(
            figure="from the death of a process to its card",
            ours=describe(took, " ms", 0),
            times=f"{events} times",
            **Limit(value=150, unit=" ms").judge(took),  # type: ignore[arg-type]
        ),
        Row(
            figure="first paint",
            ours=describe(paints, " ms", 0),
            times=f"{loads} times",
            **Limit(value=300, unit=" ms").judge(paints),  # type: ignore[arg-type]
        ),
        Row(
            figure="first paint of the services",
            ours=describe(cards, " ms", 0),
            times=f"{loads} times",
        ),
        Row(
            figure="CPU of the board at rest, ten services, one page",
            ours=f"{cpu:.1f} % of a core",
            times=f"{seconds} s",
            **Limit(value=3, unit=" %").judge([cpu]),  # type: ignore[arg-type]
        ),
    ]


def measure_lines(browser: Any, folder: Path) -> list[Row]:
    """A service that prints 5,000 lines a second, all on the page."""
    seconds = read_count(2, 60, 5)
    with serve(folder, "loud") as (pid, url):
        page = open_page(browser, url)
        page.locator("#tab-logs").click()
        page.wait_for_timeout(max(3, 110_000 / LINES) * 1000)
        before = read_heap(page)
        cpu = measure_cpu(pid, seconds, page)
        after = read_heap(page)
        said = page.locator("#log-state").inner_text()
        page.locator("#log-pause").click()
        frames = sorted(page.evaluate(SCROLL))
        page.close()
    late = frames[int(len(frames) * 0.99)]
    return [
        Row(
            figure=f"CPU of the board, {LINES:,} lines a second on one page",
            ours=f"{cpu:.1f} % of a core",
            times=f"{seconds} s; {said}",
            **Limit(value=15, unit=" %").judge([cpu]),  # type: ignore[arg-type]
        ),
        Row(
            figure="memory of the page meanwhile, after a collection",
            ours=f"{after:.1f} MB",
            beside=f"{before:.1f} MB before",
            times=f"{seconds} s",
        ),
        Row(
            figure="scrolling 100,000 lines: 99 % of the frames",
            ours=f"{late:.0f} ms",
            times=f"{len(frames)} frames, while lines come",
            **Limit(value=50, unit=" ms").judge([late]),  # type: ignore[arg-type]
        ),
    ]


if __name__ == "__main__":
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        write(folder)
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        rows = measure_quiet(browser, folder) + measure_lines(browser, folder)
        browser.close()
    report("The board", rows)
