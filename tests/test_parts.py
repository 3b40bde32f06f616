"""A part that is missing is one line at the end, however many tests need it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTS = """
import pytest
from tests.parts import require_program, skip_without

@pytest.fixture(params=range(3))
def tool(request):
    require_program("no-such-tool")

def test_one(tool): pass
def test_two(tool): pass
def test_without_a_fixture(): require_program("no-such-tool")
def test_that_needs_another(): require_program("another-tool")
def test_that_never_fails_without(): skip_without("a-rare-tool")
def test_that_has_its_own_reason(): pytest.skip("no IPv6 here")
def test_that_passes(): require_program("sh")
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A suite in a folder of its own, with this project's configuration."""
    (tmp_path / "tests").mkdir()
    for name in ("pyproject.toml", "tests/conftest.py", "tests/parts.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "tests" / "test_it.py").write_text(TESTS)
    return tmp_path


def run_suite(folder: Path, *words: str, required: bool = False) -> tuple[int, str]:
    ours = ("PYTEST_", "REQUIRE_PARTS")
    env = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *words],
        cwd=folder,
        env={**env, "REQUIRE_PARTS": "1"} if required else env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("words", [["-n", "0"], ["-n", "2"]])
def test_each_missing_part_is_one_line_and_other_reasons_stay(
    suite: Path, words: list[str]
) -> None:
    code, out = run_suite(suite, *words)

    assert code == 0
    assert sorted(line for line in out.splitlines() if "SKIPPED" in line) == [
        "SKIPPED [1] tests/parts.py: a-rare-tool is missing here",
        "SKIPPED [1] tests/parts.py: another-tool is missing here",
        "SKIPPED [1] tests/test_it.py:14: no IPv6 here",
        "SKIPPED [7] tests/parts.py: no-such-tool is missing here",
    ]
    assert "1 passed, 10 skipped" in out


def test_where_every_part_is_required_a_missing_one_is_a_failure(suite: Path) -> None:
    code, out = run_suite(suite, "-n", "0", required=True)

    assert code == 1
    assert "2 failed, 1 passed, 2 skipped, 6 errors" in out
    assert "no-such-tool is missing" in out
