"""The engine's words become the states of every place."""

import pytest

from composegen.needs import Later
from composegen.places.engine.containers import Published, Status
from composegen.places.engine.notes import (
    How,
    NotedExclusion,
    NotedFailure,
    NotedStop,
)
from composegen.places.engine.status import (
    find_addresses,
    list_excluded,
    list_lost,
    make_seen,
)
from composegen.places.noted import NotedNeed
from composegen.places.status import ServiceStatus, State, format_statuses
from composegen.records import replace
from tests.enginefakes import make_container, make_noted, make_notes

NOW = 110.0


def see(container=None, *, notes=None, now=NOW, **noted):
    notes = replace(make_notes(make_noted("web", **noted)), **(notes or {}))
    return make_seen(notes, [container] if container else [], now).find("web")


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({}, State.READY),
        ({"health": "starting"}, State.STARTING),
        ({"health": "unhealthy"}, State.FAILED),
        ({"status": Status.CREATED}, State.WAITING),
        ({"status": Status.CREATED, "error": "no"}, State.FAILED),
        ({"health": "starting", "restarts": 1}, State.STARTING),
        ({"health": "starting", "restarts": 2}, State.FAILED),
        ({"health": "healthy", "restarts": 2}, State.READY),
        ({"health": "none", "restarts": 1, "started_at": 101.0}, State.STARTING),
        ({"health": "none", "restarts": 2, "started_at": 101.0}, State.FAILED),
        ({"health": "none", "restarts": 2, "started_at": 99.0}, State.READY),
        ({"status": Status.RESTARTING, "restarts": 1}, State.FAILED),
        ({"status": Status.PAUSED}, State.STOPPED),
        ({"status": Status.EXITED, "exit_code": 143}, State.STOPPED),
        ({"status": Status.EXITED, "was_out_of_memory": True}, State.FAILED),
    ],
)
def test_the_state_of_a_service(values, state):
    assert see(make_container("web", **values)).state is state


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"status": Status.RUNNING, "health": "none"}, State.STARTING),
        ({"status": Status.EXITED, "exit_code": 0}, State.FINISHED),
        ({"status": Status.EXITED, "exit_code": 1}, State.FAILED),
    ],
)
def test_the_state_of_a_job(values, state):
    assert see(make_container("web", **values), is_job=True).state is state


def test_without_a_check_it_is_ready_once_it_has_lived_for_a_second():
    young = make_container("web", health="none", started_at=NOW - 0.5)
    old = make_container("web", health="none", started_at=NOW - 2)
    assert see(young).state is State.STARTING
    assert see(old).state is State.READY


def test_a_boot_that_is_over_has_failed_until_it_is_healthy():
    booting = make_container("web", health="starting", started_at=100.0)
    assert see(booting, now=129.9).state is State.STARTING
    assert see(booting, now=130.0).state is State.FAILED
    # An `up` that began later gives it its time again, or a limit of its own.
    assert see(booting, now=130.0, notes={"began": 120.0}).state is State.STARTING
    limit = {"began": 120.0, "limit": 5.0}
    assert see(booting, now=124.0, notes=limit).state is State.STARTING
    assert see(booting, now=125.0, notes=limit).state is State.FAILED


def fail(how, **values):
    failure = NotedFailure(
        service="web", how=how, at=105.0, reason="it failed", **values
    )
    return {"failures": (failure,)}


@pytest.mark.parametrize(
    ("how", "values", "state"),
    [
        (How.DIED, {"health": "starting"}, State.FAILED),
        (How.DIED, {}, State.READY),
        (How.DIED, {"health": "starting", "started_at": 106.0}, State.STARTING),
        (How.DIED, {"health": "starting", "id": "another"}, State.STARTING),
        (How.DIED, {"status": Status.EXITED, "finished_at": 104.9}, State.FAILED),
        (How.DIED, {"status": Status.EXITED, "finished_at": 107.0}, State.STOPPED),
        (How.LATE, {"health": "starting", "restarts": 1}, State.FAILED),
        (How.REFUSED, {"status": Status.CREATED, "started_at": None}, State.FAILED),
        (How.REFUSED, {"health": "starting", "started_at": 106.0}, State.STARTING),
    ],
)
def test_what_up_judged_is_so_until_something_newer_is_seen(how, values, state):
    noted = fail(how, id="id-web")
    assert see(make_container("web", **values), notes=noted).state is state


def test_a_service_that_compose_could_not_make_has_failed():
    assert see(notes=fail(How.REFUSED)).state is State.FAILED


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"status": Status.CREATED, "error": "no"}, State.WAITING),
        ({"status": Status.EXITED, "error": "no"}, State.STOPPED),
        ({"status": Status.EXITED, "was_out_of_memory": True}, State.STOPPED),
    ],
)
def test_what_is_older_than_this_up_is_no_failure(values, state):
    container = make_container("web", finished_at=103.0, **values)
    assert see(container, notes={"began": 104.0}).state is state
    assert see(container, notes={"began": 102.0}).state is State.FAILED


def test_the_end_of_a_job_in_an_earlier_up_is_none_in_this_one():
    job = make_container("web", status=Status.EXITED, exit_code=4, finished_at=103.0)
    state = see(job, notes={"began": 104.0}, is_job=True).state
    assert state is State.STOPPED


def test_a_service_without_a_container_is_stopped():
    assert see().state is State.STOPPED


def test_the_worst_container_speaks_for_its_service():
    notes = make_notes(make_noted("web", replicas=2))
    containers = [
        make_container("web", id="a", restarts=1),
        make_container("web", id="b", health="starting", restarts=2),
    ]
    status = make_seen(notes, containers, NOW).find("web")
    assert status.state is State.FAILED
    assert status.restarts == 3


def test_a_running_service_has_no_exit_code_and_an_ended_one_has():
    assert see(make_container("web")).exit_code is None
    ended = make_container("web", status=Status.EXITED, exit_code=3)
    assert see(ended).exit_code == 3


def test_all_is_up_when_what_is_required_is():
    notes = make_notes(make_noted("web"), make_noted("cache", is_required=False))
    web = make_container("web")
    assert make_seen(notes, [web]).is_up
    assert not make_seen(notes, [make_container("cache")]).is_up


def test_addresses_are_what_the_host_can_open():
    notes = make_notes(make_noted("web", port=8000, is_http=True))
    published = (
        Published(target="9229/tcp", host="127.0.0.1", port=9229),
        Published(target="8000/tcp", host="0.0.0.0", port=80),
        Published(target="8000/tcp", host="::", port=80),
        Published(target="53/udp", host="127.0.0.1", port=53),
    )
    found = find_addresses(notes, [make_container("web", published=published)])
    assert found == [("web", "http://127.0.0.1:80"), ("web", "127.0.0.1:9229")]


def test_what_does_not_run_has_no_address_to_open():
    notes = make_notes(make_noted("web"), make_noted("cache"))
    port = (Published(target="6379/tcp", host="127.0.0.1", port=6379),)
    gone = make_container("cache", status=Status.EXITED, published=port)
    assert find_addresses(notes, [make_container("web"), gone]) == []


@pytest.mark.parametrize("step", [1, -1])
def test_a_status_has_all_addresses_in_the_order_of_the_ports(step):
    published = tuple(
        Published(target=f"{port}/tcp", host="127.0.0.1", port=port + 1)
        for port in (8001, 8000, 900)[::step]
    )
    seen = see(make_container("web", published=published), port=8000)
    assert seen.address == "127.0.0.1:8001"
    assert seen.addresses == ("127.0.0.1:8001", "127.0.0.1:901", "127.0.0.1:8002")
    table = format_statuses([seen], ())
    assert "127.0.0.1:8001, 127.0.0.1:901, 127.0.0.1:8002  image" in table


def test_the_table_shows_every_service_and_what_is_excluded():
    excluded = {
        "service": "redis",
        "reason": "--without redis",
        "instead": ["web: STORE=memory"],
    }
    notes = make_notes(make_noted("web"), left_out=(excluded,))
    container = make_container("web", started_at=1000000000.0, restarts=2)
    seen = make_seen(notes, [container])
    assert format_statuses(seen.statuses, notes.left_out) == (
        "service  state  health   since                restarts  address  image\n"
        "web      ready  healthy  2001-09-09 01:46:40  2         -        image:1\n"
        "redis: excluded: --without redis\n"
        "  web: STORE=memory\n"
    )


def test_a_required_service_that_only_its_container_reaches_is_not_up():
    notes = make_notes(make_noted("web"), make_noted("cache", is_required=False))
    containers = [make_container("web"), make_container("cache")]
    assert not make_seen(notes, containers, unreached={"web"}).is_up
    assert make_seen(notes, containers, unreached={"cache"}).is_up
    assert (
        make_seen(notes, containers, unreached={"web"}).find("web").reachable is False
    )
    assert make_seen(notes, containers).find("web").reachable is None


# Who has stopped it


def see_stopped(*, noted_at=100.0, **values):
    notes = make_notes(
        make_noted("web", is_job=values.pop("is_job", False)),
        stopped=(NotedStop(container="id-web", started_at=noted_at),),
    )
    status = make_seen(notes, [make_container("web", **values)]).find("web")
    return status.state, status.by


@pytest.mark.parametrize("is_job", [False, True])
def test_a_container_that_the_user_has_stopped_is_stopped_by_the_user(is_job):
    exited = {"status": Status.EXITED, "exit_code": 143, "is_job": is_job}
    assert see_stopped(**exited) == (State.STOPPED, "user")


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"status": Status.EXITED, "noted_at": 99.0},
        {"status": Status.EXITED, "id": "another"},
        {"status": Status.EXITED, "error": "port is taken"},
        {"status": Status.PAUSED},
        {"status": Status.EXITED, "exit_code": 0, "is_job": True},
    ],
    ids=["runs", "started since", "recreated", "not started", "paused", "finished"],
)
def test_what_is_not_as_the_user_left_it_is_not_by_the_user(values):
    assert see_stopped(**values)[1] is None


def test_the_table_says_who_has_stopped_it():
    stopped = ServiceStatus(
        service="web", state=State.STOPPED, exit_code=143, by="user"
    )
    assert "web      stopped, by user  " in format_statuses([stopped], ())


# What is excluded

OUT = NotedExclusion(
    service="cache",
    reason="not healthy within 60s",
    at=100.0,
    instead=("web: STORE=memory",),
)


def see_excluded(*containers, without=("cache",), later=Later.COPE):
    need = NotedNeed(service="cache", is_optional=True, later=later)
    web = replace(make_noted("web", without=without), needs=(need,))
    cache = make_noted("cache", is_required=False)
    notes = make_notes(web, cache, excluded=(OUT,) if without else ())
    seen = make_seen(notes, [make_container("web"), *containers], 200.0)
    return notes, seen.find("cache"), tuple(list_lost(notes, seen.statuses))


@pytest.mark.parametrize(
    "containers",
    [
        (),
        (make_container("cache", status=Status.EXITED, started_at=90.0),),
        (make_container("cache", status=Status.CREATED, started_at=None, error="x"),),
    ],
)
def test_what_was_excluded_stays_so_while_nothing_of_it_runs(containers):
    notes, status, lost = see_excluded(*containers)

    assert status.state is State.EXCLUDED
    assert (status.reason, status.fallback) == ("not healthy within 60s", True)
    assert lost == ()
    [shown] = list_excluded(notes, [status])
    assert shown["instead"] == ("web: STORE=memory",)
    assert shown["fallback"] is True


def test_what_was_started_since_is_what_it_is_and_still_missed():
    notes, status, lost = see_excluded(make_container("cache", started_at=150.0))

    assert (status.state, status.reason, status.fallback) == (State.READY, None, True)
    assert lost == ("web runs without cache, which is up: composegen up",)
    assert list_excluded(notes, [status]) == ()


@pytest.mark.parametrize(
    ("later", "said"),
    [
        (Later.COPE, ()),
        (
            Later.RESTART,
            ("web still uses cache, which is gone: composegen up",),
        ),
    ],
)
def test_what_is_to_restart_is_named_while_it_uses_what_is_gone(later, said):
    dead = make_container("cache", status=Status.EXITED, exit_code=3)

    assert see_excluded(dead, without=(), later=later)[2] == said


def test_what_the_selection_excludes_has_its_reason_and_no_fallback():
    out = {"service": "redis", "reason": "--without redis", "instead": []}
    notes = make_notes(make_noted("web"), left_out=(out,))

    status = make_seen(notes, [make_container("web")]).find("redis")

    assert (status.reason, status.fallback) == ("--without redis", False)
