"""The table of commands: a file each, loaded when it is typed."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from composegen.commands import cli
from composegen.commands.group import COMMANDS

FOLDER = Path(__file__).parents[2] / "composegen" / "commands"
SHARED = {
    "__init__",
    "acting",
    "boarding",
    "declare",
    "group",
    "habits",
    "hints",
    "options",
    "recording",
    "scaffold",
    "types",
    "up_asked",
    "up_engine",
    "where",
}
CLUSTER = {f"{name}_cluster" for name in ("doctor", "render", "up")}
"""The parts of commands that only a cluster needs: they are loaded for it alone."""

LOADED = """
import sys
from composegen.commands import cli
cli.get_command(None, "schema")
print(*(name for name in sys.modules if name.startswith("composegen.commands.")))
"""


def test_every_file_is_a_command_of_the_table():
    files = {path.stem for path in FOLDER.glob("*.py")} - SHARED - CLUSTER
    assert files == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_called_as_its_file(name):
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name


def test_what_is_no_command_is_none():
    assert cli.get_command(click.Context(cli), "options") is None


def test_only_the_file_of_the_command_that_is_typed_is_loaded():
    said = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    )
    loaded = {name.rpartition(".")[2] for name in said.stdout.split()}
    assert loaded & set(COMMANDS) == {"schema"}
