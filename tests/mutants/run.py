"""Seeds named faults one by one into a copy of the project; the tests must catch each.

A fault is a line of ``faults.py``: a name, a file, what stands there, what stands there
instead, and the tests that should notice. Exit code 1 names every fault that survived.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from faults import FAULTS, Fault

ROOT = Path(__file__).parents[2]

COPIED = (
    "composegen",
    "templates",
    "tests",
    "examples",
    "pyproject.toml",
    "CHANGELOG.md",
)
WORKERS = 2
TIMEOUT = 240


def make_copy(folder: Path) -> None:
    """A copy of what the tests need, without what running left behind."""
    folder.chmod(0o755)  # some tests run programs of it as another user
    ignore = shutil.ignore_patterns("__pycache__", ".secrets", "logs", ".venv", "*.pyc")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignore)
        else:
            shutil.copyfile(source, folder / name)


def run_tests(folder: Path, tests: tuple[str, ...]) -> bool:
    """Whether the named tests pass in a copy; tests that hang do not."""
    try:
        answer = _run_pytest(folder, tests)
    except subprocess.TimeoutExpired:
        return False
    if answer.returncode not in {0, 1, 2}:
        raise RuntimeError(answer.stdout + answer.stderr)
    return answer.returncode == 0


def _run_pytest(
    folder: Path, tests: tuple[str, ...]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def read_fitting(folder: Path, fault: Fault) -> str:
    """The text that a fault is seeded into; it must fit exactly once."""
    text = (folder / fault.file).read_text(encoding="utf-8")
    if text.count(fault.before) != 1:
        count = text.count(fault.before)
        raise LookupError(f"{fault.name}: stands {count} times in {fault.file}")
    return text


def seed(folder: Path, fault: Fault) -> None:
    """Put the fault into a copy."""
    text = read_fitting(folder, fault)
    path = folder / fault.file
    path.write_text(text.replace(fault.before, fault.after), encoding="utf-8")


def try_fault(fault: Fault) -> bool:
    """Whether the tests catch the fault."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        folder = Path(name)
        make_copy(folder)
        seed(folder, fault)
        return not run_tests(folder, fault.tests)


def main() -> int:
    wanted = [
        fault for fault in FAULTS if not sys.argv[1:] or fault.name in sys.argv[1:]
    ]
    for fault in wanted:
        read_fitting(ROOT, fault)
    tests = tuple(sorted({test for fault in wanted for test in fault.tests}))
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        make_copy(Path(name))
        if not run_tests(Path(name), tests):
            sys.stderr.write("the tests fail without any fault\n")
            return 1
    survived = []
    with ThreadPoolExecutor(WORKERS) as pool:
        for fault, caught in zip(wanted, pool.map(try_fault, wanted), strict=True):
            sys.stdout.write(f"{'caught  ' if caught else 'SURVIVED'}  {fault.name}\n")
            sys.stdout.flush()
            if not caught:
                survived.append(fault.name)
    sys.stdout.write(f"{len(wanted) - len(survived)} of {len(wanted)} faults caught\n")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
