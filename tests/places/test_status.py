"""How a service is doing has one shape in both places."""

from __future__ import annotations

import json

import pytest

from composegen.places.status import FINE, ServiceStatus, State, describe_statuses
from composegen.records import FrozenRecordError

FIELDS = [
    "service",
    "state",
    "health",
    "pid",
    "since",
    "restarts",
    "exit_code",
    "address",
    "image",
    "log",
    "reused",
    "reachable",
]


def test_a_status_is_plain_data_with_every_field() -> None:
    (data,) = describe_statuses(
        [ServiceStatus(service="a", state=State.READY, pid=7, reused=False)]
    )

    assert list(data) == FIELDS
    assert json.loads(json.dumps(data)) == {
        **dict.fromkeys(FIELDS),
        "service": "a",
        "state": "ready",
        "pid": 7,
        "reused": False,
        "reachable": None,
    }


def test_statuses_keep_their_order() -> None:
    statuses = [ServiceStatus(service=name, state=State.WAITING) for name in "cab"]

    assert [data["service"] for data in describe_statuses(statuses)] == ["c", "a", "b"]


def test_no_status_is_an_empty_list() -> None:
    assert describe_statuses([]) == []


@pytest.mark.parametrize("state", State)
def test_a_state_is_one_plain_word(state: State) -> None:
    (data,) = describe_statuses([ServiceStatus(service="a", state=state)])

    assert data["state"] == state.value
    assert type(data["state"]) is str
    assert state.value.replace("-", "").isalpha()


def test_only_ready_and_finished_are_fine() -> None:
    assert {State.READY, State.FINISHED} == FINE


def test_a_status_does_not_change() -> None:
    status = ServiceStatus(service="a", state=State.READY)

    with pytest.raises(FrozenRecordError):
        status.pid = 1  # type: ignore[misc]
