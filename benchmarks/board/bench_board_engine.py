"""The board of ten services on the engine: from a death to the page, its cost at rest.

``python benchmarks/board/bench_board_engine.py [EVENTS] [SECONDS]``. It needs an
engine, Chromium and Playwright. The engine tells a death about 0.1 s after it, or
later; ``docker events`` shows when.
"""

import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from queue import Queue
from threading import Thread
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
from benchmarks.table import Limit, Row, describe, name_peer, read_count, report

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


class Deaths:
    """When ``docker events`` prints the death of each container, in milliseconds."""

    def __init__(self) -> None:
        words = ("docker", "events", "--filter", "event=die", "--format")
        self._process = subprocess.Popen(
            [*words, '{{index .Actor.Attributes "name"}}'],
            stdout=subprocess.PIPE,
            text=True,
        )
        self._seen: Queue[tuple[str, float]] = Queue()
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._seen.put((line.strip(), time.time() * 1000))

    def pop(self, container: str) -> float:
        """That of one, once it has been printed. Raises queue.Empty if it never is."""
        while True:
            name, at = self._seen.get(timeout=DEADLINE)
            if name == container:
                return at

    def end(self) -> None:
        self._process.terminate()
        self._process.wait()


def measure_deaths(
    folder: Path, page: Any, times: int
) -> tuple[list[float], list[float]]:
    """Milliseconds from deaths, by the engine's clock, to the card and to the event."""
    cards, events = [], []
    deaths = Deaths()
    try:
        for number in range(times):
            name = f"s{number % COUNT}"
            container = f"{NAME}-{name}-1"
            watch_card(page, name)
            call(folder, "docker", "kill", container)
            seen = page.evaluate("() => window.seen")
            form = "{{.State.FinishedAt}}"
            died = call(folder, "docker", "inspect", "-f", form, container).strip()
            at = datetime.fromisoformat(f"{died[:26].rstrip('Z')}+00:00").timestamp()
            cards.append(seen - at * 1000)
            events.append(deaths.pop(container) - at * 1000)
            call(folder, "docker", "start", container)
    finally:
        deaths.end()
    return cards, events


def measure(browser: Any, folder: Path) -> list[Row]:
    events, seconds = read_count(0, 50, 5), read_count(1, 60, 5)
    with open_board(folder) as (pid, url):
        page = open_page(browser, url)
        page.locator(".card.ready").nth(COUNT - 1).wait_for()
        time.sleep(5)  # what comes up with a page is over
        cpu = measure_cpu(pid, seconds, page)
        cards, told = measure_deaths(folder, page, events)
        page.close()
    after = [card - event for card, event in zip(cards, told, strict=True)]
    return [
        Row(
            figure="from the death of a container to its card",
            ours=describe(cards, " ms", 0),
            beside=name_peer("docker events", told, " ms", 0),
            times=f"{events} times",
        ),
        Row(
            figure="from the engine's event of that death to the card",
            ours=describe(after, " ms", 0),
            times=f"{events} times",
            **Limit(value=150, unit=" ms").judge(after),  # type: ignore[arg-type]
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
