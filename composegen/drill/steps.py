"""A drill step by step, for those who watch it while it goes on."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeAlias

from composegen.drill.report import HEADS, NOTHING, format_row, sum_up
from composegen.drill.rows import Report, Row, find_position, list_skipped
from composegen.drill.trials import Chosen, Fault
from composegen.records import record

WAITS = "not yet"
"""What stands in place of a verdict until there is one."""


class Stage(StrEnum):
    """How far a fault is."""

    BEGINS = "begins"
    STANDS = "stands"
    ENDS = "is being undone"
    IS_OVER = "is undone; waiting until all is as before"


@record
class Begun:
    """The drill begins; ``order`` are the services as the stack file has them."""

    chosen: Chosen
    order: tuple[str, ...]


@record
class Disturbed:
    """A fault has come to a stage."""

    service: str
    fault: Fault
    stage: Stage


@record
class Judged:
    """What became of needs under a fault, or that they were not tried."""

    rows: tuple[Row, ...]


Step: TypeAlias = Begun | Disturbed | Judged


def describe_step(step: Step) -> dict[str, Any]:
    """A step as plain data, in the words of the table."""
    match step:
        case Begun():
            return {
                "step": "begun",
                "heads": list(HEADS),
                "faults": len(step.chosen.trials),
                "rows": _list_expected(step.chosen, step.order),
            }
        case Disturbed():
            return {
                "step": "fault",
                "service": step.service,
                "fault": step.fault.value,
                "stage": step.stage.value,
            }
        case Judged():
            return {"step": "rows", "rows": [_describe_row(row) for row in step.rows]}


def describe_end(report: Report, text: str) -> dict[str, Any]:
    """The end of a drill as plain data; ``text`` is what its terminal shows."""
    rows = [_describe_row(row) for row in report.rows]
    return {"step": "over", "rows": rows, "sum": sum_up(report), "text": text}


def _describe_row(row: Row) -> dict[str, Any]:
    return {"cells": list(format_row(row)), "evidence": list(row.evidence)}


def _list_expected(chosen: Chosen, order: tuple[str, ...]) -> list[dict[str, Any]]:
    """A row for each need and fault, those that are tried without a verdict yet."""
    found = [
        (
            find_position(row.service, row.fault, row.dependent, order),
            _describe_row(row),
        )
        for row in list_skipped(chosen)
    ]
    for trial in chosen.trials:
        for edge in trial.edges:
            need = f"{edge.service} -> {trial.service}"
            cells = [need, trial.fault.value, *[NOTHING] * 3, WAITS]
            place = find_position(trial.service, trial.fault, edge.service, order)
            found.append((place, {"cells": cells, "evidence": []}))
    return [row for _, row in sorted(found, key=lambda each: each[0])]
