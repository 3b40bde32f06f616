"""From Ctrl-C until a run is over, with services that end at once when asked.

``python benchmarks/run/bench_stop.py [COUNT]``. CPU is what the run and the guardian
used from Ctrl-C on, without the services. Both builds run in turn.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.before import NAME, find_before
from benchmarks.table import Limit, Row, describe, divide, read_count, report

SIZES = (4, 50, 100, 200)
QUICK = (4, 20)
LARGEST_BEFORE = 100
"""More services than these take v0.2.0 a minute."""
WANTED = Limit(value=0.1)
LINEAR = Limit(value=1.25)
COMPARED = 100
SERVICE = """\
  s{number}:
    image: alpine:3.22
    health: {{none: it only sleeps}}
    local: {{command: [sleep, '1000']}}
"""


@dataclass(frozen=True, slots=True)
class Stop:
    """The wall and the CPU seconds of one end."""

    wall: float
    cpu: float


def make_stack(count: int) -> str:
    """A stack of so many services that only sleep."""
    services = "".join(SERVICE.format(number=number) for number in range(count))
    return f"name: sleeping\nservices:\n{services}"


def count_ready(log: Path) -> int:
    """How many services a run has called ready."""
    return log.read_text(errors="replace").count("ready after")


def read_cpu(pid: int) -> float:
    """The CPU seconds of a process itself, while it runs or as a zombie."""
    text = Path(f"/proc/{pid}/stat").read_text()
    fields = text[text.rfind(")") + 2 :].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def time_stop(program: Path, size: int) -> Stop:
    """Start so many services, press Ctrl-C, wait for the end."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "stack.yaml").write_text(make_stack(size))
        log = folder / "said"
        with log.open("wb") as said:
            run = subprocess.Popen(
                [str(program), "run"], cwd=folder, stdout=said, stderr=said
            )
        try:
            while count_ready(log) < size:
                if run.poll() is not None:
                    raise RuntimeError(f"{program} run: {log.read_text()}")
                time.sleep(0.02)
            used, begun = read_cpu(run.pid), time.monotonic()
            run.send_signal(signal.SIGINT)
            os.waitid(os.P_PID, run.pid, os.WEXITED | os.WNOWAIT)
            wall = time.monotonic() - begun
            return Stop(wall, read_cpu(run.pid) - used)
        finally:
            run.kill()
            run.wait()


def compare(size: int, pairs: list[list[Stop]]) -> list[Row]:
    """Wall and CPU of one size, beside the build before where it was run."""
    rows = []
    for figure, words in (("wall", "until all are gone"), ("cpu", "CPU time")):
        ours = [getattr(pair[0], figure) for pair in pairs]
        before = [getattr(pair[1], figure) for pair in pairs if len(pair) > 1]
        ratios = divide(ours, before) if before else []
        rows.append(
            Row(
                figure=f"{size} services: {words}",
                ours=describe(ours, " s"),
                beside=f"{NAME}: {describe(before, ' s')}" if before else "",
                ratio=describe(ratios, digits=3) if ratios else "",
                times=f"{len(pairs)} times",
                **(WANTED.judge(ratios) if size == COMPARED else {}),
            )
        )
    return rows


def compare_growth(small: list[list[Stop]], large: list[list[Stop]]) -> Row:
    """Twice as many services, at most about twice as long."""
    half, whole = (
        statistics.median(pair[0].wall for pair in pairs) for pairs in (small, large)
    )
    return Row(
        figure=f"{SIZES[-1]} services: wall next to twice that of {SIZES[-2]}",
        ours=f"{whole:.2f} s",
        beside=f"twice {half:.2f} s",
        ratio=f"{whole / half / 2:.2f}",
        **LINEAR.judge([whole / half / 2]),
    )


def main() -> None:
    times = read_count(0, 3)
    ours, before = Path(sys.executable).with_name("composegen"), find_before()
    measured: dict[int, list[list[Stop]]] = {}
    sizes = QUICK if "--quick" in sys.argv else SIZES
    for size in sizes:
        programs = [ours, before] if size <= LARGEST_BEFORE else [ours]
        measured[size] = [
            [time_stop(program, size) for program in programs] for _ in range(times)
        ]
    rows = [row for size in sizes for row in compare(size, measured[size])]
    if sizes == SIZES:
        rows.append(compare_growth(measured[SIZES[-2]], measured[SIZES[-1]]))
    report("Without containers: from Ctrl-C until nothing runs", rows)


if __name__ == "__main__":
    main()
