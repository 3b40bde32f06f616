"""Up and down a hundred times in one process: what is left over.

``python benchmarks/run/bench_cycles.py [COUNT]``.
"""

import asyncio
import gc
import os
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.run import servers
from benchmarks.table import Row, read_count, report

WARM_UP = 5
MEMORY = "memory, KiB,"


def count() -> dict[str, int]:
    """Descriptors, threads, children of any state, KiB of memory."""
    gc.collect()
    own = str(os.getpid())
    children = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            children += stat.read_text().rpartition(")")[2].split()[1] == own
        except OSError:
            continue
    status = Path("/proc/self/status").read_text().splitlines()
    memory = next(line for line in status if line.startswith("VmRSS")).split()[1]
    return {
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
        "children": children,
        MEMORY: int(memory),
    }


async def cycle(path: Path, times: int) -> tuple[dict[str, int], dict[str, int]]:
    """Bring a stack of two up and down; what was there before and after."""
    before: dict[str, int] = {}
    for number in range(times + WARM_UP):
        if number == WARM_UP:
            before = count()
        async with servers.carry_out(path, lambda _: None) as supervisor:
            await supervisor.bring_up()
    return before, count()


if __name__ == "__main__":
    times = read_count(0, 100, 5)
    with tempfile.TemporaryDirectory() as name:
        path, _ = servers.write_chain(Path(name), [0.0, 0.0])
        before, after = asyncio.run(cycle(path, times))
    rows = [
        Row(
            figure=f"{key} left over",
            ours=f"{after[key]:,} afterwards",
            beside=f"{before[key]:,} before",
            wanted="" if key == MEMORY else "none more",
            is_reached=None if key == MEMORY else after[key] <= before[key],
            times=f"{times} times",
        )
        for key in before
    ]
    report("Without containers: up and down in one process", rows)
