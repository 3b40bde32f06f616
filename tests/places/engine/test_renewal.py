"""`up` restarts what Compose would leave in a network that is gone."""

import pytest

from composegen.errors import ComposeFailed
from composegen.places.engine import renewal as module
from composegen.places.engine.compose import Project
from composegen.places.engine.containers import Status
from composegen.places.engine.endpoint import Endpoint
from composegen.places.engine.joined import Joined
from composegen.places.engine.renewal import stop_outlived
from tests.enginefakes import make_container, make_noted, make_notes

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
