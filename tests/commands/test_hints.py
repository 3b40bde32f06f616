"""Commands of `docker compose` that composegen has not lead to the one that it has."""

import subprocess

import pytest

from composegen.commands.group import COMMANDS
from tests.parts import require_program

pytestmark = pytest.mark.usefixtures("folder")


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        (["ps"], "composegen status"),
        (["ps", "-a", "--format", "json"], "composegen status"),
        (["build", "web"], "docker compose -p shop build"),
        (["pull"], "docker compose -p shop pull"),
        (["config"], "composegen render -o -"),
        (["ls"], "docker compose ls"),
        (["top"], "docker compose -p shop top"),
        (["port", "web", "80"], "docker compose -p shop port"),
        (["cp", "web:/x", "."], "docker compose -p shop cp"),
        (["kill"], "composegen down"),
        (["pause"], "docker compose -p shop pause"),
        (["watch"], "docker compose -p shop watch"),
        (["events", "--json"], "docker compose -p shop events"),
        (["rm", "-f"], "composegen down"),
        (["scale", "web=2"], "`replicas` in the stack file"),
        (["version"], "composegen --version"),
    ],
)
def test_a_command_of_compose_leads_to_the_one_that_does_it(words, instead, say):
    said = say(*words)
    assert said.startswith(f"error[usage]: composegen has no `{words[0]}`; use ")
    assert instead in said
    assert said.count("\n") == 1


def test_the_project_is_that_of_the_folder_or_a_word_for_it(folder, say):
    (folder / "below").mkdir()
    (folder / ".env").write_text("COMPOSE_PROJECT_NAME=other\n")
    assert "docker compose -p other top" in say("top")
    (folder / "stack.yaml").write_text("services: [")
    assert "docker compose -p NAME top" in say("top")
    (folder / "stack.yaml").unlink()
    assert "docker compose -p NAME top" in say("top")


@pytest.mark.parametrize("command", ["build", "pull", "publish", "watch"])
def test_what_reads_a_file_gets_the_rendered_one(folder, say, command):
    text = (folder / "stack.yaml").read_text()
    assert f"-p shop {command}" in say(command)
    (folder / "compose.override.yml").write_text("services: {}")
    assert f"-p shop -f compose.yaml {command}" in say(command)
    (folder / "stack.yaml").write_text(f"output: made.yaml\n{text}")
    assert f"-p shop -f made.yaml {command}" in say(command)
    assert "docker compose -p shop top" in say("top")


def test_a_hint_reads_as_a_sentence(say):
    assert say("build").startswith(
        "error[usage]: composegen has no `build`; use `composegen up`, which builds "
        "images; to build them alone, composegen render && docker compose -p shop build"
    )


def test_a_mistyped_command_has_a_near_one(say):
    assert say("statsu") == (
        "error[usage]: there is no command `statsu`\n"
        "= help: did you mean `status`? see composegen --help\n"
    )


def test_what_is_like_no_command_leads_to_the_help(say):
    assert "see composegen --help" in say("xyzzy")


def test_every_command_of_compose_is_known_here_or_has_a_hint(say):
    require_program("docker")
    text = subprocess.run(
        ["docker", "compose", "--help"], capture_output=True, text=True, check=False
    ).stdout
    lines = text.partition("\nCommands:\n")[2].partition("\n\n")[0].splitlines()
    names = [line.split()[0] for line in lines]
    ours = {*COMMANDS, "start", "stop", "restart"}
    for name in (each for each in names if each not in ours):
        assert f"composegen has no `{name}`" in say(name)
