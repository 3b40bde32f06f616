"""A service that came up has to last: any death makes a try fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from composegen.places.engine.containers import Status
from composegen.places.engine.lasting import find_death
from composegen.places.reasons import Reason
from composegen.records import replace
from tests.enginefakes import FakeEngine, make_container, make_noted, make_notes

BEGAN = 100.0
DENIED = "OSError: [Errno 30] Read-only file system: '/var/tmp/work.log'"


class Clock:
    """Time on the engine: it passes while one waits; a container may die at a time."""

    def __init__(self, dies_at: float | None = None, **values: Any) -> None:
        container = make_container("web", started_at=BEGAN, **values)
        self.engine = FakeEngine([container], now=BEGAN + 1.0)
        self.engine.logs["id-web"] = [DENIED]
        self.dies_at = dies_at

    def wait(self, seconds: float) -> None:
        self.engine.now += seconds
        if self.dies_at is not None and self.engine.now >= self.dies_at:
            [container] = self.engine.containers
            self.engine.containers = [
                replace(container, restarts=1, started_at=self.dies_at, exit_code=1)
            ]


def watch(clock: Clock, folder: Path, **noted: Any) -> Reason | None:
    notes = make_notes(make_noted("web", **noted))
    return find_death(clock.engine, notes, folder, "web", pause=clock.wait)


def test_one_without_a_check_is_watched_for_ten_seconds(tmp_path: Path) -> None:
    clock = Clock(health="none")

    assert watch(clock, tmp_path, is_asked=False) is None
    assert clock.engine.now == BEGAN + 10.0


def test_one_that_dies_meanwhile_has_not_passed(tmp_path: Path) -> None:
    clock = Clock(dies_at=BEGAN + 9.0, health="none")

    reason = watch(clock, tmp_path, is_asked=False)

    assert reason is not None
    assert reason.failure is not None
    assert "exited 1 time" in reason.failure.reason
    assert reason.failure.cause.startswith("it writes /var/tmp/work.log")
    assert reason.lines == (DENIED,)


@pytest.mark.parametrize(
    ("noted", "values"),
    [
        ({}, {"health": "healthy", "restarts": 1}),
        ({"is_asked": False}, {"health": "none", "restarts": 1}),
        ({"is_asked": False}, {"health": "none", "status": Status.EXITED}),
        ({"is_job": True}, {"status": Status.EXITED, "exit_code": 3}),
    ],
)
def test_a_death_before_it_was_ready_counts_too(
    tmp_path: Path, noted: dict[str, Any], values: dict[str, Any]
) -> None:
    clock = Clock(**values)

    assert watch(clock, tmp_path, **noted) is not None
    assert clock.engine.now == BEGAN + 1.0


@pytest.mark.parametrize(
    ("noted", "values"),
    [
        ({}, {"health": "healthy"}),
        ({"is_job": True, "is_asked": False}, {"status": Status.EXITED}),
    ],
)
def test_one_with_a_check_and_a_job_are_looked_at_once(
    tmp_path: Path, noted: dict[str, Any], values: dict[str, Any]
) -> None:
    clock = Clock(**values)

    assert watch(clock, tmp_path, **noted) is None
    assert clock.engine.now == BEGAN + 1.0
