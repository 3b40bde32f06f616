"""What commands that end at once cost, next to the build before.

``python benchmarks/render/bench_start.py [COUNT]``. CPU time of whole processes in
turn, and, where valgrind is installed, their instructions, which repeat within 0.1 %.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.before import NAME, find_before
from benchmarks.measure import measure
from benchmarks.render.bench_render import make_stack
from benchmarks.table import Limit, Row, describe, divide, read_count, report

COMMANDS = {
    "--version": Limit(value=0.5),
    "check": Limit(value=0.75),
    "plan": Limit(value=0.75),
    "render -o -": None,
    "status": Limit(value=0.6),
}
SERVICES = 10
MILLION = 1_000_000
EXPECTED = {"status"}
"""Commands that end with 1 where nothing runs."""


def count_instructions(program: Path, words: list[str], folder: Path) -> float:
    """Millions of instructions of one command, compiled beforehand."""
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment.pop("PYTHONPATH", None)
    python = str(program.with_name("python"))
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    done = subprocess.run(
        [*valgrind, python, str(program), *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    collected = [line for line in done.stderr.splitlines() if "Collected" in line]
    if not collected:
        raise RuntimeError(f"valgrind {program} {words}: {done.stderr[-400:]}")
    return int(collected[-1].split()[-1]) / MILLION


def compare(programs: list[Path], command: str, folder: Path, count: int) -> list[Row]:
    """CPU time and instructions of one command of both builds."""
    words, limit = command.split(), COMMANDS[command]
    shell = " || true" if command in EXPECTED else ""
    series = measure(
        {
            str(program): ["sh", "-c", f'"$0" "$@"{shell}', str(program), *words]
            for program in programs
        },
        folder,
        count=count,
    )
    ours, before = (each.list_values("cpu") for each in series.values())
    rows = [
        Row(
            figure=f"{command}: CPU time",
            ours=describe(ours, " s", 3),
            beside=f"{NAME}: {describe(before, ' s', 3)}",
            ratio=describe(divide(ours, before)),
            times=f"{count} pairs",
        )
    ]
    if shutil.which("valgrind") is not None:
        mine, theirs = (count_instructions(each, words, folder) for each in programs)
        rows.append(
            Row(
                figure=f"{command}: instructions",
                ours=f"{mine:.0f} million",
                beside=f"{NAME}: {theirs:.0f} million",
                ratio=f"{mine / theirs:.2f}",
                times="once",
                **(limit.judge([mine / theirs]) if limit else {}),
            )
        )
    return rows


def main() -> None:
    count = read_count(0, 15, 2)
    programs = [Path(sys.executable).with_name("composegen"), find_before()]
    with tempfile.TemporaryDirectory(prefix="bench-start-") as name:
        folder = Path(name)
        (folder / "stack.yaml").write_text(make_stack(SERVICES))
        (folder / ".secrets").mkdir()
        (folder / ".secrets" / "api-key").write_text("x")
        rows = [
            row
            for command in COMMANDS
            for row in compare(programs, command, folder, count)
        ]
    report(f"Commands that end at once, {SERVICES} services", rows)


if __name__ == "__main__":
    main()
