"""The board of ten services on the engine: from a death to the page, its cost at rest.

``python benchmarks/board/bench_board_engine.py [EVENTS] [SECONDS]``. It needs an
engine, Chromium and Playwright.
"""

import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.board.boards import (
    COUNT,
    DEADLINE,
    ROOT,
    SERVER,
    measure_cpu,
    open_board,
    open_browser,
    open_page,
    watch_card,
)
from benchmarks.table import Limit, Row, describe, read_count, report

NAME = "bench-board"
TRIES = 6


def write(folder: Path) -> None:
    """Ten services of Python, each of which answers."""
    program = SERVER.strip().replace("\n", "\n        ")
    services = [
        f"""  s{number}:
    image: python:3.12-slim
    command:
      - python
      - -c
      - |
        {program}
    environment: {{PORT: 8000}}
    port: 8000
    health: {{tcp: true, interval: 10s}}
"""
        for number in range(COUNT)
    ]
    text = f"name: {NAME}\nservices:\n" + "".join(services)
    (folder / "stack.yaml").write_text(text)


def call(folder: Path, *words: str) -> str:
    """What a command prints; it must succeed."""
    return subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
        timeout=5 * DEADLINE,
    ).stdout


def composegen(folder: Path, *words: str) -> None:
    call(folder, sys.executable, "-m", "composegen", *words)


def bring_up(folder: Path) -> None:
    """Bring it up; again where a busy engine does not answer in time."""
    for left in reversed(range(TRIES)):
        try:
            composegen(folder, "up")
        except subprocess.CalledProcessError:
            if not left:
                raise
        else:
            return


def measure_events(folder: Path, page: Any, times: int) -> list[float]:
    """Milliseconds from a death, by the engine's clock, to the card that says so."""
    found = []
    for number in range(times):
        name = f"s{number % COUNT}"
        container = f"{NAME}-{name}-1"
        watch_card(page, name)
        call(folder, "docker", "kill", container)
        seen = page.evaluate("() => window.seen")
        form = "{{.State.FinishedAt}}"
        died = call(folder, "docker", "inspect", "-f", form, container).strip()
        moment = datetime.fromisoformat(f"{died[:26].rstrip('Z')}+00:00")
        found.append(seen - moment.timestamp() * 1000)
        call(folder, "docker", "start", container)
    return found


def measure(browser: Any, folder: Path) -> list[Row]:
    events, seconds = read_count(0, 50, 5), read_count(1, 60, 5)
    with open_board(folder) as (pid, url):
        page = open_page(browser, url)
        page.locator(".card.ready").nth(COUNT - 1).wait_for()
        time.sleep(5)  # what comes up with a page is over
        cpu = measure_cpu(pid, seconds, page)
        took = measure_events(folder, page, events)
        page.close()
    return [
        Row(
            figure="from the death of a container to its card",
            ours=describe(took, " ms", 0),
            times=f"{events} times",
            **Limit(value=150, unit=" ms").judge(took),  # type: ignore[arg-type]
        ),
        Row(
            figure="CPU of the board at rest, ten services on the engine, one page",
            ours=f"{cpu:.1f} % of a core",
            times=f"{seconds} s",
            **Limit(value=3, unit=" %").judge([cpu]),  # type: ignore[arg-type]
        ),
    ]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name, open_browser() as browser:
        folder = Path(name)
        write(folder)
        try:
            bring_up(folder)
            rows = measure(browser, folder)
        finally:
            composegen(folder, "down")
    report("The board of what runs on the engine", rows)
