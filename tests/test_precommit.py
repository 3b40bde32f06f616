"""The hooks that others install from this repository do what they say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.parts import require_program

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
STACK = "services:\n  app: {image: 'a:1', health: {none: a}}\n"
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A scratch repository with a stack, rendered."""
    require_program("git")
    folder = tmp_path / "scratch"
    folder.mkdir()
    (folder / "stack.yaml").write_text(STACK)
    run(folder, "git", "init", "-q")
    run(folder, BIN / "composegen", "render")
    run(folder, "git", "add", "-A")
    return folder


def run(folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    own = {key: text for key, text in os.environ.items() if "GIT" not in key}
    return subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={
            **own,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "PRE_COMMIT_HOME": str(folder.parent / "cache"),
        },
    )


def run_hooks(repository: Path) -> subprocess.CompletedProcess[str]:
    """Both hooks as they are, but for where they run: here, so nothing is fetched."""
    hooks = [{**hook, "language": "system"} for hook in HOOKS]
    (repository / ".pre-commit-config.yaml").write_text(
        yaml.safe_dump({"repos": [{"repo": "local", "hooks": hooks}]})
    )
    run(repository, "git", "add", "-A")
    return run(repository, sys.executable, "-m", "pre_commit", "run", "--all-files")


def test_a_stack_that_is_fine_and_rendered_passes(repository: Path) -> None:
    answer = run_hooks(repository)
    assert answer.returncode == 0, answer.stdout
    assert answer.stdout.count("Passed") == 2


def test_a_stack_with_a_problem_is_stopped(repository: Path) -> None:
    (repository / "stack.yaml").write_text(STACK + "  b: {imag: x}\n")
    answer = run_hooks(repository)
    assert answer.returncode == 1
    assert "did you mean `image`?" in answer.stdout


def test_a_rendered_file_that_is_stale_is_stopped(repository: Path) -> None:
    (repository / "stack.yaml").write_text(STACK.replace("app", "web"))
    answer = run_hooks(repository)
    assert answer.returncode == 1
    assert "composegen check" in answer.stdout
    assert answer.stdout.count("Passed") == 1
    assert "is not what the stack file says now" in answer.stdout


def test_files_of_other_kinds_wake_no_hook(repository: Path) -> None:
    run_hooks(repository)
    answer = run(
        *(repository, sys.executable, "-m", "pre_commit", "run"),
        *("--files", ".pre-commit-config.yaml"),
    )
    assert answer.stdout.count("Skipped") == 2
