"""Ten services in a chain: how much longer than their boots the whole takes.

``python benchmarks/run/bench_chain.py [COUNT]``. A boot lasts from the process's start
to its listening, as the services themselves note it.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.measure import write_table
from benchmarks.run import servers
from composegen.events import Started

SERVICES = 10
BOOT = 0.5


def time_chain() -> tuple[float, float]:
    """The sum of the boots and the seconds until all were ready."""
    started: list[float] = []

    def report(event: object) -> None:
        if isinstance(event, Started):
            started.append(time.monotonic())

    async def go(path: Path) -> float:
        async with servers.carry_out(path, report) as supervisor:
            begin = time.monotonic()
            await supervisor.bring_up()
            return time.monotonic() - begin

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, ports = servers.write_chain(folder, [BOOT] * SERVICES)
        seconds = asyncio.run(go(path))
        listening = [servers.read_listening(folder, port) for port in ports]
    boots = sum(end - begin for begin, end in zip(started, listening, strict=True))
    return boots, seconds


if __name__ == "__main__":
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(f"### A chain of {SERVICES} services\n\n{times} times.\n")
    measured = [time_chain() for _ in range(times)]
    ratios = [seconds / boots for boots, seconds in measured]
    boots, seconds = zip(*measured, strict=True)
    row = [
        f"{statistics.median(boots):.2f}",
        f"{statistics.median(seconds):.2f}",
        f"{statistics.median(ratios):.3f}",
        f"{max(ratios):.3f}",
    ]
    print(write_table(["boots s", "all ready s", "ratio, median", "worst"], [row]))
