"""Where a command runs in a service: in the one place in which the service runs."""

from pathlib import Path

import pytest

from composegen.errors import EngineUnreachable, NothingRuns, OtherEngine, UsageError
from composegen.places import find
from composegen.places.find import Finder
from composegen.places.place import Call, Request
from composegen.workspace.workspace import Workspace

WEB = Request(service="web", command=("ls",))


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
