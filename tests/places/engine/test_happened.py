"""The engine's events are read once, into plain values."""

import json

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


# As Podman 5.8.6 sends them over its socket.
PODMAN_HEALTH = """{"status":"health_status","id":"a228","from":"busybox:1.37",
"Type":"container","Action":"health_status","Actor":{"ID":"a228","Attributes":{
"com.docker.compose.container-number":"1","com.docker.compose.oneoff":"False",
"com.docker.compose.project":"demo","com.docker.compose.service":"web",
"image":"busybox:1.37","name":"demo-web-1","podId":""}},"scope":"local",
"time":1795984867,"timeNano":1795984867600616333,"HealthStatus":"healthy"}"""
PODMAN_DEATH = """{"status":"die","id":"f743","from":"busybox:1.37",
"Type":"container","Action":"die","Actor":{"ID":"f743","Attributes":{
"com.docker.compose.container-number":"1","com.docker.compose.oneoff":"False",
"com.docker.compose.project":"demo","com.docker.compose.service":"web",
"containerExitCode":"143","exitCode":"143","image":"busybox:1.37",
"name":"demo-web-1","podId":""}},"scope":"local",
"time":1795984861,"timeNano":1795984861325730422}"""


def test_a_health_check_of_podman_is_read():
    happened = read_happened(json.loads(PODMAN_HEALTH))

    assert (happened.id, happened.service) == ("a228", "web")
    assert happened.action is Action.HEALTH
    assert happened.health == "healthy"
    assert int(happened.time) == 1795984867


def test_a_death_of_podman_is_read():
    happened = read_happened(json.loads(PODMAN_DEATH))

    assert happened.action is Action.DIE
    assert happened.exit_code == 143


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
