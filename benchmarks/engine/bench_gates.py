"""How long after its dependency listens a dependent is started on the engine.

``python benchmarks/engine/bench_gates.py [COUNT [DEFAULTS]]``: so many repeats of the
rendered file, alone and as one of ten services, and so many of the same file with the
timing that Compose has by default, where each repeat takes half a minute.

The application prints the time when it listens; when its dependent was started is what
the engine says. Both read the same clock. Boots differ from repeat to repeat, so that a
check meets them at any moment.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.table import (  # noqa: E402
    Limit,
    Row,
    describe,
    name_peer,
    read_count,
    report,
)

IMAGE = "python:3.12-slim"
BOOTS = (1.0, 3.0)
TARGET = Limit(value=0.8, unit=" s")
TIMING = ("start_period", "start_interval", "interval", "timeout", "retries")
DEADLINE = 180
PROGRAM = """\
import os, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass

time.sleep(float(os.environ["BOOT"]))
server = ThreadingHTTPServer(("", 8000), Answer)
print("listening", repr(time.time()), flush=True)
server.serve_forever()
"""
Services = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A stack whose `app` is waited for by `dependent`, and how it is asked."""

    name: str
    others: int
    with_defaults: bool


def list_cases(*, with_defaults: bool) -> list[Case]:
    """Alone, and with eight others, which make ten with the dependent."""
    return [
        Case(name=name, others=others, with_defaults=with_defaults)
        for name, others in (("alone", 0), ("one of ten", 8))
    ]


def make_stack(boots: list[float]) -> dict[str, Any]:
    """`app` with the first boot, its dependent, and an application for each other."""

    def make_app(boot: float) -> dict[str, Any]:
        return {
            "image": IMAGE,
            "command": ["python", "/app.py"],
            "environment": {"BOOT": f"{boot:.3f}"},
            "volumes": ["./app.py:/app.py:ro"],
            "port": 8000,
            "health": {"http": "/", "boot": "60s"},
        }

    services: Services = {"app": make_app(boots[0])}
    services["dependent"] = {
        "image": IMAGE,
        "command": ["tail", "-f", "/dev/null"],
        "health": {"none": "it is only started"},
        "needs": ["app"],
    }
    services |= {
        f"other-{number}": make_app(boot) for number, boot in enumerate(boots[1:], 1)
    }
    return {"services": services}


def write_files(folder: Path, case: Case, boots: list[float]) -> None:
    """The stack and what composegen renders of it, with Compose's own timing if so."""
    (folder / "app.py").write_text(PROGRAM)
    (folder / "stack.yaml").write_text(yaml.safe_dump(make_stack(boots)))
    run(
        *(sys.executable, "-m", "composegen", "render"),
        folder=folder,
        variables={"PYTHONPATH": str(ROOT)},
    )
    if not case.with_defaults:
        return
    path = folder / "compose.yaml"
    rendered = yaml.safe_load(path.read_text())
    for service in rendered["services"].values():
        for key in TIMING:
            service.get("healthcheck", {}).pop(key, None)
    path.write_text(yaml.safe_dump(rendered))


def run(*words: str, folder: Path, variables: dict[str, str] | None = None) -> str:
    """What a program prints; raises RuntimeError when it fails."""
    done = subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, **(variables or {})},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr}")
    return done.stdout


@contextmanager
def brought_up(folder: Path) -> Iterator[str]:
    """The name of the project in a folder, up in the block and removed behind it."""
    project = f"bench-{uuid4().hex[:12]}"
    compose = ("docker", "compose", "-p", project)
    try:
        run(*compose, "up", "-d", folder=folder)
        yield project
    finally:
        run(*compose, "down", "-v", "--timeout", "1", folder=folder)


def time_gate(case: Case, boots: list[float]) -> float:
    """Seconds from listening to the dependent's start in one new project."""
    with tempfile.TemporaryDirectory(prefix="bench-gates-") as name:
        folder = Path(name)
        write_files(folder, case, boots)
        with brought_up(folder) as project:
            said = run("docker", "logs", f"{project}-app-1", folder=folder)
            seen = run("docker", "inspect", f"{project}-dependent-1", folder=folder)
    started = datetime.fromisoformat(json.loads(seen)[0]["State"]["StartedAt"])
    return started.timestamp() - float(said.split()[1])


def measure_cases(cases: list[Case], count: int) -> dict[Case, list[float]]:
    """The cases in turn, so that the machine's drift meets all alike."""
    chance = random.Random(1)
    measured: dict[Case, list[float]] = {case: [] for case in cases}
    for _ in range(count):
        for case, delays in measured.items():
            boots = [chance.uniform(*BOOTS) for _ in range(1 + case.others)]
            delays.append(time_gate(case, boots))
    return measured


def make_row(measured: dict[Case, list[float]], case: Case, times: str) -> Row:
    """A case as rendered, beside the same with Compose's defaults."""
    ours = measured[case]
    theirs = measured[replace(case, with_defaults=True)]
    # Boots differ, so that there are no pairs: medians are divided.
    ratio = statistics.median(ours) / statistics.median(theirs)
    return Row(
        figure=f"a dependent's start after its dependency listens, {case.name}",
        ours=describe(ours, " s"),
        beside=name_peer("Compose's default timing", theirs, " s"),
        ratio=f"{ratio:.3f}",
        times=times,
        **TARGET.judge(ours),
    )


def main() -> None:
    count, defaults = read_count(0, 20), max(1, read_count(1, 3))
    run("docker", "image", "inspect", IMAGE, folder=Path(tempfile.gettempdir()))
    measured: dict[Case, list[float]] = {}
    for with_defaults, times in ((False, count), (True, defaults)):
        measured |= measure_cases(list_cases(with_defaults=with_defaults), times)
    cases = list_cases(with_defaults=False)
    words = f"{count} times, {defaults} with defaults"
    report("On the engine: gates", [make_row(measured, each, words) for each in cases])


if __name__ == "__main__":
    main()
