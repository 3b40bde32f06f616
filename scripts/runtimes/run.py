"""Tries the examples, the promises and the failing stacks on several runtimes.

usage: python -m scripts.runtimes.run [--only NAME] [--record]

For ``make runtimes``: writes the rows of what was tried into docs/runtimes.md, and
ends with 1 where anything is not as it should be. ``--record`` keeps what Compose says
of the failing stacks.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from composegen.places.engine.compose_lines import list_spoken
from composegen.records import record
from composegen.stackfile.load import load_stack
from scripts.runtimes.failing import (
    RECORDED,
    Verdict,
    find_fault,
    list_failing,
    try_failing,
)
from scripts.runtimes.promises import PROMISES, try_promises
from scripts.runtimes.runtime import HERE, ROOT, Runtime, make_runtime

COMPOSES = ("2.24.7", "2.40.3", "5.6.0")
PAGE = ROOT / "docs" / "runtimes.md"
EXAMPLES = (
    *("01-hello", "02-health-gates", "03-optional-with-fallback"),
    *("04-database-with-migration-job", "chat"),
)
OTHERS = (
    *("Podman", "Docker Engine 25", "Docker Engine 28", "Docker Engine 29"),
    *("nerdctl compose", "Windows and macOS"),
)
"""What people have, too: a row of its own where it was not tried."""
_UNKNOWN = "not tested"
_HEADS = [
    *("runtime", *PROMISES),
    *("lessons 01 to 04", "chat", "failing stacks", "tried"),
]
_CELLS = {True: "yes", False: "**no**", None: _UNKNOWN}
_FOLDER = "COMPOSEGEN_RUNTIMES_DIR"
_BEGIN, _END = "<!-- table: begin -->", "<!-- table: end -->"
_PUBLISHED = re.compile(r"^( +publish: )(\d+)\b", re.MULTILINE)


@record
class Result:
    """What a runtime has done."""

    runtime: Runtime
    examples: dict[str, str]
    promises: dict[str, bool | None]
    failing: dict[str, Verdict]
    faults: dict[str, str]


def list_programs(folder: Path, only: str) -> Iterator[Path | None]:
    """Each Compose that is wanted, built where it is not the installed one (None)."""
    words = ["docker", "compose", "version", "--short"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    named = [version for version in COMPOSES if version in only]
    usual = COMPOSES[-1:] if "podman" in only.lower() else COMPOSES
    for version in named or usual:
        if said.startswith(version):
            yield None
            continue
        place = folder / f"compose-{version}"
        script = [str(HERE / "compose.sh"), version, str(place)]
        done = subprocess.run(script, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            yield place / "docker-compose"
        else:
            say(f"Compose {version} is not tried: {done.stderr.strip()}")


@contextmanager
def have_podman(folder: Path, *, wanted: bool) -> Iterator[str]:
    """The address of Podman's socket; empty where it cannot be had here."""
    script = HERE / "podman.sh"
    place = folder / "podman"
    address = ""
    if script.exists() and wanted:
        words = [str(script), "start", str(place)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        lines = done.stdout.split()
        address = lines[-1] if done.returncode == 0 and lines else ""
        if not address:
            say(f"Podman is not tried: {done.stderr.strip()[-200:]}")
        else:
            images = {image for name in EXAMPLES for image in find_images(name)}
            load = [str(script), "load", str(place), *sorted(images)]
            subprocess.run(load, check=True)
    try:
        yield address
    finally:
        if address:
            subprocess.run([str(script), "stop", str(place)], check=False)


def find_images(name: str) -> Iterator[str]:
    """What an example is pulled from and built on."""
    folder = ROOT / "examples" / name
    for service in load_stack(folder / "stack.yaml").stack.services.values():
        if service.build is None:
            yield service.image
        elif service.build.base_image:
            yield service.build.base_image


def say(text: str) -> None:
    print(text, flush=True)


def try_example(name: str, runtime: Runtime, folder: Path) -> str:
    """How an example comes up: empty where it does, else what was said."""
    place = folder / name
    ignored = shutil.ignore_patterns("expected", ".*", "__pycache__", "compose.yaml")
    shutil.copytree(ROOT / "examples" / name, place, ignore=ignored)
    file = place / "stack.yaml"
    text = re.sub(r"^name: .*", f"name: {folder.name}-{name}", file.read_text())
    # The ports of the examples may be taken by the examples.
    file.write_text(_PUBLISHED.sub(r"\g<1>0:\2", text))
    try:
        done = runtime.composegen(place, "up")
        status = runtime.composegen(place, "status")
    finally:
        runtime.composegen(place, "down", "--volumes", "--yes")
        runtime.remove_images(f"{folder.name}-{name}")
    if done.code == status.code == 0:
        return ""
    return f"{done.text}\n{status.text}"


def try_runtime(runtime: Runtime, folder: Path, *, keeps: bool) -> Result:
    """Everything on one runtime."""
    say(f"== {runtime.name}")
    promises, said = try_promises(runtime, folder)
    say(said or f"promises: {promises}")
    examples = {}
    for name in EXAMPLES:
        examples[name] = try_example(name, runtime, folder)
        say(f"{name}: {examples[name] or 'up'}")
    failing, faults = {}, {}
    # The registry of a failing stack is on this machine, which Podman does not see.
    for name in [] if runtime.is_podman else list_failing():
        log = folder / f"{name}.txt"
        failing[name] = verdict = try_failing(name, runtime, folder, log)
        fault = find_fault(name, verdict)
        if fault:
            faults[name] = fault
            say(f"{name}: {fault}\n{verdict.text}")
        else:
            say(f"{name}: as expected")
        if keeps:
            keep_recorded(log, runtime, name)
    return Result(
        runtime=runtime,
        examples=examples,
        promises=promises,
        failing=failing,
        faults=faults,
    )


def keep_recorded(log: Path, runtime: Runtime, name: str) -> None:
    """Keep what Compose said, for tests that have no such Compose.

    Where it only says how far it is, composegen has ended it before it complained.
    """
    place = RECORDED / runtime.compose
    place.mkdir(parents=True, exist_ok=True)
    target = place / f"{name}.txt"
    text = log.read_text() if log.exists() else ""
    if list_spoken(line.strip() for line in text.splitlines()):
        target.write_text(text)
    else:
        target.unlink(missing_ok=True)


# The table


def write_row(result: Result) -> list[str]:
    """What one runtime has done, cell by cell."""
    lessons = [not result.examples[name] for name in EXAMPLES[:-1]]
    right = len(result.failing) - len(result.faults)
    return [
        result.runtime.name,
        *(_CELLS[result.promises[name]] for name in PROMISES),
        f"{sum(lessons)} of {len(lessons)}",
        "**no**" if result.examples["chat"] else "yes",
        f"{right} of {len(result.failing)}" if result.failing else _UNKNOWN,
        datetime.now(UTC).date().isoformat(),
    ]


def write_table(rows: list[list[str]]) -> str:
    """The rows of all runtimes in Markdown; one that was not tried has a row, too."""
    tried = [row for row in rows if row[-1] != _UNKNOWN]
    names = " ".join(row[0] for row in tried)
    others = (*(f"Compose {version}" for version in COMPOSES), *OTHERS)
    lacking = [
        [name, *[_UNKNOWN] * (len(_HEADS) - 1)] for name in others if name not in names
    ]
    lines = [_HEADS, ["---"] * len(_HEADS), *tried, *lacking]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def read_rows(table: str) -> list[list[str]]:
    """The rows of a table as they were written."""
    found = [line.strip("| ").split(" | ") for line in table.split("\n")]
    return [row for row in found if len(row) == len(_HEADS)][2:]


def write_page(results: list[Result]) -> None:
    """Put what was tried into the table of the page; other rows stay as they are."""
    before, _, rest = PAGE.read_text().partition(_BEGIN)
    table, _, after = rest.partition(_END)
    rows = {row[0]: row for row in read_rows(table)}
    rows |= {each.runtime.name: write_row(each) for each in results}
    text = write_table([rows[name] for name in sorted(rows)])
    PAGE.write_text(f"{before}{_BEGIN}\n{text}\n{_END}{after}")


def find_differences(results: list[Result]) -> Iterator[str]:
    """The failing stacks of which two runtimes on one engine say other things."""
    for name in list_failing():
        told = {
            (each.failing[name].code, each.failing[name].culprits)
            for each in results
            if each.failing
        }
        if len(told) > 1:
            yield f"{name}: {sorted(told)}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.runtimes.run")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--only", default="", help="part of a runtime's name")
    parser.add_argument("--prefix", default="runtimes", help="of the projects' names")
    options = parser.parse_args()
    kept = Path(os.environ.get(_FOLDER, "/var/tmp/composegen-runtimes"))
    results: list[Result] = []
    wants_podman = not options.only or "podman" in options.only.lower()
    with (
        tempfile.TemporaryDirectory() as scratch,
        have_podman(kept, wanted=wants_podman) as podman,
    ):
        programs = [*list_programs(kept, options.only)]
        within = (str(HERE / "podman.sh"), "run", str(kept / "podman"))
        chosen: list[tuple[Path | None, str, tuple[str, ...]]] = [
            (program, "", ()) for program in programs
        ]
        if podman:
            chosen.append((programs[-1], podman, within))
        for number, (program, host, prefix) in enumerate(chosen, 1):
            settings = Path(scratch) / f"settings-{number}"
            runtime = make_runtime(program, settings, host, prefix)
            if options.only not in runtime.name:
                continue
            folder = Path(scratch) / f"{options.prefix}{number}"
            folder.mkdir()
            results.append(try_runtime(runtime, folder, keeps=options.record))
    differences = [*find_differences(results)]
    for each in differences:
        say(f"two runtimes differ: {each}")
    write_page(results)
    good = (
        False not in each.promises.values() and not any(each.examples.values())
        for each in results
    )
    is_good = all(good) and not any(each.faults for each in results)
    return 0 if results and is_good and not differences else 1


if __name__ == "__main__":
    sys.exit(main())
