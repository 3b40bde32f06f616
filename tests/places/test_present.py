"""How a service is doing becomes the events that led to it."""

import pytest

from composegen.places.events import (
    BecameUnhealthy,
    Created,
    Exited,
    Finished,
    HealthyAgain,
    Ready,
    Reused,
    Started,
    Stopped,
)
from composegen.places.present import describe_change, describe_present
from composegen.places.status import ServiceStatus, State

STATUSES = {
    "waiting": (State.WAITING, {}),
    "starting": (State.STARTING, {"health": "starting"}),
    "ready": (State.READY, {"health": "healthy"}),
    "unasked": (State.READY, {"health": "none"}),
    "reused": (State.READY, {"health": "healthy", "reused": True, "pid": 7}),
    "sick": (State.READY, {"health": "unhealthy"}),
    "sick container": (State.FAILED, {"health": "unhealthy"}),
    "finished": (State.FINISHED, {"exit_code": 0}),
    "died": (State.FAILED, {"exit_code": 3}),
    "exited": (State.STOPPED, {"exit_code": 0}),
    "by user": (State.STOPPED, {"exit_code": 143, "by": "user"}),
    "gone": (State.STOPPED, {}),
    "excluded": (State.EXCLUDED, {}),
}


def make(name, **more):
    state, values = STATUSES[name]
    return ServiceStatus(service="web", state=state, **{**values, **more})


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("waiting", [Created]),
        ("starting", [Started]),
        ("ready", [Ready]),
        ("reused", [Reused, Ready]),
        ("sick", [Ready, BecameUnhealthy]),
        ("sick container", [BecameUnhealthy]),
        ("finished", [Finished]),
        ("died", [Exited]),
        ("exited", [Exited]),
        ("by user", [Stopped]),
        ("gone", [Stopped]),
        ("excluded", []),
    ],
)
def test_the_present_is_reported_by_its_events(name, kinds):
    events = list(describe_present(make(name)))

    assert [type(event) for event in events] == kinds
    assert all(event.service == "web" for event in events)


@pytest.mark.parametrize("name", STATUSES)
def test_what_has_not_changed_is_no_event(name):
    assert list(describe_change(make(name), make(name), at=1.0)) == []


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        ("waiting", "starting", Started),
        ("starting", "ready", Ready),
        ("ready", "sick container", BecameUnhealthy),
        ("sick container", "ready", HealthyAgain),
        ("ready", "exited", Exited),
        ("ready", "by user", Stopped),
        ("exited", "by user", Stopped),
        ("starting", "finished", Finished),
        ("exited", "gone", None),
        ("gone", "waiting", Created),
    ],
)
def test_a_change_is_what_must_have_happened(before, now, kind):
    events = list(describe_change(make(before), make(now), at=1.0, after=0.5))

    assert [type(event) for event in events] == ([kind] if kind else [])
    assert all(event.at == 1.0 for event in events)


def test_the_facts_are_in_the_events():
    [stopped] = describe_present(make("by user"))
    [started] = describe_present(make("starting", pid=7, restarts=2))
    [ready] = describe_present(make("ready", address="http://x"))
    [unasked] = describe_present(make("unasked"))
    [later] = describe_change(make("starting"), make("ready"), at=1.0, after=0.5)

    assert stopped.by == "user"
    assert (started.pid, started.restarts) == (7, 2)
    assert (ready.address, ready.ran_before, ready.is_asked) == ("http://x", True, True)
    assert not unasked.is_asked
    assert (later.after, later.ran_before) == (0.5, False)


def test_a_restart_between_two_looks_is_seen():
    [event] = describe_change(
        make("ready", restarts=0), make("ready", restarts=1), at=1.0
    )
    assert isinstance(event, Ready)
