"""When a service that runs gets its fallback, when it gets back, and how often."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from composegen.planning.changes import (
    BACK_AFTER,
    MOST_CHANGES,
    WINDOW,
    Change,
    Changes,
    RestartNeed,
)
from composegen.records import replace

NEED = RestartNeed(service="web", needed="cache", boot=10.0)
OUT = {"web": ["cache"]}
LOSE = Change(service="web", needed="cache", is_back=False)
BACK = Change(service="web", needed="cache", is_back=True)
REFUSED = Change(service="web", needed="cache", is_back=True, is_refused=True)


def make(*, well_at: float = 0.0) -> Changes:
    changes = Changes([NEED])
    changes.see("cache", well_at, is_well=True)
    return changes


def test_while_it_is_well_nothing_is_due() -> None:
    changes = make()

    assert changes.find_due({}, 1000.0) == []
    assert changes.find_next({}, 1000.0) == math.inf


def test_what_is_away_for_its_whole_boot_is_lost() -> None:
    changes = make()
    changes.see("cache", 100.0, is_well=False)

    assert changes.find_next({}, 100.0) == 110.0
    assert changes.find_due({}, 109.9) == []
    assert changes.find_due({}, 110.0) == [LOSE]


def test_what_comes_back_in_time_is_not_lost() -> None:
    changes = make()
    changes.see("cache", 100.0, is_well=False)
    changes.see("cache", 105.0, is_well=True)
    changes.see("cache", 106.0, is_well=False)

    assert changes.find_due({}, 115.9) == []
    assert changes.find_due({}, 116.0) == [LOSE]


def test_to_see_the_same_again_changes_nothing() -> None:
    changes = make()
    changes.see("cache", 100.0, is_well=False)
    changes.see("cache", 109.0, is_well=False)

    assert changes.find_due({}, 110.0) == [LOSE]


def test_a_service_gets_back_after_thirty_healthy_seconds() -> None:
    changes = make()
    changes.see("cache", 100.0, is_well=False)
    changes.note(LOSE, 110.0)
    assert changes.find_due(OUT, 200.0) == []

    changes.see("cache", 200.0, is_well=True)

    assert changes.find_next(OUT, 200.0) == 200.0 + BACK_AFTER
    assert changes.find_due(OUT, 229.9) == []
    assert changes.find_due(OUT, 230.0) == [BACK]


def test_after_three_changes_it_stays_with_the_fallback_and_says_so_once() -> None:
    changes = make()
    for change, at in ((LOSE, 10.0), (BACK, 50.0), (LOSE, 60.0)):
        changes.note(change, at)
    changes.see("cache", 61.0, is_well=False)
    changes.see("cache", 70.0, is_well=True)

    assert changes.find_due(OUT, 100.0) == [REFUSED]
    assert changes.find_due(OUT, 101.0) == []
    assert changes.find_next(OUT, 101.0) == 10.0 + WINDOW
    assert changes.find_due(OUT, 50.0 + WINDOW) == [BACK]


def test_a_service_that_misses_two_is_refused_each_of_them_once() -> None:
    needs = [NEED, replace(NEED, needed="queue")]
    without = {"web": ["cache", "queue"]}
    changes = Changes(needs)
    for need, at in zip(needs, (10.0, 20.0), strict=True):
        changes.see(need.needed, 0.0, is_well=True)
        changes.note(Change(service="web", needed=need.needed, is_back=False), at)

    due = [changes.find_due(without, now) for now in (100.0, 101.0, 102.0, 103.0)]

    assert due == [[REFUSED], [replace(REFUSED, needed="queue")], [], []]


def test_what_was_never_seen_is_neither_lost_nor_back() -> None:
    assert Changes([NEED]).find_due({}, 1e9) == []
    assert Changes([NEED]).find_due(OUT, 1e9) == []


@given(st.lists(st.tuples(st.floats(0.1, 100.0), st.booleans()), max_size=60))
def test_there_are_never_more_than_three_changes_in_ten_minutes(
    steps: list[tuple[float, bool]],
) -> None:
    changes, now, made = make(), 0.0, []
    without: dict[str, list[str]] = {}
    for pause, is_well in steps:
        now += pause
        for change in changes.find_due(without, now):
            if not change.is_refused:
                changes.note(change, now)
                without = {} if change.is_back else {"web": ["cache"]}
                made.append(now)
        changes.see("cache", now, is_well=is_well)

    for moment in made:
        recent = [each for each in made if moment - WINDOW < each <= moment]
        assert len(recent) <= MOST_CHANGES
