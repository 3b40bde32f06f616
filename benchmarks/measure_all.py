"""Runs every benchmark, or those that are named, and writes RESULTS.md.

``python benchmarks/measure_all.py [NAME..] [-- WORD..]``, where a NAME is that of a
script, such as bench_up, and the words are handed to each script. The rows are kept in
results.json, so that measuring one again leaves the others as they were. A benchmark
that cannot run stands in the table with its reason, and the exit code is 1.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.measure import describe_machine  # noqa: E402
from benchmarks.table import Row, make_table  # noqa: E402
from composegen.system.files import write_atomically  # noqa: E402

LONGEST = 1800
PATIENCE = 60
CHAT = "uvicorn uvloop starlette httpx msgspec redis"
HEAD = """\
# Results

`make bench` writes this page. Each figure is a median, with the smallest and the
largest value in brackets. The figures of one row were measured in turn, and the ratios
are of these pairs. A difference that is smaller than the spread is not significant. The
run time of an empty program, before and after, shows how fast the machine was. If other
programs used the machine, compare ratios, not times."""
Kept = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """On which machine and versions a benchmark was run, and when, and how that was."""

    on: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one script printed, or why it could not be run."""

    groups: list[dict[str, Any]]
    reason: str = ""


def run_benchmark(
    path: Path, longest: float = LONGEST, words: Sequence[str] = ()
) -> Measured:
    """Run a script; what it printed before it failed is kept as well.

    What it started ends with it: it is interrupted, so that it can see to that.
    """
    process = subprocess.Popen(
        [sys.executable, str(path), "--json", *words],
        cwd=path.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    reason = ""
    try:
        out, err = process.communicate(timeout=longest)
    except subprocess.TimeoutExpired:
        reason = f"it took longer than {longest:g} s"
        out, err = interrupt(process)
    except KeyboardInterrupt:
        interrupt(process)
        raise
    groups = [json.loads(line) for line in out.splitlines() if line[:1] == "{"]
    if process.returncode != 0 and not reason:
        last = err.strip().splitlines()[-1:] or [f"exit code {process.returncode}"]
        reason = last[0]
    return Measured(groups=groups, reason=reason)


def interrupt(process: subprocess.Popen[str]) -> tuple[str, str]:
    """End a script as Ctrl-C does, or by force; all that it has printed."""
    process.send_signal(signal.SIGINT)
    try:
        return process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.communicate()


def note(kept: Kept, name: str, measured: Measured, moment: Moment) -> Kept:
    """What is kept, with one benchmark anew."""
    groups = list(measured.groups)
    if measured.reason:
        row = Row(figure="could not be measured", ours="", beside=measured.reason)
        groups.append({"title": name, "rows": [asdict(row)]})
    return {**kept, name: {**asdict(moment), "groups": groups}}


def write_results(kept: Kept, notes: str) -> str:
    """RESULTS.md: on what each was measured, the table, and the notes."""
    machines: dict[str, list[str]] = {}
    for name, each in sorted(kept.items()):
        machines.setdefault(each["on"], []).append(f"- {name}: {each['at']}")
    lists = [f"On {on}:\n\n" + "\n".join(lines) for on, lines in machines.items()]
    groups = [
        (group["title"], [Row(**row) for row in group["rows"]])
        for _, each in sorted(kept.items())
        for group in each["groups"]
    ]
    parts = [HEAD, *lists, make_table(groups).strip(), notes.strip()]
    return "\n\n".join(part for part in parts if part) + "\n"


def find_version(*command: str) -> str:
    """The first line that a program says about its version."""
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return f"no {command[0]}"
    return (answer.stdout or answer.stderr).strip().partition("\n")[0]


def describe_parts() -> str:
    """The machine, and the versions of what takes part."""
    engine = find_version("docker", "version", "--format", "{{.Server.Version}}")
    compose = find_version("docker", "compose", "version", "--short")
    redis = find_version("redis-server", "--version").partition(" sha")[0]
    libraries = ", ".join(f"{name} {version(name)}" for name in CHAT.split())
    return (
        f"{describe_machine()}, Docker engine {engine}, Compose {compose}, "
        f"Node {find_version('node', '--version')}, {redis}, {libraries}"
    )


def measure_speed() -> float:
    """Milliseconds that an empty program takes: how quick the machine is just now."""
    command = [sys.executable, "-I", "-S", "-c", "pass"]
    times = []
    for _ in range(20):
        begun = time.perf_counter()
        subprocess.run(command, check=True)
        times.append(1000 * (time.perf_counter() - begun))
    return statistics.median(times)


def describe_moment(path: Path, words: Sequence[str]) -> tuple[str, Measured]:
    """Measure; when that was, and what the machine was like before and after."""
    begun, load, speed = time.monotonic(), os.getloadavg()[0], measure_speed()
    measured = run_benchmark(path, words=words)
    moment = (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M}, took {time.monotonic() - begun:.0f} s, "
        f"load {load:.1f} and {os.getloadavg()[0]:.1f}, "
        f"an empty program {speed:.0f} and {measure_speed():.0f} ms"
    )
    return moment, measured


def main() -> int:
    """Measure what is named; the exit code."""
    at = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    named, words = sys.argv[1:at], sys.argv[at + 1 :]
    paths = {path.stem: path for path in sorted(HERE.glob("*/bench_*.py"))}
    unknown = [name for name in named if name not in paths]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}: {', '.join(paths)}", file=sys.stderr)
        return 2
    # A shell lets what it starts in the background ignore Ctrl-C, and all that this
    # starts would; some benchmarks end a run with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    file = HERE / "results.json"
    kept: Kept = json.loads(file.read_text()) if file.exists() else {}
    kept = {name: each for name, each in kept.items() if name in paths}
    parts, failed = describe_parts(), False
    for name in named or paths:
        moment, measured = describe_moment(paths[name], words)
        failed = failed or bool(measured.reason)
        print(f"{name}: {moment}", measured.reason, flush=True)
        kept = note(kept, name, measured, Moment(on=parts, at=moment))
        write_atomically(file, json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
        notes = (HERE / "NOTES.md").read_text()
        write_atomically(HERE / "RESULTS.md", write_results(kept, notes))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
