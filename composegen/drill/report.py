"""What a drill has found, for people and for programs: table, JSON, JUnit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from composegen.drill.judging import Verdict
from composegen.drill.rows import Report, Row
from composegen.drill.trials import Chosen
from composegen.places.status import format_table
from composegen.text import count, wrap

HEADS = ("need", "fault", "errors", "slowest", "away for", "verdict")
"""What stands above the columns of the table."""
NOTHING = "-"


def format_chosen(chosen: Chosen) -> str:
    """What a drill is about to do, a line for each service."""
    faults: dict[str, list[str]] = {}
    asked: dict[str, list[str]] = {}
    for trial in chosen.trials:
        faults.setdefault(trial.service, []).append(trial.fault.value)
        names = asked.setdefault(trial.service, [])
        names += [e.service for e in trial.edges if e.service not in names]
    rows = [
        (f"  {name}", " ".join(words), f"asked: {', '.join(asked[name])}")
        for name, words in faults.items()
    ]
    return format_table(rows) if rows else ""


def format_report(report: Report, *, width: int | None = None) -> str:
    """The table, the evidence of what fails, why rows were skipped, and the sum."""
    parts = [format_table([HEADS, *(format_row(row) for row in report.rows)])]
    for row in report.rows:
        if row.verdict is Verdict.FAILS:
            head = f"{row.dependent} -> {row.service}, {row.fault.value}: fails"
            lines = [head, *(f"  {line}" for line in row.evidence)]
            parts.append("".join(f"{wrap(line, width)}\n" for line in lines))
    skipped = _format_skipped(report.rows, width)
    if skipped:
        parts.append(skipped)
    if report.down:
        lost = "".join(f"{wrap(line, width)}\n" for line in list_down(report))
        parts.append(lost)
    parts.append(f"{sum_up(report)}\n")
    return "\n".join(parts)


def list_down(report: Report) -> list[str]:
    """A line for each service that did not come back, with what says why."""
    return [
        f"{name} was up before the drill and is not any more: composegen why {name}"
        for name in report.down
    ]


def format_row(row: Row) -> tuple[str, ...]:
    """A line of the table."""
    need = f"{row.dependent} -> {row.service}"
    if row.verdict is Verdict.SKIPPED:
        blank = (NOTHING,) * 3
        return (need, row.fault.value, *blank, row.verdict.value)
    away = row.recovered_after
    return (
        need,
        row.fault.value,
        f"{row.errors} of {row.asked}",
        _format_seconds(row.slowest),
        "not back" if away is None else _format_seconds(away or None),
        row.verdict.value,
    )


def _format_seconds(seconds: float | None) -> str:
    return NOTHING if seconds is None else f"{seconds:.2f} s"


def _format_skipped(rows: Iterable[Row], width: int | None) -> str:
    """The reasons, each with the rows that it is for."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row.verdict is Verdict.SKIPPED:
            what = f"{row.service} {row.fault.value}"
            listed = reasons.setdefault(" ".join(row.evidence), [])
            if what not in listed:
                listed.append(what)
    lines = [f"skipped: {', '.join(each)}: {why}" for why, each in reasons.items()]
    return "".join(f"{wrap(line, width)}\n" for line in lines)


def sum_up(report: Report) -> str:
    """How many needs hold, in one line."""
    verdicts = [row.verdict for row in report.rows]
    parts = [
        f"{verdicts.count(verdict)} {word}"
        for verdict, word in (
            (Verdict.HOLDS, "hold"),
            (Verdict.FAILS, "fail"),
            (Verdict.SKIPPED, "skipped"),
        )
        if verdicts.count(verdict)
    ]
    faults = count(len(report.bands), "fault")
    return (
        f"{', '.join(parts) or 'nothing was asked'}; {faults} in {report.seconds:.0f} s"
    )


def describe_report(report: Report) -> list[dict[str, Any]]:
    """The rows as plain data."""
    return [
        {
            "service": row.service,
            "fault": row.fault.value,
            "dependent": row.dependent,
            "verdict": row.verdict.value,
            "asked": row.asked,
            "errors": row.errors,
            "slowest": _round(row.slowest),
            "recovered_after": _round(row.recovered_after),
            "evidence": "\n".join(row.evidence) or None,
        }
        for row in report.rows
    ]


def _round(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def write_junit(report: Report, name: str) -> str:
    """The rows as a report of JUnit: a suite for each service, a case for each need."""
    suites: dict[str, list[Row]] = {}
    for row in report.rows:
        suites.setdefault(row.service, []).append(row)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(
        f"<testsuites name={quoteattr(_clean(name))} {_count_rows(report.rows)} "
        f'time="{report.seconds:.3f}">'
    )
    for service, rows in suites.items():
        lines.append(f"  <testsuite name={quoteattr(service)} {_count_rows(rows)}>")
        for row in rows:
            lines += _write_case(row)
        lines.append("  </testsuite>")
    lines.append("</testsuites>")
    return "".join(f"{line}\n" for line in lines)


def _count_rows(rows: Iterable[Row]) -> str:
    verdicts = [row.verdict for row in rows]
    return (
        f'tests="{len(verdicts)}" failures="{verdicts.count(Verdict.FAILS)}" '
        f'skipped="{verdicts.count(Verdict.SKIPPED)}" errors="0"'
    )


def _write_case(row: Row) -> list[str]:
    name = f"{row.dependent} when {row.service}: {row.fault.value}"
    time = row.recovered_after or 0.0
    head = (
        f"    <testcase classname={quoteattr(row.service)} name={quoteattr(name)} "
        f'time="{time:.3f}"'
    )
    if row.verdict is Verdict.HOLDS:
        return [f"{head}/>"]
    first, *rest = (_clean(line) for line in row.evidence or ("",))
    if row.verdict is Verdict.SKIPPED:
        inner = f"      <skipped message={quoteattr(first)}/>"
    else:
        text = escape("\n".join(rest))
        inner = f"      <failure message={quoteattr(first)}>{text}</failure>"
    return [f"{head}>", inner, "    </testcase>"]


def _clean(text: str) -> str:
    """A text without the characters that XML cannot hold."""
    return "".join(
        each if each in "\t\n" or each.isprintable() else "\ufffd" for each in text
    )
