"""Options of `docker compose` are accepted, or lead to what composegen has."""

import os
import re
import subprocess
import sys

import click
import pytest

from composegen.commands import cli
from composegen.commands.group import COMMANDS
from composegen.commands.habits import HABITS
from tests.parts import require_program
from tests.runs import ROOT

pytestmark = pytest.mark.usefixtures("folder")

CASES = [(command, option) for command, each in HABITS.items() for option in each]
OURS = {"ps": "status"}
"""What does here what another command of Compose does."""


def list_options(command):
    """The options that composegen's own command has."""
    found = cli if command == "composegen" else cli.get_command(None, command)
    return {
        name
        for parameter in found.params
        if isinstance(parameter, click.Option)
        for name in (*parameter.opts, *parameter.secondary_opts)
    }


@pytest.mark.parametrize(("command", "option"), CASES)
def test_every_option_of_the_table_says_what_to_type(command, option, say):
    assert option not in list_options(command)
    words = [] if command == "composegen" else [command]
    said = say(*words, option)
    message, _, help = said.partition("\n")
    if option == "-it":  # click names the first letter of several
        option = "-i"
    assert message.endswith(f"has no option `{option}`")
    assert help.startswith("= help: ")
    assert "--help" not in help
    assert not {"{", "}", "NAME}"} & set(help)


@pytest.mark.parametrize(("command", "option"), CASES)
def test_what_it_says_to_type_is_there(command, option):
    """Every command and option of composegen that a help names exists."""
    for named, rest in re.findall(
        r"composegen ([a-z]+)([^;`&]*)", HABITS[command][option]
    ):
        assert named in COMMANDS
        typed = set(re.findall(r"(?<!\S)--?[a-z]+(?:-[a-z]+)*", rest))
        assert typed <= list_options(named)


def test_an_option_of_the_engine_names_the_project(say):
    assert say("logs", "--since", "1m") == (
        "error: `logs` has no option `--since`\n"
        "= help: composegen logs -n COUNT; docker compose -p shop logs --since "
        "(on the engine)\n"
    )


def test_names_where_a_command_takes_none_lead_to_one_that_does(say):
    assert say("down", "web", "db") == (
        "error: `down` takes no services: web db\n"
        "= help: composegen stop web db; `down` ends everything\n"
    )
    assert "shows every service" in say("status", "web")


def test_a_name_with_a_brace_is_shown_as_it_is(say):
    assert "composegen stop {x}(y)" in say("down", "{x}(y)")


def test_what_is_no_habit_leads_to_the_help(say):
    assert "see composegen logs --help" in say("logs", "--xyzzy")
    assert "see composegen init --help" in say("init", "a", "b")


@pytest.mark.parametrize(
    ("command", "options"),
    [("logs", {"-n", "--tail"}), ("down", {"-v", "--volumes"}), ("exec", {"-i", "-t"})],
)
def test_what_means_the_same_has_the_same_name(command, options):
    assert options <= list_options(command)


def test_exec_fails_where_a_terminal_is_wanted_and_there_is_none(say):
    assert "no terminal" in say("exec", "-it", "web", "sh")
    assert "contradict" in say("exec", "-t", "-T", "web", "sh")


@pytest.mark.parametrize(
    "command",
    ["composegen", *sorted(HABITS.keys() - {"composegen", "status"}), "ps"],
)
def test_every_option_of_compose_is_ours_or_in_the_table(command):
    require_program("docker")
    words = [] if command == "composegen" else [command]
    text = subprocess.run(
        ["docker", "compose", *words, "--help"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    ours = OURS.get(command, command)
    known = list_options(ours) | HABITS[ours].keys()
    listed = re.findall(r"^ {2,6}(?:(-\w), )?(--[\w-]+)", text, re.MULTILINE)
    assert listed
    missing = {long for short, long in listed if long not in known}
    assert missing <= {"--volume"}  # `-v` of `run` is --verbose here


def test_the_table_is_loaded_only_where_the_command_line_has_an_error() -> None:
    text = (
        "import sys; from composegen.commands import _run; "
        "_run(['plan']); name = 'composegen.commands.habits'; "
        "before = name in sys.modules; _run(['plan', '--xyzzy']); "
        "print(before, name in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", text],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith("False True\n")
