"""A store in Docker is given what its service says, in the words of `docker run`."""

import os

import pytest

from composegen.errors import CannotRun
from composegen.health import HealthKind
from composegen.places.processes.claims import enter_container
from composegen.places.processes.environment import prepare_secrets, read_surroundings
from composegen.places.processes.plan import Asked, settle_plan
from composegen.places.processes.readiness import Probe
from composegen.places.processes.units import make_units
from composegen.workspace.workspace import Workspace
from tests.runs import FakeMachine, load, write_stack

TEXT = """
name: demo
secrets: {db-password: {generate: true}}
services:
  app:
    image: python:3.12-slim
    port: 8000
    health: /
    needs: [db]
    local: {command: [python3, app.py]}
  db:
    use: postgres
    secrets: {db-password: POSTGRES_PASSWORD_FILE}
"""


def start(folder, *lines, env=None, text=TEXT):
    """How a Postgres with some more lines is started."""
    path = write_stack(folder, text + "".join(f"    {line}\n" for line in lines))
    environ = {"PATH": os.environ["PATH"], **(env or {})}
    around = read_surroundings(Workspace(folder / "stack.yaml", environ))
    local = settle_plan(load(path), Asked(), around, FakeMachine(engine=True))
    around = prepare_secrets(local.plan, around)
    [launch] = [u.launch for u in make_units(local, around) if u.name == "db"]
    return launch


def list_values(launch, option):
    words = launch.command
    return [words[i + 1] for i, word in enumerate(words) if word == option]


def list_after_image(launch):
    words = list(launch.command)
    return words[words.index("postgres:18-alpine") + 1 :]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("command: postgres -c 'log_statement=all'", ["-c", "log_statement=all"]),
        ("command: [postgres, -c, log_statement=all]", ["-c", "log_statement=all"]),
        ('command: postgres -c "user=${WHO:-me}"', ["-c", "user=me"]),
    ],
)
def test_a_command_is_split_as_compose_splits_it(tmp_path, line, words):
    assert list_after_image(start(tmp_path, line)) == ["postgres", *words]


def test_a_command_with_an_open_quote_is_refused(tmp_path):
    with pytest.raises(CannotRun, match="`db`: its command cannot be split") as caught:
        start(tmp_path, "command: postgres -c 'a")

    assert caught.value.help == "no closing quotation: write it as a list"


def test_an_entrypoint_takes_the_image_s_place_its_arguments_the_command_s(tmp_path):
    lines = ("entrypoint: [tini, --, docker-entrypoint.sh]", "command: [postgres]")
    launch = start(tmp_path, *lines)

    assert list_values(launch, "--entrypoint") == ["tini"]
    assert list_after_image(launch) == ["--", "docker-entrypoint.sh", "postgres"]
    assert "--entrypoint" not in start(tmp_path).command


def test_env_files_are_read_and_own_variables_win(tmp_path):
    (tmp_path / "db.env").write_text("POSTGRES_DB=shop\nTZ=UTC\n")
    launch = start(tmp_path, "env_file: db.env", "environment: {TZ: Europe/Oslo}")

    assert launch.env["POSTGRES_DB"] == "shop"
    assert launch.env["TZ"] == "Europe/Oslo"
    assert {"POSTGRES_DB", "TZ"} <= set(list_values(launch, "--env"))
    assert "shop" not in " ".join(launch.command)


def test_a_file_of_the_folder_is_mounted_where_it_is(tmp_path):
    launch = start(
        tmp_path,
        "volumes:",
        "- ./init.sql:/docker-entrypoint-initdb.d/init.sql:ro",
        "- {type: bind, source: ./conf, target: /conf, read_only: true}",
        "- more:/more",
        "- {type: tmpfs, target: /scratch}",
    )

    mounts = list_values(launch, "--volume")
    assert f"{tmp_path}/init.sql:/docker-entrypoint-initdb.d/init.sql:ro" in mounts
    assert f"{tmp_path}/conf:/conf:ro" in mounts
    more, data = list_values(launch, "--mount")
    if "more" not in more:
        more, data = data, more
    assert more == (
        "type=volume,source=demo-run_more,target=/more,"
        f"volume-label=composegen.folder={tmp_path}"
    )
    assert data.startswith("type=volume,source=demo-run_db-data,")
    assert list_values(launch, "--tmpfs") == ["/scratch"]


def test_a_mount_that_docker_run_does_not_know_is_refused(tmp_path):
    with pytest.raises(CannotRun, match="has a mount of type image"):
        start(tmp_path, "volumes: [{type: image, source: x, target: /x}]")


def test_who_it_runs_as_and_what_it_shares_is_said(tmp_path):
    launch = start(tmp_path, 'user: "70:70"', "shm_size: 256m", "tmpfs: /scratch")

    assert "--user=70:70" in launch.command
    assert "--shm-size=256m" in launch.command
    assert list_values(launch, "--tmpfs") == ["/scratch"]
    assert "--user" not in " ".join(start(tmp_path).command)


def test_the_client_finds_its_engine_and_is_given_nothing_else(tmp_path):
    env = {"DOCKER_HOST": "ssh://far", "SSH_AUTH_SOCK": "/agent", "TOKEN": "t"}
    launch = start(tmp_path, env=env)

    assert launch.env["DOCKER_HOST"] == "ssh://far"
    assert launch.env["SSH_AUTH_SOCK"] == "/agent"
    assert "TOKEN" not in launch.env


def test_its_volume_is_called_as_the_project_is(tmp_path):
    home = tmp_path / "My Shop"
    home.mkdir()
    path = TEXT.replace("name: demo\n", "")
    launch = start(home, text=path)

    [data] = list_values(launch, "--mount")
    assert "source=myshop-run_db-data," in data


def test_a_folder_with_a_comma_is_one_field_of_a_volumes_label(tmp_path):
    home = tmp_path / "a, b"
    home.mkdir()
    [data] = list_values(start(home, text=TEXT), "--mount")
    assert data.endswith(f',"volume-label=composegen.folder={home}"')


def test_a_volume_with_options_is_mounted_with_them(tmp_path):
    mounts = list_values(start(tmp_path, "volumes: ['more:/more:ro']"), "--volume")
    assert "demo-run_more:/more:ro" in mounts


def test_what_is_asked_in_a_container_is_asked_in_the_one_that_there_is(tmp_path):
    probe = Probe(
        kind=HealthKind.COMMAND, command=("docker", "exec", "mine", "pg_isready", "-q")
    )

    asked = enter_container(probe, "theirs")
    assert asked.command == ("docker", "exec", "theirs", "pg_isready", "-q")
    assert enter_container(probe, "") == probe
    local = Probe(kind=HealthKind.COMMAND, command=("pg_isready",))
    assert enter_container(local, "theirs") == local
