"""Both places say the same of a service that is in the same situation."""

import pytest

from composegen.places.engine.containers import Status
from composegen.places.engine.status import make_seen
from composegen.places.engine.why import find_engine_reasons
from composegen.places.processes.describing import describe_service
from composegen.places.processes.status import RunsSeen
from composegen.places.processes.why import find_reasons
from composegen.places.status import are_up, describe_statuses
from tests.enginefakes import FakeEngine, make_container, make_noted, make_notes
from tests.places.processes.services import make_running

# The moment of a process, what is different of a container, what is said of both, and
# whether all is up: what `status` ends with.
ONCE = {"is_restarted": False}
JOB = {"is_job": True}
NO_CHECK = {"health": "none"}
SITUATIONS = {
    "waits": ("waiting", {"status": Status.CREATED}, {}, "waiting", None, False),
    "starts": ("started", {"health": "starting"}, {}, "starting", "starting", False),
    "is ready": ("ready", {}, {}, "ready", "healthy", True),
    "is reused": ("reused", {}, {}, "ready", "healthy", True),
    "is sick": ("unhealthy", {"health": "unhealthy"}, {}, "failed", "unhealthy", False),
    "died, waits for its restart": (
        *("restarting", {"status": Status.RESTARTING, "exit_code": 7}, {}),
        *("failed", None, False),
    ),
    "died twice, boots again": (
        *("looping", {"health": "starting", "restarts": 2}, {}),
        *("failed", "starting", False),
    ),
    "has finished": (
        *("finished", {"status": Status.EXITED, **NO_CHECK}, JOB),
        *("finished", None, True),
    ),
    "could not start": (
        *("failed", {"status": Status.CREATED, "error": "no", "exit_code": 7}, {}),
        *("failed", None, False),
    ),
    "died for good": (
        *("over", {"status": Status.EXITED, "exit_code": 7}, ONCE),
        *("failed", None, False),
    ),
    "was not started again after its last failure": (
        *("over", {"status": Status.EXITED, "exit_code": 7}, {"on_failure": True}),
        *("failed", None, False),
    ),
    "was stopped": (
        *("stopped", {"status": Status.EXITED, "health": "unhealthy"}, {}),
        *("stopped", None, False),
    ),
}


@pytest.fixture(params=SITUATIONS.values(), ids=SITUATIONS)
def situation(request):
    """A service as both places show it, and what is expected."""
    moment, container, noted, state, health, is_up = request.param
    process = describe_service(make_running(moment))
    notes = make_notes(make_noted("app", **noted))
    engine = FakeEngine([make_container("app", **container)])
    return process, notes, engine, (state, health), is_up


def test_state_and_health_are_the_same(situation):
    process, notes, engine, expected, _ = situation
    seen = make_seen(notes, engine.containers, engine.read_clock())
    shown = describe_statuses([process, seen.find("app")])

    assert [(each["state"], each["health"]) for each in shown] == [expected] * 2


def test_status_ends_with_one_unless_what_is_required_is_up(situation):
    process, notes, engine, _, is_up = situation

    assert are_up([process], {"app"}) is is_up
    assert are_up([process], {"other"})
    assert make_seen(notes, engine.containers).is_up is is_up


def test_why_has_a_reason_exactly_where_it_is_not_up(situation, tmp_path):
    process, notes, engine, (state, health), is_up = situation
    seen = RunsSeen(statuses=(process,), is_running=True, is_up=is_up)
    reasons = [
        *find_reasons(tmp_path, seen, ""),
        *find_engine_reasons(engine, notes, tmp_path),
    ]

    word = "unhealthy" if health == "unhealthy" else state
    first = [str(reason).splitlines()[0] for reason in reasons]
    assert first == ([] if is_up else [f"app: {word}"] * 2)


def test_an_exited_service_is_stopped_where_the_engine_would_have_restarted_it():
    notes = make_notes(make_noted("app"))
    ended = make_container("app", status=Status.EXITED, exit_code=1)

    assert make_seen(notes, [ended]).find("app").state == "stopped"


def test_nothing_is_up_where_nothing_runs():
    notes = make_notes(make_noted("app", is_required=False))

    assert not make_seen(notes, []).is_up
