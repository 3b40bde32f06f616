"""What `composegen up` costs compared with `docker compose up --wait`, and `status`.

Both bring the same rendered file up from nothing, in turn; between two runs everything
is taken down, which is not timed. composegen's own CPU time leaves out Compose's. With
optional needs `up` calls Compose once for each level of them.
"""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.table import (  # noqa: E402
    Limit,
    Row,
    describe,
    divide,
    name_peer,
    read_count,
    report,
)

IMAGE = "python:3.12-slim"
US, PEER = "composegen up", "docker compose up --wait"
RATIO = Limit(value=1.10)
LEVEL = Limit(value=0.15, unit=" s")
LEVELS = (0, 1, 2)
"""How many of the two needs of the chain are optional."""
CPU = Limit(value=0.5, unit=" s")
LOOK = Limit(value=0.5, unit=" s")
SERVER = (
    "import http.server, time; time.sleep(0.5); "
    "http.server.test(http.server.SimpleHTTPRequestHandler, port=8000)"
)
# Runs composegen in this process, so that what Compose takes is not counted.
OWN = (
    "import resource, sys; from composegen.commands import main\n"
    "try:\n    main(sys.argv[1:])\n"
    "finally:\n"
    "    used = resource.getrusage(resource.RUSAGE_SELF)\n"
    "    print(f'own {used.ru_utime + used.ru_stime:.4f}', file=sys.stderr)\n"
)


def write_stack(folder: Path, project: str, optional: int) -> None:
    """Three services in a chain, each ready half a second after its start.

    Of their two needs the first ``optional`` ones have a fallback.
    """
    services = []
    needed = {"front": "middle", "middle": "back", "back": ""}
    for number, (name, other) in enumerate(needed.items()):
        otherwise = "{otherwise: {}}" if number < optional else ""
        needs = f"{{{other}: {otherwise}}}" if other else "[]"
        services.append(
            f"  {name}:\n    image: {IMAGE}\n    port: 8000\n    health: /\n"
            f"    command: [python, -c, {SERVER!r}]\n    needs: {needs}\n"
        )
    text = f"name: {project}\nservices:\n" + "".join(services)
    (folder / "stack.yaml").write_text(text, encoding="utf-8")


def run(command: list[str], folder: Path) -> tuple[float, float]:
    """Wall seconds of a command that must succeed, and its own CPU seconds, if told."""
    began = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    wall = time.perf_counter() - began
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.strip()[-300:]}")
    own = re.search(r"^own (\S+)$", done.stderr, re.MULTILINE)
    return wall, float(own[1]) if own else 0.0


Runs = dict[str, list[tuple[float, float]]]
"""The wall and CPU seconds of every run of both."""


def measure(folder: Path, pairs: int, count: int) -> tuple[Runs, list[float]]:
    """Every run of both, and the times of `status` while the stack is up."""
    composegen = [sys.executable, "-c", OWN]
    down = ["docker", "compose", "down", "--timeout", "1"]
    commands = {
        US: [*composegen, "up"],
        PEER: ["docker", "compose", "up", "-d", "--wait"],
    }
    run([*composegen, "render"], folder)
    runs: Runs = {name: [] for name in commands}
    looks: list[float] = []
    try:
        for turn in range(pairs + 1):
            for name, command in commands.items():
                figures = run(command, folder)
                if turn:  # the first pair warms up
                    runs[name].append(figures)
                if turn == pairs and name == US:
                    status = [sys.executable, "-m", "composegen", "status"]
                    looks = [run(status, folder)[0] for _ in range(count)]
                run(down, folder)
    finally:
        subprocess.run([*down, "-v"], cwd=folder, capture_output=True, check=False)
    return runs, looks


def list_times(runs: Runs) -> list[list[float]]:
    """The wall seconds of both."""
    return [[wall for wall, _ in runs[who]] for who in (US, PEER)]


def make_level_row(level: int, runs: Runs, base: float) -> Row:
    """What each level of optional needs adds to the difference between both."""
    ours, theirs = list_times(runs)
    more = [(a - b - base) / level for a, b in zip(ours, theirs, strict=True)]
    return Row(
        figure=f"up, {level} of 2 needs optional: time, and more for each",
        ours=f"{describe(ours, ' s')}; {describe(more, ' s more')}",
        beside=name_peer(PEER, theirs, " s"),
        ratio=describe(divide(ours, theirs)),
        times=f"{len(ours)} pairs",
        **LEVEL.judge(more),
    )


def main() -> None:
    if shutil.which("docker") is None:
        raise SystemExit("there is no docker command")
    pairs, count = read_count(0, 10), read_count(1, 15)
    measured = {}
    for level in LEVELS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_stack(folder, f"bench-{uuid4().hex[:8]}", level)
            measured[level] = measure(folder, pairs, count)
    runs, looks = measured[0]
    ours, theirs = list_times(runs)
    own = [cpu for _, cpu in runs[US]]
    ratios = divide(ours, theirs)
    base = statistics.median(a - b for a, b in zip(ours, theirs, strict=True))
    rows = [
        Row(
            figure="up, from nothing: time",
            ours=describe(ours, " s"),
            beside=name_peer(PEER, theirs, " s"),
            ratio=describe(ratios),
            times=f"{pairs} pairs",
            **RATIO.judge(ratios),
        ),
        *(make_level_row(level, measured[level][0], base) for level in LEVELS[1:]),
        Row(
            figure="up: its own CPU time",
            ours=describe(own, " s"),
            times=f"{pairs} times",
            **CPU.judge(own),
        ),
        Row(
            figure="status: time",
            ours=describe(looks, " s"),
            times=f"{count} times",
            **LOOK.judge(looks),
        ),
    ]
    report("On the engine: three services in a chain", rows)


if __name__ == "__main__":
    main()
