"""The board: from an event to the page, the first paint, its cost, many lines.

``python benchmarks/board/bench_board.py [EVENTS] [LOADS] [SECONDS]``. It needs Chromium
and Playwright.
"""

import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.board.boards import (
    COUNT,
    DEADLINE,
    LINES,
    measure_cpu,
    open_browser,
    open_page,
    read_heap,
    read_status,
    serve,
    watch_card,
    write,
)
from benchmarks.table import Limit, Row, describe, read_count, report

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


def find_pid(folder: Path, service: str) -> int:
    """The pid of a service that is ready."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        for each in read_status(folder):
            if each["service"] == service and each["state"] == "ready":
                return int(each["pid"])
    raise AssertionError(service)


def measure_events(folder: Path, page: Any, times: int) -> list[float]:
    """Milliseconds from a kill to the card that says so, one service after another."""
    found = []
    for number in range(times):
        name = f"s{number % COUNT}"
        pid = find_pid(folder, name)
        watch_card(page, name)
        at = time.time() * 1000
        os.kill(pid, signal.SIGKILL)
        found.append(page.evaluate("() => window.seen") - at)
    return found


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
    with tempfile.TemporaryDirectory() as name, open_browser() as browser:
        folder = Path(name)
        write(folder)
        rows = measure_quiet(browser, folder) + measure_lines(browser, folder)
    report("The board", rows)
