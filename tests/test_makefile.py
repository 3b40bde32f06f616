"""Targets of the Makefile that run several parts: all run, failed ones are named."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.parts import require_program

ROOT = Path(__file__).parents[1]
PROGRAMS = ("python", "mypy", "ruff")
PROGRAM = """\
#!/bin/sh
echo "ran $(basename "$PWD") $(basename "$0") $*"
case "$PWD $*" in *${FAILS:-nothing}*) exit 3 ;; esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The Makefile in a folder whose tools only print how they were called."""
    require_program("make")
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "pyproject.toml").touch()
    for service in ("router", "backend", "frontend"):
        (tmp_path / "examples" / "chat" / service).mkdir(parents=True)
    tools = tmp_path / ".venv" / "bin"
    tools.mkdir(parents=True)
    for name in PROGRAMS:
        (tools / name).write_text(PROGRAM)
        (tools / name).chmod(0o755)
    (tmp_path / ".venv" / ".made").touch()
    return tmp_path


def make(
    folder: Path, *words: str, **env: str
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run make to its end; also the lines that the programs have printed."""
    inherited = {k: v for k, v in os.environ.items() if "MAKE" not in k}
    done = subprocess.run(
        ["make", *words],
        cwd=folder,
        env={**inherited, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    return done, [line for line in done.stdout.splitlines() if line[:4] == "ran "]


@pytest.mark.parametrize(("target", "parts"), [("test", 4), ("check", 6), ("chaos", 2)])
def test_every_part_runs_and_the_target_passes(
    checkout: Path, target: str, parts: int
) -> None:
    done, ran = make(checkout, target)

    assert (done.returncode, done.stderr) == (0, "")
    assert len(ran) == parts


@pytest.mark.parametrize(
    ("target", "fails", "parts", "failed"),
    [
        ("test", "tests", 4, "test-composegen"),
        ("test", "router", 4, "test-router"),
        ("test", "-q", 4, "test-composegen test-router test-backend test-frontend"),
        ("check", "check", 6, "check-format check-lint"),
        ("chaos", "tests/chaos", 2, "chaos-composegen"),
    ],
)
def test_a_part_that_fails_hides_none_and_is_named_at_the_end(
    checkout: Path, target: str, fails: str, parts: int, failed: str
) -> None:
    done, ran = make(checkout, target, FAILS=fails)

    assert done.returncode != 0
    assert len(ran) == parts
    *_, names, last = done.stderr.splitlines()
    assert names == f"failed: {failed}"
    assert last.endswith("Error 1")


def test_one_part_is_a_target_too(checkout: Path) -> None:
    done, ran = make(checkout, "test-backend")

    assert done.returncode == 0
    assert ran == ["ran backend python -m pytest -q"]


def test_all_end_to_end_tests_of_the_gate_run_side_by_side(checkout: Path) -> None:
    done, ran = make(checkout, "e2e")

    assert done.returncode == 0
    assert len(ran) == 1
    words = ran[0].split()
    assert {"tests/e2e", "examples/chat/e2e", "-n", "loadfile"} <= {*words}


def test_programs_may_cache_their_bytecode_whatever_the_caller_has_set(
    checkout: Path,
) -> None:
    path = checkout / "Makefile"
    path.write_text(path.read_text() + "\nprint-env:\n\t@env\n")

    done, _ = make(checkout, "print-env", PYTHONDONTWRITEBYTECODE="1", KEPT="1")

    assert "KEPT=1" in done.stdout.splitlines()
    assert "PYTHONDONTWRITEBYTECODE" not in done.stdout
    assert "\nunset PYTHONDONTWRITEBYTECODE\n" in (ROOT / ".ci" / "run").read_text()
