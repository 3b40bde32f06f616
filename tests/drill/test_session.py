"""After a drill everything runs that ran before it, or is named."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from composegen.drill.session import find_down
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

    def __init__(self, *states: State) -> None:
        self.states = list(states)

    def look(self) -> Any:
        state = self.states[0] if len(self.states) == 1 else self.states.pop(0)
        statuses = [
            ServiceStatus(service="web", state=State.READY),
            ServiceStatus(service="side", state=state),
            ServiceStatus(service="mail", state=State.EXCLUDED),
        ]
        return SimpleNamespace(statuses=statuses)


def find(place: FakePlace, limit: float) -> tuple[str, ...]:
    return find_down(place, STACK, BEFORE, limit)  # type: ignore[arg-type]


def test_one_that_was_up_and_does_not_come_back_is_named() -> None:
    assert find(FakePlace(State.STOPPED), 0.0) == ("side",)


def test_one_that_is_starting_has_its_time() -> None:
    assert find(FakePlace(State.STARTING, State.READY), 60.0) == ()
