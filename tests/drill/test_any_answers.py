"""What holds of a verdict whatever a dependent service answers, and when."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from composegen.drill.asking import Answer
from composegen.drill.judging import (
    ENOUGH,
    Times,
    Verdict,
    find_recovery,
    judge,
    measure_outage,
)
from composegen.drill.trials import Fault
from composegen.records import replace

TIMES = Times(began=9, done=10, undoing=20, undone=21, ended=40, limit=10)
FAULTS = st.sampled_from(Fault)


KINDS = st.sampled_from([(0.1, ""), (0.5, ""), (0.9, ""), (0.5, "bad"), (0.9, "late")])
ANSWERS = st.lists(KINDS, min_size=41, max_size=41).map(
    lambda kinds: [
        Answer(at=at, seconds=seconds, problem=problem)
        for at, (seconds, problem) in enumerate(kinds)
    ]
)
"""An answer each second, over the whole of a trial."""


@given(answers=ANSWERS, fault=FAULTS, is_optional=st.booleans())
def test_a_service_that_always_answers_well_holds(
    answers: list[Answer], fault: Fault, is_optional: bool
) -> None:
    good = [replace(each, problem="") for each in answers]

    seen = judge(good, TIMES, fault, is_optional=is_optional)

    assert (seen.verdict, seen.errors, seen.problem) == (Verdict.HOLDS, 0, "")
    assert seen.recovered_after == 0


@given(answers=ANSWERS, fault=FAULTS, is_optional=st.booleans())
def test_a_service_that_never_answers_well_fails(
    answers: list[Answer], fault: Fault, is_optional: bool
) -> None:
    bad = [replace(each, problem="bad") for each in answers]

    seen = judge(bad, TIMES, fault, is_optional=is_optional)

    assert seen.verdict is Verdict.FAILS
    assert seen.recovered_after is None
    assert seen.problem


@given(answers=ANSWERS, fault=FAULTS)
def test_an_optional_need_that_holds_would_hold_if_it_were_required(
    answers: list[Answer], fault: Fault
) -> None:
    optional = judge(answers, TIMES, fault, is_optional=True)
    required = judge(answers, TIMES, fault, is_optional=False)

    if optional.verdict is Verdict.HOLDS:
        assert optional.errors == 0
        assert required.verdict is Verdict.HOLDS


@given(answers=ANSWERS, fault=FAULTS)
def test_more_time_to_recover_never_breaks_a_required_need(
    answers: list[Answer], fault: Fault
) -> None:
    longer = replace(TIMES, limit=TIMES.limit * 2)

    if judge(answers, TIMES, fault, is_optional=False).verdict is Verdict.HOLDS:
        seen = judge(answers, longer, fault, is_optional=False)
        assert seen.verdict is Verdict.HOLDS


@given(answers=ANSWERS, since=st.floats(0, 40))
def test_what_has_recovered_answers_well_from_then_on(
    answers: list[Answer], since: float
) -> None:
    found = find_recovery(answers, since)

    if found is not None:
        after = [each for each in answers if each.ended >= found]
        assert len(after) >= ENOUGH
        assert all(each.is_good for each in after)
        assert after[0].at >= since


@given(answers=ANSWERS)
def test_an_outage_is_as_long_as_bad_answers_last_and_no_longer_than_all(
    answers: list[Answer],
) -> None:
    longest = measure_outage(answers)

    assert (longest == 0) == all(
        each.is_good for each in answers[: _find_last_good(answers)]
    )
    assert longest <= answers[-1].ended - answers[0].at


def _find_last_good(answers: list[Answer]) -> int:
    """Where the last good answer is: an outage that goes on is not measured."""
    good = [number for number, each in enumerate(answers) if each.is_good]
    return good[-1] if good else 0
