"""Runs each program in ``findings/``, and prints which are still as they were found."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from composegen.records import record

FOLDER = Path(__file__).parents[1] / "findings"
LONGEST = 600.0


@record
class Outcome:
    """How a finding ended: whether it is as it was found, and its last lines."""

    name: str
    about: str
    is_same: bool
    seconds: float
    lines: tuple[str, ...] = ()


def list_findings(folder: Path = FOLDER) -> list[Path]:
    """The programs, sorted by name."""
    return sorted(folder.glob("*.sh"))


def read_about(path: Path) -> str:
    """The sentence that a finding begins with."""
    return path.read_text(encoding="utf-8").splitlines()[1].lstrip("# ")


def run_finding(path: Path, longest: float = LONGEST) -> Outcome:
    """Run a finding to its end."""
    began = time.monotonic()
    try:
        done = subprocess.run(
            ["bash", path],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=longest,
        )
        is_same, said = done.returncode == 0, done.stdout + done.stderr
    except subprocess.TimeoutExpired:
        is_same, said = False, f"it took longer than {longest:g} s"
    return Outcome(
        name=path.stem,
        about=read_about(path),
        is_same=is_same,
        seconds=time.monotonic() - began,
        lines=tuple(said.splitlines()[-10:]),
    )


def format_outcomes(outcomes: Iterable[Outcome]) -> str:
    """The table, and below it what those print that differ."""
    outcomes = tuple(outcomes)
    width = max((len(each.name) for each in outcomes), default=0)
    table = [
        f"{each.name:<{width}}  {'as found' if each.is_same else 'DIFFERS '}"
        f"  {each.seconds:6.1f} s  {each.about}"
        for each in outcomes
    ]
    for each in outcomes:
        if not each.is_same:
            table += ["", f"{each.name}:", *(f"  {line}" for line in each.lines)]
    return "\n".join(table) + "\n"


def main() -> None:
    """Run those that are named, or all; exit with 1 where one differs."""
    wanted = sys.argv[1:]
    paths = [each for each in list_findings() if not wanted or each.stem in wanted]
    outcomes = [run_finding(path) for path in paths]
    print(format_outcomes(outcomes), end="")
    sys.exit(0 if all(each.is_same for each in outcomes) else 1)


if __name__ == "__main__":
    main()
