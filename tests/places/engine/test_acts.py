"""Single services on the engine: what Compose is called with, and what is noted."""

import pytest

from composegen.errors import ComposeFailed, NothingRuns, NotPart, UsageError
from composegen.model import Service
from composegen.places.engine import acts as module
from composegen.places.engine.acts import Acts
from composegen.places.engine.compose import Project
from composegen.places.engine.containers import Status
from composegen.places.engine.endpoint import Endpoint
from composegen.places.engine.giving_up import GivenUp
from composegen.places.engine.joined import Joined
from composegen.places.engine.notes import (
    How,
    NotedExclusion,
    NotedFailure,
    NotedStop,
    change_notes,
    load_notes,
)
from composegen.places.events import Message, NotUp, Planned, Stopped
from composegen.places.place import Act, Outcome
from composegen.places.reasons import Reason
from composegen.places.status import ServiceStatus, State
from composegen.planning.definition import digest_definition
from composegen.records import replace
from tests.enginefakes import make_container, make_noted, make_notes

DOWN = {"status": Status.EXITED, "exit_code": 143}


class Stage:
    """A project: web needs api, which needs db and seed, a job, and maybe cache."""

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        self.calls = []
        self.boots = []
        self.events = []
        self.code = 0
        self.fails = ()
        self.services = {}
        self.meanwhile = lambda: None
        self.notes = make_notes(
            make_noted("db"),
            make_noted("cache", is_required=False),
            make_noted("seed", is_job=True),
            make_noted("api", "db", "cache?", "seed"),
            make_noted("web", "api"),
            left_out=({"service": "mail", "reason": "--without mail", "instead": []},),
        )
        self.containers = {
            name: make_container(name) for name in ("db", "cache", "api", "web")
        }
        self.put("seed", status=Status.EXITED, exit_code=0, health="none")
        monkeypatch.setattr(module, "run_compose", self.run_compose)
        monkeypatch.setattr(module, "Booting", self.make_boot)

    def put(self, *names, **values):
        for name in names:
            self.containers[name] = make_container(name, **values)

    def read_clock(self):
        return 300.0

    def list_containers(self, project):
        return tuple(self.containers.values())

    def run_compose(self, project, *words, show):
        self.calls.append(words)
        if self.code == 0:
            for name in words[1:]:
                self.put(name, **DOWN)
        return self.code, "some words\nError: no such thing"

    def make_boot(self, engine, project, notes, report, calls):
        return FakeBoot(self, notes, calls.choose(None).words)

    def act(self, act, *names):
        noted = load_notes(self.folder) or self.notes
        project = Project(name="demo", folder=self.folder, endpoint=Endpoint())
        acts = Acts(
            self, project, noted, self.folder, self.services, self.events.append
        )
        acted = acts.perform(Act(act), names)
        return {each.service: each.outcome for each in acted}

    def find(self, kind):
        return [each for each in self.events if isinstance(each, kind)]


class FakeBoot:
    """A boot in which everything that is started becomes ready, but for what fails."""

    def __init__(self, stage, notes, words):
        self.stage, self.notes, self.words = stage, notes, words
        self.names = [each.name for each in notes.services]
        self.judge = self
        self.candidates = {}

    def carry_out(self):
        self.stage.boots.append((tuple(self.names), self.words))
        self.stage.meanwhile()
        failed = [name for name in self.names if name in self.stage.fails]
        for name in self.names:
            state = State.FAILED if name in failed else State.READY
            self.candidates[name] = ServiceStatus(service=name, state=state)
            down = DOWN if name in failed else {}
            self.stage.put(name, started_at=200.0, **down)
        failures = tuple(
            NotedFailure(service=name, how=How.LATE, at=250.0, reason=f"{name} is late")
            for name in failed
        )
        reasons = tuple(
            Reason(chain=(name,), status=self.candidates[name]) for name in failed
        )
        return GivenUp(notes=replace(self.notes, failures=failures), reasons=reasons)


@pytest.fixture
def stage(tmp_path, monkeypatch):
    return Stage(tmp_path, monkeypatch)


def start(*names):
    return ("restart", "--no-deps", *names)


# Stop


def test_stopping_names_the_services_to_compose_and_notes_who_did_it(stage):
    assert stage.act("stop", "db", "cache") == {
        "db": Outcome.STOPPED,
        "cache": Outcome.STOPPED,
    }

    assert stage.calls == [("stop", "db", "cache")]
    assert stage.find(Planned)[0].services == ("db", "cache")
    assert [(e.service, e.by) for e in stage.find(Stopped)] == [
        ("db", "user"),
        ("cache", "user"),
    ]
    noted = load_notes(stage.folder).stopped
    assert [(each.container, each.started_at) for each in noted] == [
        ("id-db", 100.0),
        ("id-cache", 100.0),
    ]


def test_dependent_services_that_keep_running_are_named(stage):
    stage.put("web", **DOWN)
    stage.act("stop", "db")
    stage.act("stop", "api")

    assert [(e.service, e.text) for e in stage.find(Message)] == [
        ("db", "is needed by api, which keeps running")
    ]


def test_what_does_not_run_is_left_as_it_is(stage):
    stage.put("db", **DOWN)

    assert stage.act("stop", "db", "seed") == {
        "db": Outcome.WAS_STOPPED,
        "seed": Outcome.WAS_STOPPED,
    }
    assert stage.calls == []
    assert load_notes(stage.folder) is None


def test_what_compose_cannot_stop_is_an_error_with_its_words(stage):
    stage.code = 1

    with pytest.raises(ComposeFailed, match="exit code 1: Error: no such thing"):
        stage.act("stop", "db")


# Start


def test_what_is_required_and_stopped_is_started_first_and_nothing_else(stage):
    stage.put("db", "cache", "api", "web", **DOWN)

    acted = stage.act("start", "api")

    # Neither the optional cache, nor the job that has finished, nor web.
    assert acted == {"db": Outcome.STARTED, "api": Outcome.STARTED}
    assert stage.boots == [(("db",), start("db")), (("api",), start("api"))]


def test_a_gate_that_is_not_open_is_waited_for(stage):
    stage.put("db", health="starting")
    stage.put("api", **DOWN)

    assert stage.act("start", "api") == {"api": Outcome.STARTED}
    assert stage.boots == [(("db",), ("ps", "--quiet")), (("api",), start("api"))]


def test_a_job_is_run_again_where_it_is_named(stage):
    assert stage.act("start", "seed") == {"seed": Outcome.STARTED}
    assert stage.boots == [(("seed",), start("seed"))]


def test_what_runs_is_not_started_again(stage):
    assert stage.act("start", "api") == {"api": Outcome.WAS_RUNNING}
    assert stage.boots == []


def test_what_requires_a_service_that_fails_is_not_started(stage):
    stage.put("db", "api", "web", **DOWN)
    stage.fails = ("db",)

    assert stage.act("start", "web") == {
        "db": Outcome.FAILED,
        "api": Outcome.FAILED,
        "web": Outcome.FAILED,
    }
    assert [names for names, _ in stage.boots] == [("db",)]
    assert "db: failed" in stage.find(NotUp)[0].text
    assert [each.service for each in load_notes(stage.folder).failures] == ["db"]

    stage.fails = ()
    stage.act("start", "db")
    assert load_notes(stage.folder).failures == ()


def test_a_service_that_was_started_again_is_not_noted_as_stopped(stage):
    stage.act("stop", "db", "cache")
    stage.act("start", "db")

    assert [each.container for each in load_notes(stage.folder).stopped] == ["id-cache"]


def test_a_service_that_another_terminal_stops_meanwhile_stays_noted(stage):
    stage.act("stop", "db")

    def stop_again():
        stop = NotedStop(container="id-db", started_at=200.0)
        change_notes(
            stage.folder, stage.notes, lambda noted: replace(noted, stopped=(stop,))
        )

    stage.meanwhile = stop_again
    stage.act("start", "db")

    [noted] = load_notes(stage.folder).stopped
    assert noted.started_at == 200.0


# Restart


def test_a_restart_stops_and_starts_the_same_containers(stage):
    assert stage.act("restart", "db") == {"db": Outcome.STARTED}

    assert stage.calls == [("stop", "db")]
    assert stage.boots == [(("db",), start("db"))]
    assert [e.text for e in stage.find(Message)] == [
        "is needed by api, which keeps running"
    ]
    assert load_notes(stage.folder).stopped == ()


@pytest.mark.parametrize("act", ["start", "restart"])
def test_a_start_says_where_the_stack_file_has_changed(stage, act):
    before, now = ({"db": Service(name="db", image=image)} for image in ("a:1", "a:2"))
    digest = digest_definition(before, "db")
    stage.notes = replace(
        stage.notes, services=(replace(stage.notes.services[0], definition=digest),)
    )

    for services, said in ((before, 0), (now, 1), ({}, 0)):
        stage.services, stage.events = services, []
        stage.act(act, "db")
        texts = [event.text for event in stage.find(Message)]
        text = f"the stack file has changed; {act} does not use the new one: "
        assert texts.count(f"{text}composegen up") == said


# Names


def test_one_that_was_excluded_without_a_container_names_the_reason(stage):
    why = "its image could not be pulled"
    excluded = NotedExclusion(service="cache", reason=why, at=100.0)
    stage.notes = replace(stage.notes, excluded=(excluded,))
    del stage.containers["cache"]

    with pytest.raises(NotPart, match=f"excluded: {why}") as refused:
        stage.act("start", "cache")

    assert refused.value.help == "again: composegen up"


@pytest.mark.parametrize("act", ["stop", "start", "restart"])
def test_names_are_checked_before_anything_is_done(stage, act):
    stage.services = {"other": Service(name="other")}
    del stage.containers["web"]

    with pytest.raises(UsageError) as unknown:
        stage.act(act, "db", "wbe")
    with pytest.raises(NotPart, match="excluded: --without mail") as excluded:
        stage.act(act, "db", "mail")
    with pytest.raises(NotPart, match="`other` is not part") as other:
        stage.act(act, "db", "other")
    with pytest.raises(NotPart, match="`web` is not part"):
        stage.act(act, "db", "web")
    stage.containers = {}
    with pytest.raises(NothingRuns):
        stage.act(act, "db")

    assert unknown.value.help == "did you mean `web`?"
    assert "--with mail" in excluded.value.help
    assert other.value.help == "bring it up: composegen up other"
    assert stage.calls == stage.boots == []


def test_a_required_service_without_a_container_is_named(stage):
    del stage.containers["db"]
    stage.put("api", **DOWN)

    with pytest.raises(NotPart, match="`db`, which is required, has no container"):
        stage.act("start", "api")


# Asked from outside


@pytest.fixture
def asked(stage):
    """The stage, with a helper that asks db."""
    db = make_noted("db", helper="db-health")
    others = [each for each in stage.notes.services if each.name != "db"]
    stage.notes = replace(stage.notes, services=(db, *others))
    stage.put("db", health="none")
    stage.put("db-health")
    return stage


def test_the_helper_of_a_service_is_stopped_with_it(asked):
    assert asked.act("stop", "db") == {"db": Outcome.STOPPED}

    assert asked.calls == [("stop", "db", "db-health")]
    noted = load_notes(asked.folder).stopped
    assert [each.container for each in noted] == ["id-db"]


def test_the_helper_of_a_service_is_started_with_it(asked):
    asked.put("db", "db-health", **DOWN)

    assert asked.act("start", "db") == {"db": Outcome.STARTED}
    assert asked.boots == [(("db",), start("db", "db-health"))]


def test_a_helper_that_is_down_alone_is_started_alone(asked):
    asked.put("db-health", **DOWN)

    assert asked.act("start", "db") == {"db": Outcome.WAS_RUNNING}
    assert asked.boots == [(("db",), start("db-health"))]


def test_a_restart_stops_both_before_it_starts_both(asked):
    assert asked.act("restart", "db") == {"db": Outcome.STARTED}

    assert asked.calls == [("stop", "db", "db-health")]
    assert asked.boots == [(("db",), start("db", "db-health"))]


# The network of another service


@pytest.fixture
def shared(stage):
    """The stage, with web in the network of api."""
    web = make_noted("web", "api", shares="api")
    others = [each for each in stage.notes.services if each.name != "web"]
    stage.notes = replace(stage.notes, services=(*others, web))
    return stage


def test_what_shares_a_network_is_restarted_with_it(shared):
    assert shared.act("restart", "api") == {
        "api": Outcome.STARTED,
        "web": Outcome.STARTED,
    }

    assert shared.calls == [("stop", "api", "web")]
    assert shared.boots == [(("api",), start("api")), (("web",), start("web"))]
    assert ("web", "shares the network of api, and is restarted with it") in [
        (each.service, each.text) for each in shared.find(Message)
    ]


def test_what_kept_running_without_its_network_is_restarted_at_the_start(shared):
    shared.put("api", **DOWN)

    shared.act("start", "api")

    assert shared.calls == [("stop", "web")]
    assert shared.boots == [(("api",), start("api")), (("web",), start("web"))]


def test_what_is_stopped_itself_stays_so(shared):
    shared.put("web", **DOWN)

    assert shared.act("restart", "api") == {"api": Outcome.STARTED}
    assert shared.calls == [("stop", "api")]


@pytest.mark.parametrize("kind", ["network", "pid", "ipc"])
def test_what_shares_a_namespace_by_its_container_is_restarted_too(stage, kind):
    stage.put("web", joins=(Joined(kind=kind, id="id-api"),))

    stage.act("restart", "api")

    assert stage.calls == [("stop", "api", "web")]
    assert f"shares the {kind} of api, and is restarted with it" in [
        each.text for each in stage.find(Message)
    ]


def test_each_shared_namespace_is_named_with_its_owner(stage):
    joins = (Joined(kind="pid", id="id-api"), Joined(kind="ipc", id="id-db"))
    stage.put("web", joins=joins)

    stage.act("restart", "db")

    assert ("web", "shares the ipc of db, and is restarted with it") in [
        (each.service, each.text) for each in stage.find(Message)
    ]
