"""The engine as a place; fakes play the engine and Compose."""

from contextlib import contextmanager

import pytest

from composegen.errors import (
    EngineUnreachable,
    NotPart,
    OtherFolder,
    UsageError,
    VolumesLeft,
)
from composegen.model import Choice, Service, Stack
from composegen.places.engine import compose, entering
from composegen.places.engine import place as module
from composegen.places.engine.containers import Maker, Mounted, Status
from composegen.places.engine.containers import Volume as FoundVolume
from composegen.places.engine.notes import load_notes, write_notes
from composegen.places.engine.place import EnginePlace
from composegen.places.engine.programs import Program
from composegen.places.place import Request, Volume, name_kept
from composegen.places.status import State
from composegen.records import replace
from composegen.system.identity import identify_self
from composegen.workspace.booting import FILE
from composegen.workspace.state import make_state_folder
from composegen.workspace.statefile import write_state
from composegen.workspace.workspace import Workspace
from tests.enginefakes import make_container, make_noted, make_notes


class FakeEngine:
    """An engine with these containers and volumes."""

    def __init__(self, containers=(), volumes=(), makers=()):
        self.containers, self.volumes, self.makers = containers, volumes, makers

    def list_containers(self, project):
        return tuple(self.containers)

    def has_any(self, project):
        return bool(self.containers or self.makers)

    def read_clock(self):
        return 110.0

    def list_volumes(self, project):
        return tuple(each.name for each in self.volumes)

    def find_volume(self, name):
        return next((each for each in self.volumes if each.name == name), None)

    def list_users(self, volume):
        return ()

    def ask_api(self, method, path, /, **params):
        raise EngineUnreachable("its sizes are not known")

    @property
    def is_here(self):
        return True

    def list_makers(self, project):
        return self.makers


@pytest.fixture
def calls(monkeypatch):
    """What Compose was called with; it prints these lines for `logs`."""
    seen = []

    def read_compose(project, *words, **_):
        seen.append(words)
        yield from ["web-1     | GET /", "worker-1  | job | done", "worker-2  | "]

    monkeypatch.setattr(module, "read_compose", read_compose)
    monkeypatch.setattr(module, "use_compose", lambda _, *words: seen.append(words))
    return seen


@pytest.fixture
def make_place(monkeypatch, tmp_path):
    """A place whose engine has what is handed in."""

    def make(containers=(), volumes=(), excluded=(), makers=(), stack=None):
        engine = FakeEngine(containers, volumes, makers)

        @contextmanager
        def connect(endpoint):
            yield engine

        monkeypatch.setattr(module, "Engine", connect)
        noted = make_noted("web"), make_noted("worker", replicas=2, is_required=False)
        return EnginePlace(
            Workspace(tmp_path / "stack.yaml"),
            make_notes(*noted, left_out=excluded),
            None if stack is None else lambda: stack,
        )

    return make


def test_it_sees_every_service_that_was_noted(make_place):
    seen = make_place([make_container("web")]).look()

    assert [each.service for each in seen.statuses] == ["web", "worker"]
    assert (seen.is_running, seen.is_up) == (True, True)


@pytest.mark.parametrize("is_killed", [False, True])
def test_one_that_a_killed_up_did_not_start_is_explained_so(
    make_place, tmp_path, is_killed
):
    if is_killed:
        gone = replace(identify_self(), start=1)
        write_state(make_state_folder(tmp_path) / FILE, {"process": gone})

    [reason] = make_place([make_container("worker")]).explain("web").reasons

    interrupted = "`composegen up` was interrupted before that"
    assert (reason.failure.cause == interrupted) is is_killed


def test_without_containers_nothing_runs(make_place):
    seen = make_place().look()

    assert {each.state for each in seen.statuses} == {State.STOPPED}
    assert (seen.is_running, seen.is_up) == (False, False)


def test_lines_are_named_by_service_and_those_of_replicas_by_container(
    make_place, calls
):
    read = make_place().read_logs((), 5, follow=True)

    assert list(read.lines) == [
        ("web", "GET /"),
        ("worker-1", "job | done"),
        ("worker-2", ""),
    ]
    assert calls == [("logs", "--no-color", "--tail", "5", "--follow")]


def test_lines_of_a_container_with_a_name_of_its_own_are_named_by_service(
    make_place, monkeypatch
):
    def read_compose(project, *words, **_):
        yield "frontend  | GET /"

    place = make_place([make_container("web", name="frontend")])
    monkeypatch.setattr(module, "read_compose", read_compose)

    assert list(place.read_logs((), 5, follow=True).lines) == [("web", "GET /")]


def test_a_service_that_is_not_up_is_refused_with_a_near_name(make_place, calls):
    place = make_place()
    for ask in (
        lambda: place.read_logs(["wev"], 5, follow=False),
        lambda: place.explain("wev"),
    ):
        with pytest.raises(UsageError, match="there is no service `wev`") as refused:
            ask()
        assert refused.value.help == "did you mean `web`?"
    assert calls == []


def test_taking_down_names_the_project_and_the_data_that_stays(make_place, calls):
    data = Mounted(
        kind="volume", name="demo_data", source="", target="/data", is_writable=True
    )
    volume = FoundVolume(name="demo_data", created_at=5.0, project="demo")
    place = make_place([make_container("web", mounts=(data,))], volumes=[volume])

    assert place.take_down(lambda _: None) == ("removed the containers of demo",)
    assert calls == [("down", "--remove-orphans")]
    assert name_kept(place.list_volumes().own) == (
        "its volumes are kept, with their data: demo_data",
    )


def test_where_there_is_nothing_to_take_down_compose_is_not_called(
    make_place, calls, tmp_path
):
    write_notes(tmp_path, make_notes(make_noted("web")))

    assert make_place().take_down(lambda _: None) == ()

    assert calls == []
    assert load_notes(tmp_path) is None


def test_volumes_are_removed_one_by_one_and_what_is_left_is_an_error(
    make_place, monkeypatch
):
    place = make_place()
    monkeypatch.setattr(
        module, "remove_volume", lambda _, name: "in use" if name == "b" else ""
    )
    volumes = [Volume(name=name, size="", folder="/") for name in "abc"]
    with pytest.raises(VolumesLeft, match="not removed: b: in use"):
        list(place.remove_volumes(volumes))
    assert list(place.remove_volumes([volumes[0], volumes[2]])) == [
        "removed the volume a",
        "removed the volume c",
    ]


@pytest.fixture
def other(tmp_path):
    """The containers that a stack in another folder has made."""
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "stack.yaml").touch()
    return Maker(folder=str(folder), files=("-",), services=("web",))


def test_what_belongs_to_another_folder_is_not_taken_down(make_place, calls, other):
    place = make_place([make_container("web")], makers=[other])

    with pytest.raises(OtherFolder, match=other.folder):
        place.take_down(lambda _: None)

    assert calls == []


def test_on_request_it_is_taken_down_and_reported(make_place, calls, other):
    told = []

    make_place(makers=[other]).take_down(told.append, take_over=True)

    assert other.folder in told[0]
    assert calls == [("down", "--remove-orphans")]


def test_what_is_read_says_whose_stack_it_is(make_place, calls, other):
    place = make_place([make_container("web")], makers=[other])
    read = place.look(), place.explain(""), place.read_logs((), 5, follow=False)

    for notes in (each.notes for each in read):
        assert len(notes) == 1
        assert other.folder in notes[0]


CACHE_OUT = {
    "service": "cache",
    "reason": "--without cache",
    "instead": ["web: CACHE=none"],
}


def test_a_service_that_was_excluded_before_the_start_says_what_is_used(make_place):
    place = make_place([make_container("web")], excluded=[CACHE_OUT])

    [reason] = place.explain("cache").reasons

    assert str(reason) == (
        "cache: excluded: --without cache\n"
        "  instead: web: CACHE=none\n"
        "  help: include it: composegen up --with cache\n"
    )
    assert "cache" not in {each.service for each in place.explain("").reasons}


def test_the_log_of_an_excluded_service_says_that_it_is_excluded(make_place, calls):
    place = make_place([make_container("web")], excluded=[CACHE_OUT])

    alone = place.read_logs(["cache"], 5, follow=False)
    both = place.read_logs(["cache", "web"], 5, follow=False)

    assert list(alone.lines) == []
    assert alone.notes == both.notes == ("cache is excluded: --without cache",)
    assert calls == []
    assert list(both.lines)
    assert calls == [("logs", "--no-color", "--tail", "5", "web")]


def test_an_excluded_service_with_a_container_shows_its_log(make_place, calls):
    containers = [make_container("web"), make_container("cache")]
    place = make_place(containers, excluded=[CACHE_OUT])

    list(place.read_logs(["cache"], 5, follow=False).lines)

    assert calls == [("logs", "--no-color", "--tail", "5", "cache")]


def test_lines_of_containers_that_have_all_stopped_are_said_to_be_so(make_place, calls):
    gone = make_container("web", status=Status.EXITED)
    worker = make_container("worker")

    for_all = make_place([gone]).read_logs((), 5, follow=False)

    assert for_all.notes == (
        "nothing runs here: these are lines of containers that have stopped",
    )
    assert make_place([gone, worker]).read_logs((), 5, follow=False).notes == ()
    assert make_place().read_logs((), 5, follow=False).notes == ()


def test_the_name_of_a_choice_means_the_service_that_was_brought_up(
    make_place, calls, monkeypatch
):
    monkeypatch.setattr(entering, "find_program", lambda *_: Program.FOUND)
    monkeypatch.setattr(compose, "find_docker", lambda: "/bin/docker")
    members = ("cache", "web")
    stack = Stack(
        name="demo",
        file="stack.yaml",
        services={name: Service(name=name) for name in (*members, "late")},
        choices={"shop": Choice(name="shop", members=members)},
    )
    place = make_place([make_container("web")], excluded=[CACHE_OUT], stack=stack)

    list(place.read_logs(["shop"], 5, follow=False).lines)
    call = place.prepare(Request(service="shop", command=("sh",)), lambda _: None)

    assert calls == [("logs", "--no-color", "--tail", "5", "web")]
    assert call.command[-2:] == ("web", "sh")
    with pytest.raises(NotPart, match="`late` is not part of what runs here"):
        place.explain("late")
