"""A command in a container: which one, with which words, and what is refused before."""

from pathlib import Path

import pytest

from composegen.errors import CannotExecute, NothingRuns, UsageError
from composegen.places.engine import compose, entering
from composegen.places.engine.compose import Project
from composegen.places.engine.containers import Status
from composegen.places.engine.endpoint import Endpoint
from composegen.places.engine.entering import prepare_call
from composegen.places.engine.notes import NotedExclusion
from composegen.places.engine.programs import Program
from composegen.places.place import Request
from composegen.records import replace
from tests.enginefakes import FakeEngine, make_container, make_noted, make_notes

PROJECT = Project(
    name="demo",
    folder=Path("/"),
    endpoint=Endpoint(),
    environment={"PATH": "/bin", "COMPOSE_FILE": "elsewhere.yaml"},
)
OUT = {"service": "cache", "reason": "--without cache", "instead": []}
NOTES = make_notes(
    make_noted("web", port=8000, replicas=2), make_noted("job"), left_out=(OUT,)
)


PROGRAMS = {"sh": Program.FOUND, "data": Program.CLOSED}
"""What containers have; `data` cannot be run."""


@pytest.fixture(autouse=True)
def docker(monkeypatch):
    monkeypatch.setattr(
        entering,
        "find_program",
        lambda _, __, word: PROGRAMS.get(word, Program.MISSING),
    )
    monkeypatch.setattr(compose, "find_docker", lambda: "/bin/docker")


def prepare(*containers, service="web", command=("sh",), **options):
    request = Request(service=service, command=command, **options)
    return prepare_call(FakeEngine(list(containers)), PROJECT, NOTES, request)


def test_compose_runs_it_without_a_terminal_unless_there_is_one():
    web = make_container("web")

    call = prepare(web, command=("sh", "-c", "ask {port}"))
    assert call.program == "/bin/docker"
    assert call.command == (
        *("docker", "compose", "-p", "demo", "exec", "--no-TTY", "--index", "1"),
        *("web", "sh", "-c", "ask 8000"),
    )
    assert call.folder == Path("/")
    assert "COMPOSE_FILE" not in call.env
    assert "--no-TTY" not in prepare(web, in_terminal=True).command


def test_the_first_container_that_runs_is_meant_unless_one_is_named():
    first = make_container("web", status=Status.EXITED)
    others = [make_container("web", number=number) for number in (2, 3)]

    assert prepare(first, *others).command[7:9] == ("2", "web")
    assert prepare(first, *others, index=3).command[7:9] == ("3", "web")
    with pytest.raises(NothingRuns, match="no container 1 that runs") as refused:
        prepare(first, *others, index=1)
    assert refused.value.help == "--index is one of 2, 3"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"status": Status.EXITED, "exit_code": 3}, "it has exited with 3"),
        ({"status": Status.CREATED}, "it has not been started yet"),
        ({"status": Status.PAUSED}, "it is paused"),
        ({"status": Status.RESTARTING}, "it is restarting"),
    ],
)
def test_a_container_that_does_not_run_is_named_by_its_state(values, said):
    with pytest.raises(NothingRuns, match=f"`web` does not run: {said}"):
        prepare(make_container("web", **values))


def test_a_service_without_a_container_does_not_run():
    with pytest.raises(NothingRuns, match="`job` does not run: it is stopped"):
        prepare(make_container("web"), service="job")
    with pytest.raises(NothingRuns, match="excluded: --without cache"):
        prepare(make_container("web"), service="cache")


def test_one_that_up_has_excluded_says_why_it_does_not_run():
    out = NotedExclusion(service="job", reason="not healthy within 6s", at=5.0)
    notes = replace(NOTES, excluded=(out,))
    gone = make_container("job", status=Status.EXITED, exit_code=137)
    request = Request(service="job", command=("sh",))

    with pytest.raises(NothingRuns, match="it is excluded: not healthy within 6s"):
        prepare_call(FakeEngine([gone]), PROJECT, notes, request)


def test_an_unknown_service_has_a_near_name():
    with pytest.raises(UsageError, match="there is no service `wbe`") as refused:
        prepare(make_container("web"), service="wbe")
    assert refused.value.help == "did you mean `web`?"


@pytest.mark.parametrize(
    ("word", "code", "said"),
    [("nope", 127, "there is no `nope`"), ("data", 126, "not executable")],
)
def test_a_program_that_cannot_be_run_has_the_code_of_a_shell(word, code, said):
    with pytest.raises(CannotExecute, match=said) as refused:
        prepare(make_container("web"), command=(word,))
    assert refused.value.exit_code == code
