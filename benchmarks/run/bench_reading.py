"""The CPU time of a run without `-v` while a service prints 50 MB a second.

``python benchmarks/run/bench_reading.py [COUNT]``. It is that of the run's own process
for eight seconds, in percent of one core. Both builds run in turn.
"""

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.before import NAME, find_before
from benchmarks.run.bench_logs import MEGABYTE, PRINTER, RATE, STACK, measure_logs
from benchmarks.run.bench_stop import read_cpu
from benchmarks.table import Limit, Row, describe, divide, read_count, report

SECONDS = 8.0
WANTED = Limit(value=15, unit=" %")


def measure_share(program: Path) -> float:
    """Percent of a core that a run takes while its service prints."""
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
            while measure_logs(folder) < 1.0:
                time.sleep(0.01)
            used, begun = read_cpu(run.pid), time.monotonic()
            time.sleep(SECONDS)
            return 100 * (read_cpu(run.pid) - used) / (time.monotonic() - begun)
        finally:
            run.send_signal(signal.SIGINT)
            run.wait()


def main() -> None:
    times = read_count(0, 5)
    programs = [Path(sys.executable).with_name("composegen"), find_before()]
    pairs = [[measure_share(program) for program in programs] for _ in range(times)]
    ours, before = ([pair[side] for pair in pairs] for side in (0, 1))
    row = Row(
        figure="CPU of the run, one core is 100 %",
        ours=describe(ours, " %", 1),
        beside=f"{NAME}: {describe(before, ' %', 1)}",
        ratio=describe(divide(ours, before)),
        times=f"{times} pairs",
        **WANTED.judge(ours),
    )
    report(
        f"Without containers: reading {RATE // MEGABYTE} MB a second that nobody sees",
        [row],
    )


if __name__ == "__main__":
    main()
