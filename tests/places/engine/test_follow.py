"""What happens to a project's services, from the engine's stream of events."""

import queue
from contextlib import contextmanager
from itertools import islice

import pytest

from composegen.errors import EngineUnreachable
from composegen.places.engine.containers import Status
from composegen.places.engine.follow import FIRST_PAUSE, follow_engine
from composegen.places.engine.happened import Action
from composegen.places.engine.notes import NotedStop, write_notes
from composegen.places.events import (
    BecameUnhealthy,
    Created,
    Exited,
    Finished,
    HealthyAgain,
    Message,
    Ready,
    Started,
    Stopped,
)
from composegen.records import replace
from tests.enginefakes import happen, make_container, make_noted, make_notes
from tests.leaks import wait_for

LOST = object()
"""The connection is lost here."""


class FakeWatch:
    """A stream that brings what a test puts into it, until it is closed."""

    def __init__(self):
        self.inbox = queue.SimpleQueue()
        self.is_closed = False

    def __iter__(self):
        while (happened := self.inbox.get()) is not None:
            if happened is LOST:
                raise EngineUnreachable("lost")
            yield happened

    def close(self):
        self.is_closed = True
        self.inbox.put(None)


class FakeEngine:
    """An engine with these containers, whose stream a test fills."""

    def __init__(self, folder, *noted, containers=()):
        self.folder = folder
        self.notes = make_notes(*noted)
        self.containers = {each.id: each for each in containers}
        self.watches = []
        self.inspected = []
        self.listed = 0
        self.refusals = 0
        self.pauses = []

    @contextmanager
    def connect(self):
        if self.refusals:
            self.refusals -= 1
            raise EngineUnreachable("no engine answers")
        yield self

    def watch(self, project):
        self.watches.append(FakeWatch())
        return self.watches[-1]

    def read_clock(self):
        return 100.5

    def list_containers(self, project):
        self.listed += 1
        return tuple(self.containers.values())

    def find_container(self, id):
        self.inspected.append(id)
        return self.containers.get(id)

    def follow(self):
        return follow_engine(
            self.folder, self.notes, self.connect, pause=self.pauses.append
        )

    def happen(self, service, action, **values):
        self.watches[-1].inbox.put(happen(service, action, **values))


def take(events, count):
    """The next events, as pairs of service and kind."""
    return [(each.service, type(each)) for each in islice(events, count)]


@pytest.fixture
def engine(tmp_path):
    """web and db, both up."""
    made = FakeEngine(
        tmp_path,
        make_noted("db"),
        make_noted("web", "db"),
        containers=[make_container("db"), make_container("web")],
    )
    write_notes(tmp_path, made.notes)
    return made


def test_what_is_there_comes_first_with_one_look(engine):
    events = engine.follow()

    assert take(events, 2) == [("db", Ready), ("web", Ready)]
    assert (engine.listed, engine.inspected) == (1, [])


def test_each_change_of_a_service_is_one_event(engine):
    events = engine.follow()
    take(events, 2)

    engine.happen("db", Action.HEALTH, health="unhealthy")
    engine.happen("db", Action.HEALTH, health="healthy")
    engine.happen("web", Action.DIE, exit_code=3)
    engine.happen("web", Action.START, time=100.0)
    engine.happen("web", Action.HEALTH, health="healthy", time=100.5)
    came = list(islice(events, 5))

    assert [(each.service, type(each)) for each in came] == [
        ("db", BecameUnhealthy),
        ("db", HealthyAgain),
        ("web", Exited),
        ("web", Started),
        ("web", Ready),
    ]
    assert came[2].exit_code == 3
    assert came[3].restarts == 1
    assert came[4].after >= 0.5
    assert (engine.listed, engine.inspected) == (1, [])


def test_a_stop_by_the_user_is_told_apart_from_an_exit(engine):
    events = engine.follow()
    take(events, 2)

    stop = NotedStop(container="id-db", started_at=100.0)
    write_notes(engine.folder, replace(engine.notes, stopped=(stop,)))
    engine.happen("db", Action.KILL)
    engine.happen("db", Action.DIE, exit_code=143)
    engine.happen("db", Action.START, time=200.0)
    came = list(islice(events, 2))

    assert (type(came[0]), came[0].by) == (Stopped, "user")
    assert (type(came[1]), came[1].restarts) == (Started, 0)


def test_a_new_container_is_looked_at_when_it_starts(engine):
    events = engine.follow()
    take(events, 2)

    engine.happen("web", Action.DESTROY)
    engine.happen("web", Action.CREATE, id="new")
    engine.containers["new"] = make_container("web", id="new", health="starting")
    engine.happen("web", Action.START, id="new")
    engine.happen("web", Action.HEALTH, id="new", health="healthy")

    assert take(events, 4) == [
        ("web", Stopped),
        ("web", Created),
        ("web", Started),
        ("web", Ready),
    ]
    assert engine.inspected == ["new"]


def test_a_service_that_another_up_adds_is_followed_too(engine):
    events = engine.follow()
    take(events, 2)

    write_notes(engine.folder, make_notes(*engine.notes.services, make_noted("mail")))
    engine.happen("mail", Action.CREATE)

    assert take(events, 1) == [("mail", Created)]


def test_time_makes_a_service_without_a_check_ready(tmp_path):
    asked_never = make_container("web", health="none", test=(), status=Status.CREATED)
    engine = FakeEngine(tmp_path, make_noted("web"), containers=[asked_never])
    events = engine.follow()
    take(events, 1)

    engine.containers["id-web"] = make_container("web", health="none", test=())
    engine.happen("web", Action.START)

    assert take(events, 2) == [("web", Started), ("web", Ready)]


def test_a_boot_that_seems_over_is_looked_at_before_it_is_reported(tmp_path):
    boots = make_container("web", health="starting", started_at=71.0)
    engine = FakeEngine(tmp_path, make_noted("web"), containers=[boots])
    write_notes(tmp_path, engine.notes)
    events = engine.follow()
    assert take(events, 1) == [("web", Started)]  # its boot is over after 30 s

    # It is healthy, and the engine has sent no event of it.
    engine.containers["id-web"] = make_container("web", started_at=71.0)

    assert take(events, 1) == [("web", Ready)]


def test_what_is_older_than_a_look_is_taken_before_it(tmp_path):
    boots = make_container("web", health="starting", started_at=71.0)
    engine = FakeEngine(tmp_path, make_noted("web"), containers=[boots])
    write_notes(tmp_path, engine.notes)
    events = engine.follow()
    take(events, 1)

    # It dies while it is looked at: that it was healthy before is no news any more.
    def look(project):
        engine.happen("web", Action.DIE, exit_code=3)
        engine.happen("web", Action.KILL)  # once it is taken, the first is on its way
        wait_for(engine.watches[-1].inbox.empty)
        engine.list_containers = lambda _: tuple(engine.containers.values())
        engine.containers["id-web"] = make_container(
            "web", status=Status.EXITED, exit_code=3
        )
        return (make_container("web", started_at=71.0),)

    engine.list_containers = look

    assert take(events, 1) == [("web", Exited)]


def test_a_job_that_ends_well_has_finished(tmp_path):
    runs = make_container("seed", health="none")
    engine = FakeEngine(tmp_path, make_noted("seed", is_job=True), containers=[runs])
    events = engine.follow()

    assert take(events, 1) == [("seed", Started)]
    engine.happen("seed", Action.DIE, exit_code=0)
    assert take(events, 1) == [("seed", Finished)]


def test_a_lost_connection_is_made_again_and_what_was_missed_is_reported(engine):
    events = engine.follow()
    take(events, 2)
    engine.containers["id-db"] = make_container("db", status=Status.EXITED, exit_code=1)
    engine.refusals = 2

    engine.watches[0].inbox.put(LOST)

    assert take(events, 2) == [("", Message), ("db", Exited)]
    assert engine.listed == 2
    assert engine.watches[0].is_closed
    assert engine.pauses == [FIRST_PAUSE, FIRST_PAUSE * 2, FIRST_PAUSE * 4]


def test_an_engine_that_never_answers_is_an_error(engine):
    engine.refusals = 1

    with pytest.raises(EngineUnreachable):
        next(engine.follow())


def test_who_leaves_closes_the_stream(engine):
    events = engine.follow()
    next(events)

    events.close()

    assert engine.watches[0].is_closed
