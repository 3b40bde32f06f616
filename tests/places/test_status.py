"""How a service is doing has one shape in both places."""

from __future__ import annotations

import json

import pytest

from composegen.places.status import (
    FINE,
    ServiceStatus,
    State,
    describe_statuses,
    format_statuses,
)
from composegen.records import FrozenRecordError
from composegen.text import cut_middle

FIELDS = [
    "service",
    "state",
    "health",
    "pid",
    "since",
    "restarts",
    "exit_code",
    "address",
    "addresses",
    "image",
    "log",
    "reused",
    "reachable",
    "by",
    "reason",
    "fallback",
]


def test_a_status_is_plain_data_with_every_field() -> None:
    (data,) = describe_statuses(
        [ServiceStatus(service="a", state=State.READY, pid=7, reused=False)]
    )

    assert list(data) == FIELDS
    assert json.loads(json.dumps(data)) == {
        **dict.fromkeys(FIELDS),
        "addresses": [],
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


LONG = "a-service-of-a-long-name"
WIDE = [
    ServiceStatus(
        service=f"{LONG}-{name}",
        state=State.FAILED,
        health="unhealthy",
        since="2026-11-29T12:13:14.156Z",
        restarts=3,
        address="http://127.0.0.1:8080",
        image=f"registry.example/team/{LONG * 3}:1.2",
    )
    for name in "ab"
]
EXCLUDED = [{"service": "c", "reason": "r " * 50, "instead": ["a: B=c " * 20]}]


def fits(text: str, width: int) -> bool:
    return all(len(line) <= width for line in text.splitlines())


def test_a_table_that_fits_is_one_line_a_service() -> None:
    shown = WIDE[:1]
    wide = format_statuses(shown, [])

    assert format_statuses(shown, [], width=300) == wide
    assert len(wide.splitlines()) == 2


def test_long_cells_go_below_their_service_in_a_narrow_terminal() -> None:
    assert format_statuses(WIDE[:1], [], width=80) == (
        "service                     state   health     since                restarts\n"
        "a-service-of-a-long-name-a  failed  unhealthy  2026-11-29 12:13:14  3\n"
        "    http://127.0.0.1:8080\n"
        f"    {cut_middle(WIDE[0].image or '', 76)}\n"
    )


def test_times_become_shorter_and_at_last_the_names_have_lines_of_their_own() -> None:
    *_, row, _, _ = format_statuses(WIDE[:1], [], width=72).splitlines()
    assert row == "a-service-of-a-long-name-a  failed  unhealthy  11-29 12:13  3"
    assert format_statuses(WIDE[:1], [], width=58) == (
        "service\n"
        "  state   health     since        restarts\n"
        "a-service-of-a-long-name-a\n"
        "  failed  unhealthy  11-29 12:13  3\n"
        "    http://127.0.0.1:8080\n"
        f"    {cut_middle(WIDE[0].image or '', 54)}\n"
    )


@pytest.mark.parametrize("width", [60, 72, 80, 100, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    shown = format_statuses(WIDE, EXCLUDED, width=width)

    assert fits(shown, width)
    assert all(status.service in shown for status in WIDE)
    assert not fits(format_statuses(WIDE, EXCLUDED), 150)
