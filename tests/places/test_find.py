"""Which place is spoken of: where something runs, else where it did last."""

from pathlib import Path

import pytest

from composegen.errors import EngineUnreachable, NothingRuns, OtherEngine, UsageError
from composegen.places import find
from composegen.places.cluster.notes import write_notes as write_cluster_notes
from composegen.places.cluster.place import ClusterPlace
from composegen.places.engine import place as engine_place
from composegen.places.engine.containers import Status
from composegen.places.engine.notes import write_notes
from composegen.places.engine.place import EnginePlace
from composegen.places.find import Finder
from composegen.places.place import Call, Request
from composegen.places.processes.place import ProcessesPlace
from composegen.places.processes.records import RunFolder
from composegen.places.status import format_now
from composegen.workspace.workspace import Workspace
from tests import clusterfakes
from tests.enginefakes import FakeEngine, make_container, make_noted, make_notes
from tests.leaks import wait_for

NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
WEB = Request(service="web", command=("ls",))


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


# Where a command runs in a service


class FakePlace:
    """A place in which these services run."""

    def __init__(self, name, *services):
        self.name, self.services = name, services

    def prepare(self, request, tell):
        if request.service not in self.services:
            raise NothingRuns(f"not as {self.name}")
        return Call(program=self.name, command=("ls",), folder=Path("/"), env={})


class FakeRuns:
    """The records of a folder with, or without, a run."""

    def __init__(self, *runs):
        self.runs = runs

    def list_runs(self):
        return self.runs


@pytest.fixture
def make_finder(monkeypatch, tmp_path):
    """A finder for these places; one without services does not run."""

    def make(processes=(), engine=(), *, is_noted=True):
        runs = FakeRuns(*["run"] * bool(processes))
        monkeypatch.setattr(find.RunFolder, "find", lambda _: runs)
        monkeypatch.setattr(
            find, "ProcessesPlace", lambda *_: FakePlace("processes", *processes)
        )
        monkeypatch.setattr(
            Finder,
            "_find_engine",
            lambda _: FakePlace("engine", *engine) if engine else None,
        )
        if is_noted:
            (tmp_path / ".composegen").mkdir()
            (tmp_path / ".composegen" / "up.json").write_text("{}")
        return Finder(Workspace(tmp_path / "stack.yaml"), lambda _: None)

    return make


def test_the_place_in_which_the_service_runs_is_taken(make_finder):
    finder = make_finder(["api"], ["web"])

    assert finder.prepare(WEB, print).program == "engine"
    assert finder.prepare(Request(service="api", command=("ls",)), print).program == (
        "processes"
    )


def test_of_two_places_one_is_to_be_chosen(make_finder):
    finder = make_finder(["web"], ["web"])

    with pytest.raises(UsageError, match="two places: processes and engine") as refused:
        finder.prepare(WEB, print)
    assert refused.value.help == "choose one: --on processes or --on engine"
    assert finder.prepare(WEB, print, "engine").program == "engine"
    assert finder.prepare(WEB, print, "processes").program == "processes"


def test_next_to_a_run_an_engine_is_asked_only_if_something_was_brought_up(make_finder):
    finder = make_finder(["web"], ["web"], is_noted=False)
    assert finder.prepare(WEB, print).program == "processes"


@pytest.mark.parametrize(
    "error", [EngineUnreachable("no"), OtherEngine("up.json", "a", "b")]
)
def test_a_run_is_asked_although_the_engine_cannot_be(make_finder, monkeypatch, error):
    finder = make_finder(["web"])

    def fail(*_):
        raise error

    if isinstance(error, OtherEngine):
        monkeypatch.setattr(Finder, "_find_engine", fail)
    else:
        broken = FakePlace("engine")
        broken.prepare = fail
        monkeypatch.setattr(Finder, "_find_engine", lambda _: broken)

    assert finder.prepare(WEB, print).program == "processes"
    with pytest.raises(type(error)):
        finder.prepare(WEB, print, "engine")


def test_where_it_runs_nowhere_the_place_that_was_asked_says_why(make_finder):
    with pytest.raises(NothingRuns, match="not as engine"):
        make_finder([], ["api"]).prepare(WEB, print)


def test_without_any_place_nothing_runs(make_finder):
    finder = make_finder()
    for on in ("", "processes", "engine"):
        with pytest.raises(NothingRuns, match="nothing runs here"):
            finder.prepare(WEB, print, on)


# Single services


@pytest.fixture
def with_run(monkeypatch, tmp_path):
    """A run is alive here."""
    RunFolder(tmp_path)
    monkeypatch.setattr(RunFolder, "list_runs", lambda _: ["a run"])


def test_single_services_are_changed_where_alone_anything_runs(
    tmp_path, finder, engine, with_run
):
    bring_up(tmp_path)

    assert isinstance(finder.find_acting(), ProcessesPlace)
    assert isinstance(finder.find_acting("engine"), EnginePlace)


def test_two_places_in_which_services_run_must_be_told_apart(
    tmp_path, finder, engine, with_run
):
    bring_up(tmp_path)
    engine.containers.append(make_container("web"))

    with pytest.raises(UsageError, match="two places: processes and engine") as refused:
        finder.find_acting()

    assert refused.value.help == "choose one: --on processes or --on engine"
    assert isinstance(finder.find_acting("processes"), ProcessesPlace)
    assert isinstance(finder.find_acting("engine"), EnginePlace)


def test_an_engine_that_does_not_answer_is_no_second_place(
    tmp_path, finder, monkeypatch, with_run
):
    bring_up(tmp_path)
    monkeypatch.setattr(engine_place, "Engine", refuse)

    assert isinstance(finder.find_acting(), ProcessesPlace)


@pytest.mark.parametrize(
    ("on", "command"),
    [
        ("", "composegen up, or composegen run"),
        ("processes", "composegen run"),
        ("engine", "composegen up --on engine"),
        ("kubernetes", "composegen up --on kubernetes"),
    ],
)
def test_where_nothing_runs_no_service_is_changed_and_the_help_starts_it(
    finder, on, command
):
    for act in (finder.find_acting, lambda on: finder.prepare(WEB, print, on)):
        with pytest.raises(NothingRuns) as caught:
            act(on)
        assert caught.value.help == f"start it: {command}"


# A cluster


def bring_up_there(folder):
    noted = clusterfakes.make_noted("web")
    write_cluster_notes(folder, clusterfakes.make_notes(noted))


@pytest.fixture
def cluster(tmp_path):
    return clusterfakes.FakeKubectl(tmp_path)


@pytest.fixture
def there(tmp_path, cluster):
    """A finder in an environment with a kubectl."""
    workspace = Workspace(tmp_path / "stack.yaml", {**cluster.environment, **NO_ENGINE})
    return Finder(workspace, lambda selection: None)


def test_what_was_brought_up_on_a_cluster_alone_is_spoken_of(tmp_path, finder):
    bring_up_there(tmp_path)

    [place] = finder.find_shown()
    assert isinstance(place, ClusterPlace)
    assert isinstance(finder.find_acting(), ClusterPlace)


def test_the_engine_and_a_cluster_are_both_shown(tmp_path, there, engine):
    bring_up(tmp_path)
    bring_up_there(tmp_path)
    engine.containers = (make_container("web", status=Status.RUNNING),)

    assert [each.name for each in there.find_shown()] == ["engine", "kubernetes"]
    [place] = there.find_shown("kubernetes")
    assert isinstance(place, ClusterPlace)


def test_an_engine_on_which_nothing_runs_is_not_shown_beside_a_cluster(
    tmp_path, there, engine
):
    bring_up(tmp_path)
    bring_up_there(tmp_path)

    assert [each.name for each in there.find_shown()] == ["kubernetes"]


def test_one_place_must_be_named_where_services_run_in_two(
    tmp_path, there, engine, cluster
):
    bring_up(tmp_path)
    bring_up_there(tmp_path)
    engine.containers = (make_container("web", status=Status.RUNNING),)
    cluster.show(clusterfakes.make_ready("web"))

    for find_one in (there.find_acting, there.find_ending):
        with pytest.raises(UsageError, match="in two places") as caught:
            find_one()
        assert caught.value.help == ("choose one: --on engine or --on kubernetes")
    assert isinstance(there.find_acting("kubernetes"), ClusterPlace)


def test_a_cluster_that_nothing_was_brought_up_on_cannot_be_named(finder):
    with pytest.raises(NothingRuns, match="brought up on a cluster"):
        finder.find_shown("kubernetes")
    with pytest.raises(NothingRuns, match="brought up on a cluster"):
        finder.find_ending("kubernetes")


def test_down_on_this_machine_has_no_cluster_to_end(tmp_path, finder):
    bring_up_there(tmp_path)

    assert finder.find_ending("engine") is None
    assert isinstance(finder.find_ending(), ClusterPlace)
