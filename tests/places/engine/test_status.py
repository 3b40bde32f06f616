"""The engine's words become the states of every place."""

import time

import pytest

from composegen.places.engine.containers import Published, Status
from composegen.places.engine.status import find_addresses, make_seen
from composegen.places.status import State, format_statuses
from tests.enginefakes import make_container, make_noted, make_notes


def see(container=None, **noted):
    notes = make_notes(make_noted("web", **noted))
    return make_seen(notes, [container] if container else []).find("web")


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({}, State.READY),
        ({"health": "starting"}, State.STARTING),
        ({"health": "unhealthy"}, State.FAILED),
        ({"status": Status.CREATED}, State.WAITING),
        ({"status": Status.CREATED, "error": "no"}, State.FAILED),
        ({"status": Status.RESTARTING}, State.FAILED),
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
    now = time.time()
    young = make_container("web", health="none", started_at=now)
    old = make_container("web", health="none", started_at=now - 2)
    assert see(young).state is State.STARTING
    assert see(old).state is State.READY


def test_a_service_without_a_container_is_stopped():
    assert see().state is State.STOPPED


def test_the_worst_container_speaks_for_its_service():
    notes = make_notes(make_noted("web", replicas=2))
    containers = [
        make_container("web", id="a", restarts=1),
        make_container("web", id="b", health="starting", restarts=2),
    ]
    status = make_seen(notes, containers).find("web")
    assert status.state is State.STARTING
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


def test_the_table_shows_every_service_and_what_is_left_out():
    left_out = {
        "service": "redis",
        "reason": "--without redis",
        "instead": ["web: STORE=memory"],
    }
    notes = make_notes(make_noted("web"), left_out=(left_out,))
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
    assert not make_seen(notes, containers, {"web"}).is_up
    assert make_seen(notes, containers, {"cache"}).is_up
    assert make_seen(notes, containers, {"web"}).find("web").reachable is False
    assert make_seen(notes, containers).find("web").reachable is None
