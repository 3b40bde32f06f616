"""``--version`` answers without the command line's libraries, and as they would."""

import subprocess
import sys

import pytest

from composegen import __version__

COMMAND = [sys.executable, "-X", "importtime", "-m", "composegen"]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("word", ["--version", "-V"])
def test_the_version_needs_no_click(word: str) -> None:
    answer = run(word)
    assert answer.stdout == f"composegen {__version__}\n"
    assert "| composegen.terminal.version" in answer.stderr.replace("|   ", "| ")
    assert "click" not in answer.stderr


def test_with_another_word_click_says_the_same() -> None:
    answer = run("--version", "check")
    assert answer.stdout == f"composegen {__version__}\n"
    assert "click" in answer.stderr


def test_where_stdout_is_full_the_command_line_says_so() -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        answer = subprocess.run(
            [sys.executable, "-m", "composegen", "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert answer.returncode == 1
    assert "no space left" in answer.stderr.lower()
