"""Times whole processes in turn, so that a machine's drift meets all of them alike."""

import os
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Run:
    """One finished process: wall and CPU seconds, and its peak memory in MiB."""

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True, slots=True)
class Series:
    """All runs of one command."""

    name: str
    runs: tuple[Run, ...]

    def list_values(self, figure: str) -> list[float]:
        """A figure of every run."""
        return [getattr(run, figure) for run in self.runs]


def install(folder: Path) -> Path:
    """composegen from a wheel of this checkout; returns the command."""
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "-q", str(ROOT)],
        check=True,
    )
    return folder / "venv" / "bin" / "composegen"


def run_once(command: Sequence[str], cwd: Path) -> Run:
    """Run a command to its end; raises RuntimeError when it fails.

    PYTHONPATH is not passed on: what is installed is measured, not this checkout.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {errors}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def measure(
    commands: dict[str, Sequence[str]], cwd: Path, *, count: int, warm_up: int = 1
) -> dict[str, Series]:
    """Run the commands in turn, ``count`` times each after a warm-up."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for turn in range(count + warm_up):
        for name, command in commands.items():
            run = run_once(command, cwd)
            if turn >= warm_up:
                runs[name].append(run)
    return {name: Series(name, tuple(series)) for name, series in runs.items()}


def describe_machine() -> str:
    """What the figures were measured on."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    python = ".".join(map(str, sys.version_info[:3]))
    linux = os.uname().release
    return f"{os.cpu_count()} cores, {model}, Linux {linux}, CPython {python}"
