"""What no event has said shows when the containers are looked at."""

from __future__ import annotations

import pytest

from composegen.places.engine.containers import Status
from composegen.places.engine.happened import Action
from composegen.places.engine.judge import Judge
from composegen.places.events import (
    Created,
    Exited,
    Failed,
    Finished,
    Ready,
    Started,
)
from composegen.places.status import State
from tests.enginefakes import happen, make_container, make_noted, make_notes

BEGAN = 90.0


def judge(*services, limit=None):
    return Judge(make_notes(*services, began=BEGAN), limit=limit)


def start(boot, service, at=1.0):
    return list(boot.see(happen(service, Action.START), at))


def look(boot, *containers, at=5.0):
    """What a look at these containers brings."""
    return [type(each) for each in boot.compare(containers, at)]


def look_twice(boot, *containers):
    assert look(boot, *containers) == []
    return look(boot, *containers, at=10.0)


def test_one_that_is_healthy_without_an_event_is_ready_at_once():
    boot = judge(make_noted("web"))
    start(boot, "web")

    assert look(boot, make_container("web")) == [Ready]
    assert boot.is_done


def test_one_that_is_not_healthy_yet_stays_as_it_is():
    boot = judge(make_noted("web"))
    start(boot, "web")

    assert look_twice(boot, make_container("web", health="starting")) == []
    assert not boot.is_done


def test_what_events_have_said_is_not_said_again():
    boot = judge(make_noted("web"), make_noted("db"))
    start(boot, "web")
    start(boot, "db")
    list(boot.see(happen("web", Action.HEALTH, health="healthy"), 2.0))

    web, db = make_container("web"), make_container("db", health="starting")

    assert look_twice(boot, web, db) == []


def test_one_that_was_created_and_started_without_an_event_is_ready():
    boot = judge(make_noted("web"))

    assert look_twice(boot, make_container("web")) == [Created, Started, Ready]


def test_what_a_first_look_finds_may_be_on_its_way():
    boot = judge(make_noted("web"))
    starting = make_container("web", health="starting")
    assert look(boot, starting) == []

    assert [type(each) for each in start(boot, "web")] == [Started]
    assert look(boot, starting) == []


def test_one_that_starts_again_and_again_is_no_news():
    boot = judge(make_noted("web"))
    start(boot, "web")
    for at in (100.0, 110.0, 120.0):
        again = make_container("web", health="starting", started_at=at)
        assert look(boot, again) == []


def test_a_job_has_finished_without_an_event():
    boot = judge(make_noted("seed", is_job=True))
    start(boot, "seed")

    ended = make_container("seed", status=Status.EXITED, health="none")

    assert look_twice(boot, ended) == [Finished]


def test_a_job_of_which_no_event_came_at_all_has_finished():
    boot = judge(make_noted("seed", is_job=True))
    ended = make_container("seed", status=Status.EXITED, health="none")

    assert look_twice(boot, ended) == [Created, Started, Finished]


def test_a_job_that_an_earlier_up_has_run_is_no_news():
    boot = judge(make_noted("seed", is_job=True))
    old = make_container(
        "seed", status=Status.EXITED, health="none", started_at=BEGAN - 1
    )
    list(boot.adopt([old]))

    assert look_twice(boot, old) == []

    boot.settle()
    again = make_container("seed", status=Status.EXITED, health="none")
    assert look_twice(boot, again) == [Started, Finished]


def test_a_death_without_an_event_is_one_death():
    boot = judge(make_noted("web", is_restarted=False))
    start(boot, "web")
    dead = make_container("web", status=Status.EXITED, exit_code=3)

    assert look_twice(boot, dead) == [Failed]
    assert boot.failed[0].exit_code == 3
    assert look_twice(boot, dead) == []


def test_a_container_that_is_gone_without_an_event_is_counted_no_more():
    boot = judge(make_noted("web"))
    start(boot, "web")
    list(boot.see(happen("web", Action.HEALTH, health="healthy"), 2.0))
    list(boot.see(happen("web", Action.START, id="other"), 3.0))

    web = make_container("web")
    assert look_twice(boot, web) == []

    assert [each.id for each in boot.candidates["web"].list_here()] == ["id-web"]


def test_a_helper_that_got_its_answer_without_an_event_makes_its_service_ready():
    boot = judge(make_noted("otel", helper="otel-health"))
    start(boot, "otel")
    helper = make_container("otel-health")

    assert look_twice(boot, make_container("otel", health="none"), helper) == [Ready]


@pytest.mark.parametrize(
    ("at", "limit", "overdue"),
    [(30.9, None, False), (31.0, None, True), (4.9, 5.0, False), (5.0, 5.0, True)],
)
def test_one_is_overdue_when_its_time_is_used_up(at, limit, overdue):
    boot = judge(make_noted("web", boot=30.0), limit=limit)
    start(boot, "web", at=1.0)

    assert boot.is_overdue(at) is overdue


def test_one_that_has_failed_is_overdue_no_more():
    boot = judge(make_noted("web", boot=30.0))
    start(boot, "web")
    list(boot.look(40.0))

    assert boot.candidates["web"].state is State.FAILED
    assert not boot.is_overdue(40.0)


def test_one_that_waits_for_its_start_is_overdue_at_the_limit_alone():
    assert not judge(make_noted("web")).is_overdue(1e6)
    assert judge(make_noted("web"), limit=5.0).is_overdue(5.0)


def test_a_restart_is_told_from_a_death():
    boot = judge(make_noted("web"))
    start(boot, "web")
    dead = make_container("web", status=Status.EXITED, exit_code=3)
    assert look_twice(boot, dead) == [Exited]

    again = make_container("web", health="starting", started_at=200.0)
    assert look_twice(boot, again) == [Started]
