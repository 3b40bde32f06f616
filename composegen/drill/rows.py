"""What a drill finds: a row for each need under each fault, and all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from composegen.drill.asking import Answer
from composegen.drill.judging import Seen, Verdict
from composegen.drill.trials import Chosen, Edge, Fault, Trial
from composegen.records import record


@record
class Row:
    """What became of one need under one fault."""

    service: str
    fault: Fault
    dependent: str
    is_optional: bool = True
    verdict: Verdict
    asked: int = 0
    errors: int = 0
    slowest: float | None = None
    recovered_after: float | None = None
    evidence: tuple[str, ...] = ()


@record
class Band:
    """A fault as it stood, in seconds since the first question."""

    service: str
    fault: Fault
    began: float
    ended: float


@record
class Report:
    """All that a drill has found; ``answers`` are of the dependent services.

    The times of answers count from the first question, too. ``down`` are services that
    were up before the drill and are not after it.
    """

    rows: tuple[Row, ...]
    bands: tuple[Band, ...]
    answers: Mapping[str, tuple[Answer, ...]]
    seconds: float
    down: tuple[str, ...] = ()

    @property
    def has_failure(self) -> bool:
        """Whether a need does not hold, or a service did not come back."""
        return bool(self.down) or any(r.verdict is Verdict.FAILS for r in self.rows)


def make_row(trial: Trial, edge: Edge, seen: Seen, evidence: tuple[str, ...]) -> Row:
    """The row of one need."""
    return Row(
        service=trial.service,
        fault=trial.fault,
        dependent=edge.service,
        is_optional=edge.is_optional,
        verdict=seen.verdict,
        asked=seen.asked,
        errors=seen.errors,
        slowest=seen.slowest,
        recovered_after=seen.recovered_after,
        evidence=evidence,
    )


def sort_rows(rows: Iterable[Row], order: tuple[str, ...]) -> tuple[Row, ...]:
    """Rows by service, fault and dependent service, as the stack file has them."""
    return tuple(
        sorted(
            rows,
            key=lambda row: find_position(row.service, row.fault, row.dependent, order),
        )
    )


def find_position(
    service: str, fault: Fault, dependent: str, order: tuple[str, ...]
) -> tuple[int, int, int]:
    """Where a row stands among the others, for the order of services."""
    return order.index(service), list(Fault).index(fault), order.index(dependent)


def make_skipped(service: str, fault: Fault, dependent: str, reason: str) -> Row:
    """The row of a need that was not tried."""
    return Row(
        service=service,
        fault=fault,
        dependent=dependent,
        verdict=Verdict.SKIPPED,
        evidence=(reason,),
    )


def list_skipped(chosen: Chosen) -> list[Row]:
    """The rows of what is not tried at all."""
    return [
        make_skipped(each.service, each.fault, each.dependent, each.reason)
        for each in chosen.skipped
    ]
