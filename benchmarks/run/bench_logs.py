"""What the log of a service takes on the disk while it prints 50 MB a second.

``python benchmarks/run/bench_logs.py [COUNT]``. The size is that of ``du`` for the
whole folder of logs: eight seconds after its first byte, and the largest until then.
"""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.before import NAME, find_before
from benchmarks.table import Limit, Row, describe, divide, read_count, report

SECONDS = 8.0
RATE = 50_000_000
MEGABYTE = 1_000_000
WANTED = Limit(value=30, unit=" MB")
STACK = """\
name: printing
services:
  printer:
    image: python:3.12-slim
    health: {none: it only prints}
    local: {command: [python3, -S, printer.py]}
"""
PRINTER = f"""
import os, time
line = b"x" * 99 + b"\\n"
begin, written = time.monotonic(), 0
while True:
    written += os.write(1, line * 5000)
    ahead = written / {RATE} - (time.monotonic() - begin)
    if ahead > 0:
        time.sleep(ahead)
"""


def measure_logs(folder: Path) -> float:
    """The megabytes that the logs of a stack take on the disk."""
    found = (folder / "logs").glob("*")
    return sum(each.stat().st_blocks for each in found) * 512 / MEGABYTE


def watch_logs(program: Path) -> tuple[float, float]:
    """The size of the logs after eight seconds, and the largest until then."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "stack.yaml").write_text(STACK)
        (folder / "printer.py").write_text(PRINTER)
        run = subprocess.Popen(
            [str(program), "run"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            sizes = list(watch(folder))
        finally:
            run.send_signal(signal.SIGINT)
            run.wait()
    return sizes[-1], max(sizes)


def watch(folder: Path) -> Iterator[float]:
    """The size of the logs again and again, from the first byte on."""
    while measure_logs(folder) == 0.0:
        time.sleep(0.01)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        time.sleep(0.05)
        yield measure_logs(folder)


if __name__ == "__main__":
    times = read_count(0, 5)
    programs = [Path(sys.executable).with_name("composegen"), find_before()]
    pairs = [[watch_logs(program) for program in programs] for _ in range(times)]
    rows = []
    for place, figure in enumerate((f"after {SECONDS:g} s", "the largest size")):
        ours, before = ([pair[side][place] for pair in pairs] for side in (0, 1))
        rows.append(
            Row(
                figure=figure,
                ours=describe(ours, " MB", 0),
                beside=f"{NAME}: {describe(before, ' MB', 0)}",
                ratio=describe(divide(ours, before), digits=3),
                times=f"{times} pairs",
                **WANTED.judge(ours),
            )
        )
    rate = RATE // MEGABYTE
    report(
        f"Without containers: the log of a service that prints {rate} MB a second", rows
    )
