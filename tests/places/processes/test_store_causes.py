"""A `docker run` that failed has a cause; how docker is used is none."""

import os

import pytest

from composegen.places.processes.cause import CauseName
from composegen.places.processes.causes import explain_exit
from composegen.places.processes.environment import prepare_secrets, read_surroundings
from composegen.places.processes.plan import Asked, settle_plan
from composegen.places.processes.store_causes import suggest_pull
from composegen.places.processes.units import make_units
from composegen.workspace.workspace import Workspace
from tests.leaks import find_port
from tests.runs import FakeMachine, load, write_stack

USAGE = ("", "Run 'docker run --help' for more information")


@pytest.fixture
def unit(tmp_path):
    """A Redis that would be started in Docker."""
    path = write_stack(
        tmp_path,
        f"services: {{cache: {{use: redis, publish: '{find_port()}:6379'}}}}",
    )
    environ = {"PATH": str(tmp_path), "HOME": os.environ.get("HOME", "/")}
    around = read_surroundings(Workspace(path, environ))
    local = settle_plan(load(path), Asked(), around, FakeMachine(engine=True))
    [made] = make_units(local, prepare_secrets(local.plan, around))
    return made


def explain(unit, *lines, code=125):
    return explain_exit(unit, code, (*lines, *USAGE))


@pytest.mark.parametrize(
    ("line", "name", "cause"),
    [
        (
            "Bind for 127.0.0.1:1 failed: port is already allocated",
            CauseName.STORE_PORT_TAKEN,
            "is taken",
        ),
        (
            'exec: "nope": executable file not found in $PATH: unknown',
            CauseName.STORE_PROGRAM_NOT_FOUND,
            "`nope` is not in its image",
        ),
        (
            "unable to find user ghost: no matching entries in passwd file",
            CauseName.STORE_USER_UNKNOWN,
            "its image has no user or group `ghost`",
        ),
        ("a new kind of trouble", CauseName.STORE_REFUSED, "a new kind of trouble"),
    ],
)
def test_what_docker_says_is_the_cause(unit, line, name, cause):
    failure = explain(unit, f"docker: Error response from daemon: {line}.")
    assert failure.cause_name == name
    assert cause in failure.cause
    assert failure.help or name == CauseName.STORE_REFUSED


def test_an_engine_that_does_not_answer_is_the_cause(unit):
    failure = explain(unit, "docker: Cannot connect to the Docker daemon at unix:///x.")
    assert failure.cause == "the Docker engine does not answer"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            'Get "https://x/v2/": dial tcp: lookup x on 10.0.0.1:53: no such host',
            "docker pull redis:1",
        ),
        ("manifest for redis:1 not found: manifest unknown", "correct `image`"),
        ("pull access denied for redis, repository does not exist", "docker login"),
    ],
)
def test_a_pull_that_fails_has_a_help(line, words):
    assert words in suggest_pull("redis:1", [f"Error response from daemon: {line}"])


def test_how_docker_is_used_is_not_shown(unit):
    failure = explain(unit, "docker: invalid reference format.")
    assert failure.cause == "docker says: invalid reference format."
    assert failure.lines == ("docker: invalid reference format.",)


def test_a_store_that_ended_by_itself_has_its_own_lines(unit):
    failure = explain(unit, "docker: is what it says", code=1)
    assert failure.cause == ""
