"""The docker command is asked, and what it does not answer is None."""

import pytest

from composegen.system.docker import ask_docker, find_docker_command


@pytest.fixture
def docker(tmp_path):
    """A search path on which `docker` is a script; its body is handed in."""

    def write(body):
        program = tmp_path / "docker"
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
        return str(tmp_path)

    return write


def test_the_command_of_the_search_path_is_asked(docker):
    path = docker('echo "$@"')

    assert find_docker_command(path) == f"{path}/docker"
    assert ask_docker("version", "--short", path=path) == "version --short\n"


@pytest.mark.parametrize("body", ["echo 1.2; exit 1", "exec sleep 60"])
def test_one_that_fails_or_is_too_slow_has_no_answer(body, docker):
    assert ask_docker("version", path=docker(body), timeout=0.2) is None


def test_without_the_command_there_is_no_answer(tmp_path):
    assert find_docker_command(str(tmp_path)) is None
    assert ask_docker("version", path=str(tmp_path)) is None
