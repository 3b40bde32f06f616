"""What `composegen up` costs beside `docker compose up --wait`, and `status`.

Both bring the same rendered file up from nothing, in turn; between two runs everything
is taken down, which is not timed. composegen's own CPU time leaves out Compose's.
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

from benchmarks.measure import write_table  # noqa: E402

IMAGE = "python:3.12-slim"
PAIRS, LOOKS = 10, 15
SERVER = (
    "import http.server, time; time.sleep(0.5); "
    "http.server.test(http.server.SimpleHTTPRequestHandler, port=8000)"
)
# Runs composegen in this process, so that what Compose takes is not counted.
OWN = (
    "import resource, sys; from composegen.cli import main\n"
    "try:\n    main(sys.argv[1:])\n"
    "finally:\n"
    "    used = resource.getrusage(resource.RUSAGE_SELF)\n"
    "    print(f'own {used.ru_utime + used.ru_stime:.4f}', file=sys.stderr)\n"
)


def write_stack(folder: Path, project: str) -> None:
    """Three services in a chain, each ready half a second after its start."""
    services = []
    for name, needs in (("front", "[middle]"), ("middle", "[back]"), ("back", "[]")):
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


def measure(folder: Path) -> tuple[dict[str, list[tuple[float, float]]], list[float]]:
    """Every run of both, and the times of `status` while the stack is up."""
    composegen = [sys.executable, "-c", OWN]
    down = ["docker", "compose", "down", "--timeout", "1"]
    commands = {
        "composegen up": [*composegen, "up"],
        "docker compose up --wait": ["docker", "compose", "up", "-d", "--wait"],
    }
    run([*composegen, "render"], folder)
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    looks: list[float] = []
    try:
        for turn in range(PAIRS + 1):
            for name, command in commands.items():
                figures = run(command, folder)
                if turn:  # the first pair warms up
                    runs[name].append(figures)
                if turn == PAIRS and name == "composegen up":
                    status = [sys.executable, "-m", "composegen", "status"]
                    looks = [run(status, folder)[0] for _ in range(LOOKS)]
                run(down, folder)
    finally:
        subprocess.run([*down, "-v"], cwd=folder, capture_output=True, check=False)
    return runs, looks


def format_series(values: list[float]) -> str:
    """The median, in brackets the smallest and the largest."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def main() -> None:
    if shutil.which("docker") is None:
        raise SystemExit("there is no docker command")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_stack(folder, f"bench-{uuid4().hex[:8]}")
        runs, looks = measure(folder)
    (ours, our_runs), (theirs, their_runs) = runs.items()
    ratios = [a[0] / b[0] for a, b in zip(our_runs, their_runs, strict=True)]
    rows = [
        [
            ours,
            format_series([wall for wall, _ in our_runs]),
            format_series([cpu for _, cpu in our_runs]),
            format_series(ratios),
        ],
        [theirs, format_series([wall for wall, _ in their_runs]), "", "1"],
    ]
    print("### Bringing three services up, and looking at them\n")
    print(f"{PAIRS} pairs in turn, from nothing; `status` {LOOKS} times.\n")
    print(write_table(["command", "wall, s", "own CPU, s", "ratio of wall"], rows))
    print(
        write_table(
            ["command", "wall, s"], [["composegen status", format_series(looks)]]
        )
    )


if __name__ == "__main__":
    main()
