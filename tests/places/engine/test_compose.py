"""Compose is called for one project, its words are kept; a script plays its part."""

import os
import threading
from pathlib import Path

import pytest

from composegen.errors import ComposeFailed, ComposeMissing
from composegen.places.engine.compose import (
    Carrying,
    Project,
    ask_version,
    find_docker,
    makes_folders,
    read_compose,
    run_compose,
    use_compose,
)
from composegen.places.engine.compose_lines import find_complaint
from composegen.places.engine.endpoint import Endpoint
from composegen.system.guardian import is_running
from tests.leaks import wait_for


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """Let `docker` be a script; its body is handed in."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def write(body):
        path = folder / "docker"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return write


def make_project(folder, text="services: {}\n", **environment):
    return Project(
        name="demo",
        folder=folder,
        endpoint=Endpoint(context="there"),
        text=text,
        environment={"PATH": os.environ["PATH"], **environment},
    )


def carry(project, *words):
    """Carry something out; the object after its end, and the warnings that came."""
    ended, warnings = threading.Event(), []
    carrying = Carrying(project, words, tell=warnings.append, end=ended.set)
    assert ended.wait(10)
    return carrying, warnings


def test_the_file_is_handed_over_on_standard_input(docker, tmp_path):
    docker(f'echo "$@" > {tmp_path}/words; cat > {tmp_path}/file; pwd > {tmp_path}/pwd')
    carrying, _ = carry(make_project(tmp_path), "up", "--detach")
    assert carrying.exit_code == 0
    words = (tmp_path / "words").read_text().split()
    assert words[-4:] == ["--file", "-", "up", "--detach"]
    assert words[words.index("-p") + 1] == "demo"
    assert (tmp_path / "file").read_text() == "services: {}\n"
    assert Path((tmp_path / "pwd").read_text().strip()) == tmp_path.resolve()


def test_without_a_file_it_goes_by_the_name_where_no_file_lies(docker, tmp_path):
    docker(f'echo "$@" > {tmp_path}/words; pwd > {tmp_path}/pwd')
    use_compose(make_project(tmp_path, text=None), "down")
    assert "--file" not in (tmp_path / "words").read_text()
    assert (tmp_path / "pwd").read_text() == "/\n"


def test_what_compose_cannot_do_is_an_error_with_its_exit_code(docker, tmp_path):
    docker("echo one; echo two; exit 3")
    project = make_project(tmp_path, text=None)
    lines = read_compose(project, "logs")

    assert [next(lines), next(lines)] == ["one", "two"]
    with pytest.raises(ComposeFailed, match="docker compose logs ended with exit"):
        next(lines)
    with pytest.raises(ComposeFailed, match="down ended with exit code 3"):
        use_compose(project, "down")


def test_a_reader_who_has_enough_ends_compose(docker, tmp_path):
    docker(f"echo $$ > {tmp_path}/pid; echo one; exec sleep 600")
    lines = read_compose(make_project(tmp_path, text=None), "logs")
    assert next(lines) == "one"
    lines.close()

    assert not is_running(int((tmp_path / "pid").read_text()))


def test_settings_for_another_project_do_not_reach_it(docker, tmp_path):
    docker(f"env > {tmp_path}/env")
    foreign = {"COMPOSE_FILE": "x", "COMPOSE_PROJECT_NAME": "y", "DOCKER_HOST": "z"}
    by_hand = {"COMPOSE_ENV_FILES": "x", "COMPOSE_IGNORE_ORPHANS": "1"}
    carry(make_project(tmp_path, **foreign, **by_hand, A="b"), "up")
    lines = (tmp_path / "env").read_text().splitlines()
    assert "A=b" in lines
    assert "DOCKER_CONTEXT=there" in lines
    led = [line for line in lines if line.startswith(("COMPOSE_", "DOCKER_HOST"))]
    assert sorted(led) == [
        "COMPOSE_IGNORE_ORPHANS=false",
        "COMPOSE_STATUS_STDOUT=false",
    ]


def test_what_it_says_is_kept_and_warnings_are_reported(docker, tmp_path):
    docker(
        "cat >/dev/null\n"
        'echo \'level=warning msg="The \\\\"TAG\\\\" variable is not set"\' >&2\n'
        "echo 'Error response from daemon: no' >&2; exit 17"
    )
    carrying, warnings = carry(make_project(tmp_path), "up")
    assert carrying.exit_code == 17
    assert warnings == ['The "TAG" variable is not set']
    assert find_complaint(carrying.lines) == "Error response from daemon: no"
    assert not carrying.was_gate


@pytest.mark.parametrize(
    "line",
    [
        "dependency failed to start: container demo-db-1 is unhealthy",
        "dependency failed to start: container demo-db-1 exited (1)",
        'service "seed" didn\'t complete successfully: exit 1',
    ],
)
def test_giving_up_for_a_dependency_is_told_apart(line, docker, tmp_path):
    (tmp_path / "line").write_text(f"{line}\n")
    docker(f"cat >/dev/null; cat {tmp_path}/line >&2; exit 1")
    carrying, _ = carry(make_project(tmp_path), "up")
    assert carrying.was_gate


def test_it_can_be_stopped(docker, tmp_path):
    docker("cat >/dev/null; exec sleep 60")
    ended = threading.Event()
    carrying = Carrying(
        make_project(tmp_path), ("up",), tell=lambda _: None, end=ended.set
    )
    assert carrying.exit_code is None
    carrying.stop()
    assert carrying.exit_code not in {None, 0}
    assert ended.is_set()


def test_it_is_asked_to_end_before_it_is_killed(docker, tmp_path):
    docker(
        "trap 'exit 7' TERM\necho ready >&2\nwhile :; do sleep 0.05; done",
    )
    project = make_project(tmp_path, text=None)
    carrying = Carrying(project, ("up",), tell=print, end=print)
    wait_for(lambda: carrying.lines)

    carrying.stop()

    assert carrying.exit_code == 7


def test_its_talk_is_shown_and_kept(docker, tmp_path):
    docker("cat; echo done >&2; exit 3")
    talk = []
    project = make_project(tmp_path, text="hello\n")
    code, said = run_compose(project, "build", show=talk.append)
    assert code == 3
    assert "".join(talk) == said == "hello\ndone\n"


def test_in_a_terminal_it_sees_one(docker, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "70")
    docker('cat; echo "$@" >&2; test -t 2 && stty size <&2')
    talk = []
    code, said = run_compose(
        make_project(tmp_path, text="é\n"), "pull", show=talk.append, in_terminal=True
    )
    assert code == 0
    assert "".join(talk) == said
    assert said.startswith("é\r\n")
    assert "--progress" not in said
    assert said.endswith(" 70\r\n")


def test_a_letter_that_comes_in_two_parts_is_one(docker, tmp_path):
    docker("cat; printf '\\303'; sleep 0.2; printf '\\251'")
    talk = []
    run_compose(make_project(tmp_path), "pull", show=talk.append)
    assert "".join(talk) == "services: {}\né"


def test_a_file_that_nothing_reads_is_no_trouble(docker, tmp_path):
    docker("exec <&-; echo no >&2; exit 1")
    code, said = run_compose(
        make_project(tmp_path, text="x" * 1_000_000), "build", show=lambda _: None
    )
    assert (code, said) == (1, "no\n")


def test_a_version_is_read(docker):
    docker("echo github.com/docker/buildx v0.29.1+ds1 abc")
    assert ask_version("buildx", "version") == "0.29.1"


def test_a_plugin_that_is_not_there_has_no_version(docker):
    docker("echo 1.2.3; exit 1")
    assert ask_version("buildx", "version") is None


def test_without_docker_there_is_help(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ComposeMissing) as caught:
        find_docker()
    assert "composegen run" in caught.value.help


@pytest.mark.parametrize(
    ("version", "makes"),
    [("2.24.7", False), ("2.29.7", False), ("2.40.3", True), ("5.6.0", True)],
)
def test_an_old_compose_does_not_make_folders_for_mounts(version, makes):
    assert makes_folders(version) is makes


def test_a_compose_that_does_not_say_its_version_is_taken_for_a_new_one():
    assert makes_folders(None)
