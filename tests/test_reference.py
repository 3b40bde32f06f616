"""The command reference in docs/ is what the command line says of itself."""

import subprocess
import sys
from pathlib import Path

import pytest

from composegen.commands.group import COMMANDS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "commands.md"


def test_the_committed_page_is_what_the_generator_writes() -> None:
    answer = subprocess.run(
        [sys.executable, ROOT / "scripts" / "write_command_reference.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_part(name: str) -> None:
    assert f"\n## composegen {name}\n" in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_fits_eighty_columns(name: str) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "composegen", *name.split(), "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={"COLUMNS": "80", "PATH": "/usr/bin:/bin"},
    )
    lines = answer.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[2].strip().endswith(".")
