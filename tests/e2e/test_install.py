"""Installed from a package index as people do it: by pipx, and as a pre-commit hook."""

import os
import subprocess
import sys
from pathlib import Path

from tests.parts import require_part

ROOT = Path(__file__).parents[2]
STACK = "services:\n  app: {image: 'a:1', health: {none: a}}\n"
UNREACHABLE = ("Could not find a version", "No matching distribution")
SECONDS = 400


def run(folder: Path, *words: str | Path) -> str:
    """What a command prints; where it ends badly, that is shown."""
    own = {key: text for key, text in os.environ.items() if "GIT" not in key}
    answer = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=SECONDS,
        env={
            **own,
            "PIPX_HOME": str(folder / "pipx"),
            "PIPX_BIN_DIR": str(folder / "bin"),
            "PIPX_MAN_DIR": str(folder / "man"),
            "PRE_COMMIT_HOME": str(folder / "cache"),
        },
    )
    is_there = not any(words in answer.stdout for words in UNREACHABLE)
    require_part(is_there, "a package index to install from")
    assert answer.returncode == 0, answer.stdout
    return answer.stdout


def test_pipx_installs_a_command_that_works_anywhere(tmp_path: Path) -> None:
    python = ("--python", sys.executable)
    shown = run(tmp_path, sys.executable, "-m", "pipx", "install", *python, ROOT)
    assert "installed package composegen" in shown
    command = tmp_path / "bin" / "composegen"
    run(tmp_path, command, "init", "chat")
    assert "condition: service_healthy" in run(
        *(tmp_path, command, "render", "-o", "-", "-f", "chat/stack.yaml")
    )
    [own] = (tmp_path / "pipx" / "venvs").glob("composegen/bin/python")
    assert "composegen" in run(tmp_path, own, "-m", "composegen", "--version")
    assert "No broken requirements" in run(
        *(tmp_path, sys.executable, "-m", "pipx", "runpip", "composegen", "check")
    )


def test_pre_commit_installs_the_hook_from_this_repository(tmp_path: Path) -> None:
    folder = tmp_path / "scratch"
    folder.mkdir()
    (folder / "stack.yaml").write_text(STACK)
    run(folder, "git", "init", "-q")
    run(folder, "git", "add", "-A")
    shown = run(
        *(folder, sys.executable, "-m", "pre_commit"),
        *("try-repo", ROOT, "composegen-check", "--all-files"),
    )
    assert "Passed" in shown
