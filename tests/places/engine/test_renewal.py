"""`up` restarts what Compose would leave in a network that is gone."""

from pathlib import Path

import pytest

from composegen.errors import ComposeFailed, ExitCode, Interrupted
from composegen.places.engine import renewal as module
from composegen.places.engine.compose import Project
from composegen.places.engine.containers import Status
from composegen.places.engine.endpoint import Endpoint
from composegen.places.engine.joined import Joined
from composegen.places.engine.renewal import (
    find_made,
    list_outdated,
    note_renewed,
    stop_outlived,
)
from composegen.places.engine.up import UpOptions, _Up
from composegen.places.engine.why import find_engine_reasons
from composegen.records import replace
from tests.enginefakes import FakeEngine, make_container, make_noted, make_notes

NOTES = make_notes(make_noted("web"), make_noted("side"))
JOINS = (Joined(kind="network", id="id-web"),)


class Stage:
    def __init__(self, folder, monkeypatch):
        self.project = Project(
            name="demo", folder=folder, endpoint=Endpoint(), text="services: {}"
        )
        self.calls = []
        self.texts = []
        self.code = 0
        monkeypatch.setattr(module, "run_compose", self.run_compose)

    def run_compose(self, project, *words, show):
        assert project.text is None  # what runs is found by its labels
        self.calls.append(words)
        return self.code, "Error: no such thing"

    def stop(self, *, notes=NOTES, started_at=90.0, **owner):
        containers = [
            make_container("web", **owner),
            make_container("side", joins=JOINS, started_at=started_at),
        ]
        stop_outlived(self.project, notes, containers, self.report)

    def report(self, event):
        self.texts.append(event.text)


@pytest.fixture
def stage(tmp_path, monkeypatch):
    return Stage(tmp_path, monkeypatch)


def test_one_that_is_older_than_the_start_of_its_owner_is_stopped(stage):
    stage.stop()
    assert stage.calls == [("stop", "side")]
    assert stage.texts == [
        "side shares the network of web, which was started again since: it is restarted"
    ]


def test_one_whose_owner_is_down_is_stopped(stage):
    stage.stop(status=Status.EXITED, started_at=101.0)
    assert stage.calls == [("stop", "side")]
    assert stage.texts == [
        "side shares the network of web, which does not run: it is restarted"
    ]


def test_one_that_shares_the_present_network_stays(stage):
    stage.stop(started_at=101.0)
    assert (stage.calls, stage.texts) == ([], [])


def test_one_that_is_not_brought_up_stays(stage):
    stage.stop(notes=make_notes(make_noted("web")))
    assert (stage.calls, stage.texts) == ([], [])


def test_what_compose_cannot_stop_is_an_error(stage):
    stage.code = 1
    with pytest.raises(ComposeFailed, match="no such thing"):
        stage.stop()


# What an `up` that ended early has not renewed

CHANGED = make_notes(make_noted("web", made="old", definition="new"), began=105.0)
EXITED = {"status": Status.EXITED, "exit_code": 1, "finished_at": 103.0}
OLD = "this container is of an older definition, and `composegen up` ended before it"


def explain(notes, **values):
    engine = FakeEngine([make_container("web", **values)])
    [reason] = find_engine_reasons(engine, notes, Path(), service="web")
    return reason.failure


def test_a_failure_of_a_container_that_was_not_renewed_is_said_to_be_old():
    failure = explain(CHANGED, health="unhealthy")
    assert OLD in failure.help
    assert failure.help.endswith("composegen up")


def test_a_failure_of_a_new_container_is_not_said_to_be_old():
    assert OLD not in explain(CHANGED, health="unhealthy", created_at=106.0).help


def test_each_service_that_runs_as_before_is_named():
    assert list(list_outdated(CHANGED, [make_container("web")])) == [
        "web was not renewed: it runs as before"
    ]
    assert list(list_outdated(CHANGED, [make_container("web", **EXITED)])) == []
    new = make_container("web", created_at=106.0)
    assert list(list_outdated(CHANGED, [new])) == []


def test_what_compose_was_done_with_is_as_the_stack_file_says():
    renewed = note_renewed(CHANGED, ["web"])
    assert list(list_outdated(renewed, [make_container("web")])) == []
    untouched = note_renewed(CHANGED, [])
    assert list(list_outdated(untouched, [make_container("web")])) != []


def test_the_next_up_knows_what_a_container_was_made_from():
    [web] = CHANGED.services
    old, new = make_container("web"), make_container("web", created_at=106.0)
    assert find_made(CHANGED, web, [old]) == "old"
    assert find_made(CHANGED, web, [new]) == "new"
    assert find_made(CHANGED, web, []) == "new"


# An `up` that was interrupted


HALTED = make_notes(make_noted("web", "db"), began=105.0, interrupted=True)


def test_one_that_was_stopped_to_be_replaced_was_not_killed():
    gone = {"status": Status.EXITED, "exit_code": 137, "finished_at": 107.0}
    failure = explain(replace(HALTED, services=(make_noted("web"),)), **gone)
    assert failure.reason == "web was stopped to be replaced"
    assert failure.cause == "`composegen up` was interrupted before that"
    assert failure.help == "continue: composegen up"


def test_one_that_died_before_the_interrupted_up_has_died_by_itself():
    gone = {"status": Status.EXITED, "exit_code": 137, "finished_at": 104.0}
    notes = replace(HALTED, services=(make_noted("web"),))
    engine = FakeEngine([make_container("web", **gone)])
    [reason] = find_engine_reasons(engine, notes, Path())
    assert reason.failure.reason != "web was stopped to be replaced"


def test_one_that_was_not_started_says_that_up_was_interrupted():
    waits = make_container("web", status=Status.CREATED, created_at=106.0)
    notes = replace(HALTED, services=(make_noted("db"), make_noted("web", "db")))
    engine = FakeEngine([make_container("db"), waits])
    [reason] = find_engine_reasons(engine, notes, Path())
    assert reason.failure.reason == "web was not started"
    assert reason.failure.cause == "`composegen up` was interrupted before that"


class Halted(_Up):
    """One that a signal ends, before it has written its notes or after."""

    def __init__(self, *, is_noted):
        self.is_noted = is_noted
        self.notes = NOTES
        self.options = UpOptions()
        self.kept = []

    def _carry_out(self):
        raise Interrupted(ExitCode.INTERRUPTED, help="")

    def _keep(self, notes):
        self.kept.append(notes)


@pytest.mark.parametrize(("is_noted", "kept"), [(True, [True]), (False, [])])
def test_an_up_that_is_interrupted_notes_it(is_noted, kept):
    up = Halted(is_noted=is_noted)
    with pytest.raises(Interrupted):
        up.carry_out()
    assert [each.interrupted for each in up.kept] == kept
