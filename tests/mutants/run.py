"""Seeds named faults one by one into a copy of the project; the tests must catch each.

A fault is a line of ``faults.py``: a name, a file, what stands there, what stands there
instead, and the tests that should notice. Exit code 1 names every fault that survived,
and every one whose tests did not end: a slow machine does that too.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(Path(__file__).parent))

from faults import FAULTS, Fault  # noqa: E402

COPIED = (
    "composegen",
    "templates",
    "tests",
    "examples",
    "benchmarks",
    "docs",
    "findings",
    "scripts",
    "pyproject.toml",
    "CHANGELOG.md",
)
_PROFILE = ("--hypothesis-profile", "unshrunk")
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


class Outcome(StrEnum):
    """What tests say of a copy of the project with a fault in it."""

    CAUGHT = "caught"
    SURVIVED = "SURVIVED"
    TIMED_OUT = "TIMED OUT"


def run_tests(
    folder: Path, tests: Iterable[str], *, timeout: float = TIMEOUT
) -> Outcome:
    """Whether the named tests catch anything in a copy, in ``timeout`` seconds."""
    # Only whether they fail matters: to explain a long difference takes minutes.
    plain = ("--assert=plain", "--tb=no", "-p", "no:cacheprovider")
    words = [sys.executable, "-m", "pytest", "-q", "-x", *plain, *_PROFILE]
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(
            [*words, *tests],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": str(folder),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        ) as running,
    ):
        try:
            code = running.wait(timeout)
        except subprocess.TimeoutExpired:
            return Outcome.TIMED_OUT
        finally:
            running.kill()
        if code not in {0, 1, 2}:
            said.seek(0)
            raise RuntimeError(said.read())
    return Outcome.CAUGHT if code else Outcome.SURVIVED


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


def try_fault(fault: Fault) -> Outcome:
    """Whether the tests catch the fault."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        folder = Path(name)
        make_copy(folder)
        seed(folder, fault)
        return run_tests(folder, fault.tests)


def check_tests(faults: Iterable[Fault]) -> str:
    """Why the tests of these faults say nothing: they fail without any; else empty."""
    tests = sorted({test for fault in faults for test in fault.tests})
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        make_copy(Path(name))
        match run_tests(Path(name), tests, timeout=TIMEOUT * len(tests)):
            case Outcome.CAUGHT:
                return "the tests fail without any fault"
            case Outcome.TIMED_OUT:
                return "the tests do not end without any fault"
    return ""


def summarize(outcomes: Iterable[Outcome]) -> tuple[str, int]:
    """The last line, and the exit code: 0 if the tests caught every fault."""
    every = list(outcomes)
    caught = every.count(Outcome.CAUGHT)
    late = every.count(Outcome.TIMED_OUT)
    also = f", {late} timed out after {TIMEOUT} s" if late else ""
    text = f"{caught} of {len(every)} faults caught{also}"
    return text, 0 if caught == len(every) else 1


def main() -> int:
    names = sys.argv[1:]
    unknown = {*names} - {fault.name for fault in FAULTS}
    if unknown:
        sys.stderr.write(f"there is no fault {', '.join(sorted(unknown))}\n")
        return 2
    wanted = [fault for fault in FAULTS if not names or fault.name in names]
    for fault in wanted:
        read_fitting(ROOT, fault)
    if problem := check_tests(wanted):
        sys.stderr.write(f"{problem}\n")
        return 1
    outcomes = []
    with ThreadPoolExecutor(WORKERS) as pool:
        for fault, outcome in zip(wanted, pool.map(try_fault, wanted), strict=True):
            sys.stdout.write(f"{outcome:9}  {fault.name}\n")
            sys.stdout.flush()
            outcomes.append(outcome)
    text, code = summarize(outcomes)
    sys.stdout.write(f"{text}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
