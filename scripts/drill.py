"""Drills the chat stack in both places, for ``make drill``.

Each time it is a copy of the stack, brought up, drilled with every fault, and taken
down. A place whose parts are missing here is named, and fails.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

COMPOSEGEN = [sys.executable, "-m", "composegen"]
FAULTS = "stop,kill,freeze,cut,without"
UP_DEADLINE = 180.0


def call(folder: Path, *words: str) -> int:
    """Run a command of ours in a folder; its exit code."""
    print(f"\n$ composegen {' '.join(words)}", flush=True)
    return subprocess.run([*COMPOSEGEN, *words], cwd=folder, check=False).returncode


@contextmanager
def make_copy() -> Iterator[Path]:
    """The chat stack in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="drill-") as name:
        folder = Path(name) / "chat-drill"
        subprocess.run([*COMPOSEGEN, "init", str(folder)], check=True)
        yield folder


def drill(folder: Path) -> int:
    """Drill what runs; recovery may take as long as a slow machine needs."""
    return call(folder, "drill", "--yes", "--faults", FAULTS, "--within", "60s")


def drill_engine(folder: Path) -> int:
    """Bring it up on the engine and drill it."""
    try:
        return call(folder, "up") or drill(folder)
    finally:
        call(folder, "down", "--volumes", "--yes")


def drill_processes(folder: Path) -> int:
    """Run it as processes and drill it."""
    print("\n$ composegen run", flush=True)
    run = subprocess.Popen([*COMPOSEGEN, "run"], cwd=folder, stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + UP_DEADLINE
        status = [*COMPOSEGEN, "status"]
        while subprocess.run(status, cwd=folder, capture_output=True).returncode != 0:  # noqa: PLW1510 - the code is what is asked for
            if run.poll() is not None or time.monotonic() > end:
                return 1
            time.sleep(0.5)
        return drill(folder)
    finally:
        call(folder, "down")
        run.wait()


def main() -> None:
    """Drill in both places; fail where one need does not hold."""
    failed = []
    for name, act in (("the engine", drill_engine), ("processes", drill_processes)):
        with make_copy() as folder:
            if act(folder) != 0:
                failed.append(name)
    if failed:
        sys.exit(f"not every need holds: {', '.join(failed)}")


if __name__ == "__main__":
    main()
