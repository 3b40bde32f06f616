"""From answers to a verdict: what a dependent service did while a fault stood.

An optional need holds where every answer was good, from the moment at which the fault
began until all was as before. While dependent services are recreated, for the fault
*without*, nothing is expected of them. A required need holds where the dependent
service answers again in time after its dependency has come back.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from composegen.drill.asking import Answer
from composegen.drill.trials import Fault
from composegen.records import record

ENOUGH = 3
"""Good answers in a row after which a service counts as well again."""


class Verdict(StrEnum):
    """Whether a need is what its declaration says."""

    HOLDS = "holds"
    FAILS = "fails"
    SKIPPED = "skipped"


@record
class Times:
    """When a fault was done and undone, in seconds of the monotonic clock.

    It began, was done, was to be undone and was undone; ``limit`` is how many seconds a
    dependent service has then to recover, ``ended`` when it was looked at last.
    """

    began: float
    done: float
    undoing: float
    undone: float
    ended: float
    limit: float


@record
class Seen:
    """What was seen of one dependent service, and the verdict.

    ``errors`` of ``asked`` answers were not good; ``slowest`` is in seconds, None where
    none was asked. ``recovered_after`` is for how many seconds it was away at most, 0
    where it never was, None where it did not come back. ``problem`` is what was wrong
    first.
    """

    verdict: Verdict
    asked: int
    errors: int
    slowest: float | None
    recovered_after: float | None
    problem: str = ""


def judge(
    answers: Iterable[Answer],
    times: Times,
    fault: Fault,
    *,
    is_optional: bool,
    was_restarted: str = "",
) -> Seen:
    """The verdict on one dependent service.

    ``was_restarted`` says that it ended meanwhile and was started again.
    """
    during = [each for each in answers if each.ended > times.began]
    counted = _list_counted(during, times) if fault is Fault.WITHOUT else during
    bad = [each for each in counted if not each.is_good]
    back = find_recovery(during, times.undone)
    is_back = back is not None and back <= times.undone + times.limit
    if is_optional:
        breach = bad[0].problem if bad else ""
    else:
        breach = "" if is_back or not bad else bad[-1].problem
    if not is_back:
        breach = breach or "no answer came in time"
    if is_optional:
        breach = breach or was_restarted
    return Seen(
        verdict=Verdict.FAILS if breach else Verdict.HOLDS,
        asked=len(counted),
        errors=len(bad),
        slowest=max((each.seconds for each in counted), default=None),
        recovered_after=measure_outage(during) if is_back else None,
        problem=breach,
    )


def find_recovery(answers: Iterable[Answer], since: float) -> float | None:
    """When the answers became good for good, at or after a time; None: they did not.

    Enough good ones must have followed each other, the first asked after that time.
    """
    good: list[Answer] = []
    for each in answers:
        if not each.is_good:
            good = []
        elif each.at >= since:
            good.append(each)
    return good[0].ended if len(good) >= ENOUGH else None


def measure_outage(answers: Iterable[Answer]) -> float:
    """The longest time from a bad answer to the next good one, 0 where none was bad."""
    longest = 0.0
    since: float | None = None
    for each in answers:
        if not each.is_good:
            since = each.at if since is None else since
        elif since is not None:
            longest = max(longest, each.ended - since)
            since = None
    return longest


def _list_counted(answers: list[Answer], times: Times) -> list[Answer]:
    """The answers that came while no container was being replaced.

    A dependent service is replaced twice. Each time it has the limit to answer again,
    and from then on every answer counts.
    """
    standing = _find_well(answers, times.done, times.limit)
    back = _find_well(answers, times.undone, times.limit)
    return [
        each
        for each in answers
        if (standing <= each.ended <= times.undoing) or each.ended >= back
    ]


def _find_well(answers: list[Answer], since: float, limit: float) -> float:
    """When the first good answer came since a time, at most the limit later."""
    good = (each.ended for each in answers if each.is_good and each.at >= since)
    return min(next(good, since + limit), since + limit)
