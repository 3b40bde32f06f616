"""Containers that ask services from outside: one row with the service that they ask."""

import pytest

from composegen.places.engine.containers import Probe, Status
from composegen.places.engine.helpers import (
    add_helpers,
    fold_helpers,
    list_idle_helpers,
)
from composegen.places.engine.status import make_seen
from composegen.places.status import State
from tests.enginefakes import make_container, make_noted, make_notes

NOTES = make_notes(make_noted("otel", helper="otel-health"), make_noted("web", "otel"))
REFUSED = Probe(exit_code=1, output="nc: Connection refused\n")


def otel(**values):
    return make_container("otel", **{"health": "none", "test": (), **values})


def helper(**values):
    return make_container("otel-health", **{"test": ("CMD", "nc"), **values})


def see(*containers, now=110.0):
    return make_seen(NOTES, containers, now).find("otel")


def test_a_service_has_the_health_that_its_helper_found_out():
    [folded, web] = fold_helpers(
        NOTES,
        [otel(), helper(health="unhealthy", probes=(REFUSED,)), make_container("web")],
    )

    assert (folded.service, folded.id) == ("otel", "id-otel")
    assert (folded.health, folded.test) == ("unhealthy", ("CMD", "nc"))
    assert folded.probes == (REFUSED,)
    assert web == make_container("web")


@pytest.mark.parametrize(
    ("health", "now", "state"),
    [
        ("healthy", 110.0, State.READY),
        ("starting", 110.0, State.STARTING),
        ("starting", 140.0, State.FAILED),
        ("unhealthy", 110.0, State.FAILED),
    ],
)
def test_the_state_of_a_service_is_what_its_helper_says(health, now, state):
    assert see(otel(), helper(health=health), now=now).state is state


def test_the_image_s_own_check_decides_nothing():
    assert see(otel(health="healthy"), helper(health="starting")).state is (
        State.STARTING
    )


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"status": Status.EXITED, "exit_code": 127}, "exited with 127"),
        ({"status": Status.CREATED}, "was not started"),
        (
            {"status": Status.CREATED, "error": "no such file: sleep\n"},
            "could not be started: no such file: sleep",
        ),
    ],
)
def test_a_helper_that_does_not_run_is_not_healthy(values, words):
    [folded] = fold_helpers(NOTES, [otel(), helper(health="none", **values)])

    assert (folded.health, folded.asker) == ("starting", words)


def test_a_service_without_its_helper_is_not_healthy():
    [folded] = fold_helpers(NOTES, [otel(health="healthy")])

    assert (folded.health, folded.asker) == ("starting", "has no container")


def test_folding_again_changes_nothing():
    once = fold_helpers(NOTES, [otel(), helper()])

    assert fold_helpers(NOTES, once) == once
    assert once[0].asker == ""


def test_there_is_one_row_for_both():
    seen = make_seen(NOTES, [otel(), helper(), make_container("web")], 110.0)

    assert [status.service for status in seen.statuses] == ["otel", "web"]
    assert [each.service for each in seen.containers] == ["otel", "web"]


def test_what_is_done_to_a_service_is_done_to_its_helper():
    assert add_helpers(NOTES, ["web", "otel"]) == ("web", "otel", "otel-health")


def test_a_helper_that_is_down_while_its_service_runs_is_idle():
    down = helper(status=Status.EXITED)

    assert list_idle_helpers(NOTES, ["otel"], [otel(), down]) == ("otel-health",)
    assert list_idle_helpers(NOTES, ["otel"], [otel(), helper()]) == ()
    assert list_idle_helpers(NOTES, ["web"], [otel(), down]) == ()
    stopped = otel(status=Status.EXITED)
    assert list_idle_helpers(NOTES, ["otel"], [stopped, down]) == ()
