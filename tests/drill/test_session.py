"""After a drill everything runs that ran before it, or is named."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from composegen.drill.session import find_absent, find_down
from composegen.places.status import ServiceStatus, State
from tests.stacks import load_only

STACK = load_only("""
    services:
      web: {image: "python:3.12-slim"}
      side: {image: "python:3.12-slim"}
      mail: {image: "python:3.12-slim"}
""")
BEFORE = frozenset({"web", "side"})


class FakePlace:
    """Each look shows the next states of `side`; the last one lasts."""

    name = "engine"

    def __init__(self, *states: State, **excluded: Any) -> None:
        self.states = list(states)
        self.excluded = [{"service": "mail", **excluded}] if excluded else []

    def look(self) -> Any:
        state = self.states[0] if len(self.states) == 1 else self.states.pop(0)
        statuses = [
            ServiceStatus(service="web", state=State.READY),
            ServiceStatus(service="side", state=state),
            ServiceStatus(service="mail", state=State.EXCLUDED),
        ]
        return SimpleNamespace(statuses=statuses, excluded=self.excluded)


def find(place: FakePlace, limit: float) -> tuple[str, ...]:
    return find_down(place, STACK, BEFORE, limit)  # type: ignore[arg-type]


def test_one_that_was_up_and_does_not_come_back_is_named() -> None:
    assert find(FakePlace(State.STOPPED), 0.0) == ("side",)


def test_one_that_is_starting_has_its_time() -> None:
    assert find(FakePlace(State.STARTING, State.READY), 60.0) == ()


def absent(place: FakePlace, *names: str) -> tuple[str, str] | None:
    found = find_absent(names, {"web"}, place)  # type: ignore[arg-type]
    return found and (found.message, found.help)


def test_one_that_was_excluded_by_a_flag_is_included_by_another() -> None:
    place = FakePlace(State.READY, reason="--without mail")
    assert absent(place, "mail") == (
        "mail is excluded: --without mail",
        "include it: composegen up --with mail",
    )


def test_one_that_was_excluded_because_it_failed_is_tried_again() -> None:
    place = FakePlace(State.READY, reason="exited with 1", fallback=True)
    assert absent(place, "web", "mail") == (
        "mail is excluded: exited with 1",
        "see why: composegen why mail; then try it again: composegen up",
    )


def test_one_that_is_stopped_is_said_to_be() -> None:
    assert absent(FakePlace(State.STOPPED), "side") == (
        "side is not up: stopped",
        "see why: composegen why side",
    )


def test_nothing_is_absent_where_all_run() -> None:
    assert absent(FakePlace(State.READY), "web") is None
