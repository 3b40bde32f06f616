"""The engine's events are read once, into plain values."""

import pytest

from composegen.places.engine.happened import Action, read_happened


def event(action, **attributes):
    return {
        "Action": action,
        "Actor": {"ID": "abc", "Attributes": attributes},
        "timeNano": 1_500_000_000,
    }


def test_a_death_is_read():
    happened = read_happened(
        event("die", **{"com.docker.compose.service": "web", "exitCode": "3"})
    )
    assert happened.action is Action.DIE
    assert happened.exit_code == 3
    assert happened.service == "web"
    assert happened.time == 1.5


def test_a_health_check_is_read():
    happened = read_happened(event("health_status: healthy"))
    assert happened.action is Action.HEALTH
    assert happened.health == "healthy"


def test_a_health_check_of_podman_is_read():
    data = {**event("health_status"), "HealthStatus": "healthy"}

    happened = read_happened(data)

    assert happened.action is Action.HEALTH
    assert happened.health == "healthy"


@pytest.mark.parametrize(
    "data",
    [
        event("exec_create: sh"),
        event("attach"),
        {"Action": "start"},
        event("start", **{"com.docker.compose.oneoff": "True"}),
    ],
)
def test_what_matters_to_no_service_is_passed_over(data):
    assert read_happened(data) is None
