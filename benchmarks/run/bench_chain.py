"""Ten services in a chain: how much longer than their boots the whole takes.

``python benchmarks/run/bench_chain.py [COUNT]``. A boot lasts from the process's start
to its listening, as the services themselves note it.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.run import servers
from benchmarks.table import Limit, Row, describe, divide, read_count, report
from composegen.places.events import Started

SERVICES = 10
BOOT = 0.5
WANTED = Limit(value=1.05)


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
    times = read_count(0, 5)
    measured = [time_chain() for _ in range(times)]
    boots, seconds = ([each[place] for each in measured] for place in (0, 1))
    ratios = divide(seconds, boots)
    row = Row(
        figure="until all are ready",
        ours=describe(seconds, " s"),
        beside=f"their boots alone: {describe(boots, ' s')}",
        ratio=describe(ratios, digits=3),
        times=f"{times} times",
        **WANTED.judge(ratios),
    )
    report(f"Without containers: a chain of {SERVICES} services", [row])
