"""The place that is spoken of is where something runs, else where it did last."""

import pytest

from composegen.errors import EngineUnreachable
from composegen.places.engine import place as engine_place
from composegen.places.engine.containers import Status
from composegen.places.engine.notes import write_notes
from composegen.places.engine.place import EnginePlace
from composegen.places.find import Finder
from composegen.places.processes.place import ProcessesPlace
from composegen.places.processes.records import RunFolder
from composegen.places.status import format_now
from composegen.workspace.workspace import Workspace
from tests.enginefakes import FakeEngine, make_container, make_noted, make_notes
from tests.leaks import wait_for

NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}


class Answering(FakeEngine):
    """An engine that is connected to and answers."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def refuse(endpoint):
    raise EngineUnreachable("no engine answers")


@pytest.fixture
def finder(tmp_path):
    workspace = Workspace(tmp_path / "stack.yaml", NO_ENGINE)
    return Finder(workspace, lambda selection: None)


@pytest.fixture
def engine(monkeypatch):
    answering = Answering()
    monkeypatch.setattr(engine_place, "Engine", lambda endpoint: answering)
    return answering


def bring_up(folder):
    wait_for_next_moment()
    notes = make_notes(make_noted("web"), host=NO_ENGINE["DOCKER_HOST"], context="")
    write_notes(folder, notes)


def end_run(folder):
    wait_for_next_moment()
    RunFolder(folder).write_last({"ending": "it was killed"})


def wait_for_next_moment():
    begin = format_now()
    wait_for(lambda: format_now() > begin)


def test_a_run_that_ended_after_up_is_what_happened_last(tmp_path, finder, engine):
    bring_up(tmp_path)
    end_run(tmp_path)

    assert isinstance(finder.find_place(), ProcessesPlace)


def test_an_up_after_a_run_is_what_happened_last(tmp_path, finder, engine):
    end_run(tmp_path)
    bring_up(tmp_path)

    assert isinstance(finder.find_place(), EnginePlace)


@pytest.mark.parametrize("status", [Status.RUNNING, Status.RESTARTING, Status.PAUSED])
def test_what_runs_matters_more_than_what_ended_later(tmp_path, finder, engine, status):
    engine.containers.append(make_container("web", status=status))
    bring_up(tmp_path)
    end_run(tmp_path)

    assert isinstance(finder.find_place(), EnginePlace)


@pytest.mark.parametrize("status", [Status.CREATED, Status.EXITED])
def test_containers_that_do_not_run_are_remains(tmp_path, finder, engine, status):
    engine.containers.append(make_container("web", status=status))
    bring_up(tmp_path)
    end_run(tmp_path)

    assert isinstance(finder.find_place(), ProcessesPlace)


def test_where_no_engine_answers_the_later_note_counts(tmp_path, finder, monkeypatch):
    monkeypatch.setattr(engine_place, "Engine", refuse)
    bring_up(tmp_path)
    end_run(tmp_path)

    assert isinstance(finder.find_place(), ProcessesPlace)


def test_notes_of_an_earlier_version_have_no_time_and_go_first(
    tmp_path, finder, engine
):
    bring_up(tmp_path)
    path = tmp_path / ".composegen" / "run" / "last.json"
    RunFolder(tmp_path)
    path.write_text('{"ending": "it was killed"}')
    path.chmod(0o600)

    assert isinstance(finder.find_place(), EnginePlace)
