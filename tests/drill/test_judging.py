"""From answers to a verdict. Every fault here is done at 10 and undone at 20."""

from __future__ import annotations

import pytest

from composegen.drill.asking import Answer
from composegen.drill.judging import (
    Seen,
    Times,
    Verdict,
    find_recovery,
    judge,
    measure_outage,
)
from composegen.drill.trials import Fault
from composegen.records import replace

TIMES = Times(began=9, done=10, undoing=20, undone=21, ended=40, limit=10)


def answer(
    *, bad: range = range(0), end: int = 40, seconds: float = 0.5
) -> list[Answer]:
    """An answer each second, those of ``bad`` not good."""
    return [
        Answer(at=at, seconds=seconds, problem=f"bad at {at}" if at in bad else "")
        for at in range(end)
    ]


def see(
    answers: list[Answer], fault: Fault = Fault.STOP, *, is_optional: bool = True
) -> Seen:
    return judge(answers, TIMES, fault, is_optional=is_optional)


def test_an_optional_need_holds_where_every_answer_is_good() -> None:
    assert see(answer()) == Seen(
        verdict=Verdict.HOLDS, asked=31, errors=0, slowest=0.5, recovered_after=0
    )


@pytest.mark.parametrize("bad", [range(12, 13), range(21, 22), range(9, 10)])
def test_one_bad_answer_breaks_an_optional_need(bad: range) -> None:
    seen = see(answer(bad=bad))

    assert seen.verdict is Verdict.FAILS
    assert seen.problem == f"bad at {bad.start}"
    assert seen.recovered_after == 1.5


def test_what_was_bad_before_the_fault_does_not_count() -> None:
    assert see(answer(bad=range(7))).verdict is Verdict.HOLDS


def test_a_question_that_the_fault_caught_on_the_way_counts() -> None:
    caught = [Answer(at=8, seconds=2, problem="no answer")]

    assert see(caught + answer()[9:]).verdict is Verdict.FAILS


def test_a_required_need_holds_where_it_recovers_in_time() -> None:
    seen = see(answer(bad=range(9, 28)), Fault.KILL, is_optional=False)

    assert seen.verdict is Verdict.HOLDS
    assert (seen.errors, seen.recovered_after) == (19, 19.5)


@pytest.mark.parametrize("last", [32, 40])
def test_a_required_need_fails_where_it_recovers_late_or_never(last: int) -> None:
    seen = see(answer(bad=range(9, last)), Fault.KILL, is_optional=False)

    assert seen.verdict is Verdict.FAILS
    assert seen.recovered_after is None
    assert seen.problem == f"bad at {last - 1}"


def test_one_that_never_answered_again_fails() -> None:
    seen = see(answer(end=12), is_optional=False)

    assert seen.verdict is Verdict.FAILS
    assert seen.problem == "no answer came in time"


@pytest.mark.parametrize(
    ("bad", "verdict"),
    [
        (range(9, 13), Verdict.HOLDS),  # while it is replaced
        (range(20, 24), Verdict.HOLDS),  # and again
        (range(15, 16), Verdict.FAILS),
        (range(26, 27), Verdict.FAILS),
        (range(20, 40), Verdict.FAILS),
    ],
)
def test_nothing_is_expected_while_a_container_is_replaced(
    bad: range, verdict: Verdict
) -> None:
    assert see(answer(bad=bad), Fault.WITHOUT).verdict is verdict


def test_one_that_does_not_start_without_the_service_fails() -> None:
    answers = answer(bad=range(9, 21))
    seen = judge(answers, replace(TIMES, limit=5), Fault.WITHOUT, is_optional=True)

    assert (seen.verdict, seen.problem) == (Verdict.FAILS, "bad at 15")


def test_errors_of_a_replacement_are_not_counted() -> None:
    assert see(answer(bad=range(9, 13)), Fault.WITHOUT).errors == 0


def test_one_that_was_restarted_fails_though_every_answer_was_good() -> None:
    seen = judge(answer(), TIMES, Fault.CUT, is_optional=True, was_restarted="it ended")
    assert (seen.verdict, seen.problem) == (Verdict.FAILS, "it ended")

    needed = judge(
        answer(), TIMES, Fault.KILL, is_optional=False, was_restarted="it ended"
    )
    assert needed.verdict is Verdict.HOLDS


def test_the_slowest_answer_is_named_whether_good_or_bad() -> None:
    slow = Answer(at=15.2, seconds=2.0, problem="no answer within 2 s")

    assert see([*answer()[:15], slow, *answer()[18:]]).slowest == 2.0


def test_recovery_takes_three_good_answers_in_a_row() -> None:
    assert find_recovery(answer(end=3), 0) == 0.5
    assert find_recovery(answer(end=2), 0) is None
    assert find_recovery(answer(bad=range(2, 4), end=7), 0) == 4.5
    assert find_recovery(answer(bad=range(5, 6), end=7), 0) is None


def test_an_outage_is_the_longest_time_without_a_good_answer() -> None:
    assert measure_outage(answer()) == 0
    assert measure_outage(answer(bad=range(3, 5))) == 2.5
    both = answer(bad=range(3, 5), end=9) + answer(bad=range(10, 14))[9:]
    assert measure_outage(both) == 4.5
