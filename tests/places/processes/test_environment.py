"""What a process is given: variables of this place, secrets as files, its path."""

import os
import signal
import stat

import pytest

from composegen.errors import CannotRun, FileRefused
from composegen.places.processes.environment import (
    find_program,
    prepare_secrets,
    read_surroundings,
    suggest_access,
)
from composegen.places.processes.plan import Asked, settle_plan
from composegen.places.processes.units import make_units
from composegen.workspace.workspace import Workspace
from tests.refusals import close, other_user
from tests.runs import FakeMachine, load, write_stack

TEXT = """
name: demo
services:
  app:
    image: python:3.12-slim
    port: 8000
    health: /
    environment: {GREETING: "hello ${NAME:-nobody}", PRICE: $$5}
    secrets: [API_KEY]
    needs:
      db: {env: {DATABASE_URL: "{url}", DATABASE_URL_FILE: "{url_file}"}}
    local: {command: [python3, app.py], dir: ./app, env: {MODE: local}}
  db:
    use: postgres
    secrets: {db-password: POSTGRES_PASSWORD_FILE}
    local: {command: [python3, db.py]}
secrets:
  db-password: {generate: true}
"""


def prepare(tmp_path, text=TEXT, *, env=None, dotenv=""):
    (tmp_path / "app").mkdir(exist_ok=True)
    (tmp_path / ".env").write_text(dotenv)
    path = write_stack(tmp_path, text)
    environ = {"PATH": os.environ["PATH"], **(env or {})}
    around = read_surroundings(Workspace(tmp_path / "stack.yaml", environ))
    local = settle_plan(load(path), Asked(), around, FakeMachine())
    around = prepare_secrets(local.plan, around)
    units = {unit.name: unit for unit in make_units(local, around)}
    return units["app"].launch


def test_dotenv_fills_variables_and_is_not_handed_on(tmp_path):
    env = prepare(tmp_path, dotenv="NAME=Ada\nAPI_KEY=k\n").env

    assert env["GREETING"] == "hello Ada"
    assert env["PRICE"] == "$5"
    assert "NAME" not in env
    assert prepare(tmp_path, dotenv="NAME=Ada", env={"NAME": "Eve"}).env[
        "GREETING"
    ] == ("hello Eve")


def test_the_port_is_set_and_local_variables_come_last(tmp_path):
    env = prepare(tmp_path, env={"PORT": "1", "MODE": "shell", "OTHER": "kept"}).env

    assert (env["PORT"], env["MODE"], env["OTHER"]) == ("8000", "local", "kept")
    assert env["PYTHONUNBUFFERED"] == "1"


def test_secrets_are_files_and_a_password_fills_the_url(tmp_path):
    env = prepare(tmp_path, dotenv="API_KEY=shh").env

    password = (tmp_path / ".secrets" / "db-password").read_text()
    url = f"postgresql://postgres:{password}@127.0.0.1:5432/postgres"
    url_file = tmp_path / ".composegen" / "secrets" / "db-url"
    assert env["API_KEY_FILE"] == str(tmp_path / ".secrets" / "API_KEY")
    assert (tmp_path / ".secrets" / "API_KEY").read_text() == "shh"
    assert env["DATABASE_URL"] == url
    assert env["DATABASE_URL_FILE"] == str(url_file)
    assert url_file.read_text() == url
    assert not (tmp_path / ".secrets" / "db-url").exists()
    assert "API_KEY" not in env


def test_our_folder_is_closed_to_others_and_ignored_by_git(tmp_path):
    prepare(tmp_path)

    folder = tmp_path / ".composegen"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / ".gitignore").read_text() == "*\n"


def test_the_path_begins_with_the_virtual_environments(tmp_path):
    for folder in (tmp_path / "app", tmp_path):
        (folder / ".venv" / "bin").mkdir(parents=True)

    path = prepare(tmp_path).env["PATH"].split(os.pathsep)

    assert path[:2] == [
        str(tmp_path / "app" / ".venv" / "bin"),
        str(tmp_path / ".venv" / "bin"),
    ]
    assert prepare(tmp_path).folder == tmp_path / "app"


def test_a_required_variable_that_is_not_set_is_an_error(tmp_path):
    text = TEXT.replace("${NAME:-nobody}", "${NAME:?who is it}")

    with pytest.raises(CannotRun, match="NAME is not set: who is it") as caught:
        prepare(tmp_path, text)
    assert "set NAME in .env" in caught.value.help


def test_env_files_are_read_below_the_services_own_variables(tmp_path):
    (tmp_path / "app.env").write_text("GREETING=file\nEXTRA=${NAME}\n")
    text = TEXT.replace("    port: 8000\n", "    port: 8000\n    env_file: app.env\n")

    env = prepare(tmp_path, text, env={"NAME": "Ada"}).env

    assert env["EXTRA"] == "Ada"
    assert env["GREETING"] == "hello Ada"


def test_what_an_excluded_need_would_set_is_in_no_env_file_either(tmp_path):
    (tmp_path / "app.env").write_text("DATABASE_URL=postgres://elsewhere\n")
    text = TEXT.replace("    port: 8000\n", "    port: 8000\n    env_file: app.env\n")
    text = text.replace('"{url_file}"}}', '"{url_file}"}, otherwise: {}}')
    text = text.replace("[python3, db.py]", "[no-such-database-here]")

    assert "DATABASE_URL" not in prepare(tmp_path, text).env


ENV_FILE = TEXT.replace(
    'environment: {GREETING: "hello ${NAME:-nobody}", PRICE: $$5}', "env_file: [HERE]"
)


def test_the_path_of_an_env_file_is_filled_and_must_be_known(tmp_path):
    (tmp_path / "a.env").write_text("A=b\n")
    text = ENV_FILE.replace("HERE", '"${WHICH:?say which}.env"')

    assert prepare(tmp_path, text, env={"WHICH": "a"}).env["A"] == "b"
    with pytest.raises(CannotRun, match="`app`: WHICH is not set: say which") as caught:
        prepare(tmp_path, text)
    assert caught.value.help == "set WHICH in .env or in the environment"


def test_a_line_of_an_env_file_that_cannot_be_filled_is_named(tmp_path):
    (tmp_path / "a.env").write_text("\nA=${B:?say it}\n")
    with pytest.raises(FileRefused, match=r"^a\.env:2: B is not set: say it$"):
        prepare(tmp_path, ENV_FILE.replace("HERE", "a.env"))


def test_a_raw_env_file_is_read_as_it_stands(tmp_path):
    (tmp_path / "a.env").write_text("A='$B'\n")
    text = ENV_FILE.replace("HERE", "{path: a.env, format: raw}")

    assert prepare(tmp_path, text).env["A"] == "'$B'"


def test_settings_of_compose_are_filled(tmp_path):
    text = TEXT.replace(
        "    health: /\n",
        "    health: /\n    stop_grace_period: ${GRACE:-3s}\n"
        "    stop_signal: ${SIGNAL:-SIGINT}\n",
    )

    launch = prepare(tmp_path, text)
    assert (launch.grace, launch.stop_signal) == (3.0, signal.SIGINT)
    launch = prepare(tmp_path, text, env={"GRACE": "1m", "SIGNAL": "quit"})
    assert (launch.grace, launch.stop_signal) == (60.0, signal.SIGQUIT)
    with pytest.raises(CannotRun, match="'soon' is not a stop_grace_period"):
        prepare(tmp_path, text, env={"GRACE": "soon"})


def test_the_folder_of_data_is_one_word_of_a_text(tmp_path):
    home = tmp_path / "my shop"
    home.mkdir()
    text = TEXT.replace("[python3, app.py], dir", "'ls {data} \"{data}/x\"', dir")

    *_, command = prepare(home, text).command
    data = f"{home}/.composegen/data/app"
    assert command == f"ls '{data}' \"{data}/x\""


def test_a_secret_s_file_that_the_user_has_to_make_must_be_there(tmp_path):
    text = TEXT.replace(
        "{generate: true}", "{generate: true}\n  API_KEY: {file: ./key}"
    )
    with pytest.raises(FileRefused, match="key: the file of the secret does not exist"):
        prepare(tmp_path, text)

    (tmp_path / "key").write_text("k")
    assert prepare(tmp_path, text)


# Programs that are closed to this user


def write_program(folder, mode=0o755):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tool").write_text("#!/bin/sh\n")
    (folder / "tool").chmod(mode)
    return folder / "tool"


def test_a_program_beyond_a_closed_folder_of_the_path_is_found(shared_folder):
    program = write_program(shared_folder / "bin")
    path = f"{close(shared_folder / 'home')}/bin:{program.parent}"

    with other_user():
        assert find_program("tool", shared_folder, path) == (program, "")
        assert suggest_access("tool", shared_folder, path) == ""


@pytest.mark.parametrize("word", ["tool", "home/tool"])
def test_a_program_that_cannot_be_seen_is_reported_with_the_folder_that_is_closed(
    shared_folder, word
):
    write_program(shared_folder / "home")
    closed = close(shared_folder / "home")

    with other_user():
        program, cause = find_program(word, shared_folder, str(closed))
        help = suggest_access(word, shared_folder, str(closed))

    assert program is None
    assert f"may not enter the folder {closed} (d" in cause
    assert f"chmod o+x {closed}" in help


def test_a_program_that_others_may_execute_names_the_user_who_may_not(shared_folder):
    program = write_program(shared_folder / "bin", 0o700)
    if os.geteuid() != 0:
        program.chmod(0o011)

    with other_user():
        found, cause = find_program("tool", shared_folder, str(program.parent))
        help = suggest_access("tool", shared_folder, str(program.parent))

    assert found is None
    assert f"may not execute {program} (-" in cause
    assert f"chmod o+rx {program}" in help


def test_an_env_file_that_may_not_be_read_is_not_missing(shared_folder):
    (shared_folder / ".env").touch(mode=0)

    with other_user(), pytest.raises(FileRefused, match=r"\.env: permission denied"):
        read_surroundings(Workspace(shared_folder / "stack.yaml", {}))


PASSED = TEXT.replace(
    "    port: 8000\n", "    port: 8000\n    env_file: app.env\n"
).replace("    environment:", "    labels:")


@pytest.mark.parametrize(
    ("env", "dotenv", "value"),
    [
        ({"TOKEN": "shell"}, "TOKEN=file", "shell"),
        ({}, "TOKEN=file", "file"),
        ({}, "", None),
    ],
)
def test_a_variable_is_passed_on_where_it_is_set(env, dotenv, value, tmp_path):
    # Compose takes nothing from the env file for it, either (2.40.3).
    (tmp_path / "app.env").write_text("TOKEN=app\nOTHER=app\n")
    text = PASSED.replace("    env_file:", "    environment: [TOKEN]\n    env_file:")

    launched = prepare(tmp_path, text, env=env, dotenv=dotenv).env

    assert launched.get("TOKEN") == value
    assert launched["OTHER"] == "app"
