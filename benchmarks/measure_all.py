"""Runs every benchmark, or those that are named, and writes RESULTS.md.

``python benchmarks/measure_all.py [NAME..]``, where a NAME is that of a script, such as
bench_up. The rows are kept in results.json, so that measuring one anew leaves the
others as they were. A benchmark that cannot run stands in the table with its reason,
and the exit code is 1.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.measure import describe_machine  # noqa: E402
from benchmarks.table import Row, make_table  # noqa: E402

LONGEST = 1800
HEAD = """\
# Results

Written by `make bench`. A figure is a median, in brackets the smallest and the largest
value; those of one row were measured in turn, and ratios are theirs pair by pair. Two
cores that others use too: read the ratios, and take a difference below the spread for
none."""
Kept = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one script printed, or why it could not be run."""

    groups: list[dict[str, Any]]
    reason: str = ""


def run_benchmark(path: Path) -> Measured:
    """Run a script; what it printed before it failed is kept as well."""
    try:
        done = subprocess.run(
            [sys.executable, str(path), "--json"],
            cwd=path.parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST,
        )
    except subprocess.TimeoutExpired:
        return Measured(groups=[], reason=f"it took longer than {LONGEST} s")
    groups = [json.loads(line) for line in done.stdout.splitlines() if line[:1] == "{"]
    if done.returncode == 0:
        return Measured(groups=groups)
    last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
    return Measured(groups=groups, reason=last[0])


def note(kept: Kept, name: str, measured: Measured, about: str) -> Kept:
    """What is kept, with one benchmark anew."""
    groups = list(measured.groups)
    if measured.reason:
        row = Row(figure="could not be measured", ours="", beside=measured.reason)
        groups.append({"title": name, "rows": [asdict(row)]})
    return {**kept, name: {"about": about, "groups": groups}}


def write_results(kept: Kept, notes: str) -> str:
    """RESULTS.md: on what each was measured, the table, and the notes."""
    abouts: dict[str, list[str]] = {}
    for name, each in sorted(kept.items()):
        abouts.setdefault(each["about"], []).append(name)
    machines = [f"- {', '.join(names)}: {about}" for about, names in abouts.items()]
    groups = [
        (group["title"], [Row(**row) for row in group["rows"]])
        for _, each in sorted(kept.items())
        for group in each["groups"]
    ]
    parts = [HEAD, "\n".join(machines), make_table(groups).strip(), notes.strip()]
    return "\n\n".join(part for part in parts if part) + "\n"


def find_version(*command: str) -> str:
    """The first line that a program says about its version."""
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return f"no {command[0]}"
    return (answer.stdout or answer.stderr).strip().partition("\n")[0]


def describe_parts() -> str:
    """The day, the machine, and the versions of what takes part."""
    engine = find_version("docker", "version", "--format", "{{.Server.Version}}")
    compose = find_version("docker", "compose", "version", "--short")
    redis = find_version("redis-server", "--version").partition(" sha")[0]
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {describe_machine()}, Docker engine {engine}, "
        f"Compose {compose}, {redis}, Node {find_version('node', '--version')}"
    )


def main() -> int:
    """Measure what is named; the exit code."""
    named = sys.argv[1:]
    paths = {path.stem: path for path in sorted(HERE.glob("*/bench_*.py"))}
    unknown = [name for name in named if name not in paths]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}: {', '.join(paths)}", file=sys.stderr)
        return 2
    file = HERE / "results.json"
    kept: Kept = json.loads(file.read_text()) if file.exists() else {}
    kept = {name: each for name, each in kept.items() if name in paths}
    about, failed = describe_parts(), False
    for name in named or paths:
        load, begun = os.getloadavg()[0], time.monotonic()
        measured = run_benchmark(paths[name])
        failed = failed or bool(measured.reason)
        took = time.monotonic() - begun
        print(f"{name}: {took:.0f} s, load before {load:.1f}", measured.reason)
        kept = note(kept, name, measured, about)
        file.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
        notes = (HERE / "NOTES.md").read_text()
        (HERE / "RESULTS.md").write_text(write_results(kept, notes))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
