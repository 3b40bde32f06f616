"""The memory of a page, and of the board, through ten minutes of 5,000 lines a second.

``python benchmarks/board/bench_board_memory.py [MINUTES]``. It needs Chromium and
Playwright.
"""

import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.board.boards import (
    LINES,
    open_browser,
    open_page,
    read_heap,
    serve,
    write,
)
from benchmarks.table import Limit, Row, read_count, report

MOMENTS = (1, 5, 10)


def read_memory(pid: int) -> float:
    """Megabytes that a process has."""
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", text)
    assert found is not None
    return int(found[1]) / 1000


def measure(browser: Any, folder: Path) -> list[Row]:
    minutes = read_count(0, 10, 1)
    moments = [each for each in MOMENTS if each < minutes] + [minutes]
    heaps, boards = [], []
    with serve(folder, "loud") as (pid, url):
        page = open_page(browser, url)
        page.locator("#tab-logs").click()
        began = time.monotonic()
        for moment in moments:
            left = began + moment * 60 - time.monotonic()
            page.wait_for_timeout(max(0.0, left) * 1000)
            heaps.append(read_heap(page))
            boards.append(read_memory(pid))
        said = page.locator("#log-state").inner_text()
        page.close()
    when = f"after {', '.join(map(str, moments))} minutes of {LINES:,} lines/s; {said}"
    return [
        Row(
            figure="memory of the page after a collection, MB",
            ours=", ".join(f"{each:.1f}" for each in heaps),
            times=when,
            **Limit(value=1.2, unit="x the first").judge([heaps[-1] / heaps[0]]),  # type: ignore[arg-type]
        ),
        Row(
            figure="memory of the board's process meanwhile, MB",
            ours=", ".join(f"{each:.1f}" for each in boards),
            times=when,
            **Limit(value=1.2, unit="x the first").judge([boards[-1] / boards[0]]),  # type: ignore[arg-type]
        ),
    ]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name, open_browser() as browser:
        folder = Path(name)
        write(folder)
        rows = measure(browser, folder)
    report("The board for ten minutes", rows)
