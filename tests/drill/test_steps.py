"""The steps of a drill as plain data, in the words of its table."""

from __future__ import annotations

from composegen.drill.judging import Verdict
from composegen.drill.report import HEADS, format_report
from composegen.drill.rows import Band, Report, Row
from composegen.drill.steps import (
    Begun,
    Disturbed,
    Judged,
    Stage,
    describe_end,
    describe_step,
)
from composegen.drill.trials import Chosen, Edge, Fault, Skipped, Trial

EDGES = (Edge(service="web", is_optional=True), Edge(service="api", is_optional=True))
CHOSEN = Chosen(
    trials=tuple(
        Trial(service="cache", fault=fault, edges=EDGES, direct=("web", "api"))
        for fault in (Fault.STOP, Fault.FREEZE)
    ),
    skipped=(
        Skipped(
            service="cache", fault=Fault.KILL, dependent="web", reason="a data store"
        ),
    ),
)
ROW = Row(
    service="cache",
    fault=Fault.STOP,
    dependent="web",
    verdict=Verdict.HOLDS,
    asked=9,
    slowest=0.25,
    recovered_after=0.0,
)


def test_a_drill_begins_with_all_rows_in_the_order_of_its_table() -> None:
    begun = describe_step(Begun(chosen=CHOSEN, order=("api", "web", "cache")))

    assert begun["heads"] == list(HEADS)
    assert begun["faults"] == 2
    assert [tuple(row["cells"]) for row in begun["rows"]] == [
        ("api -> cache", "stop", "-", "-", "-", "not yet"),
        ("web -> cache", "stop", "-", "-", "-", "not yet"),
        ("web -> cache", "kill", "-", "-", "-", "skipped"),
        ("api -> cache", "freeze", "-", "-", "-", "not yet"),
        ("web -> cache", "freeze", "-", "-", "-", "not yet"),
    ]
    assert begun["rows"][2]["evidence"] == ["a data store"]


def test_a_fault_says_how_far_it_is() -> None:
    step = Disturbed(service="cache", fault=Fault.STOP, stage=Stage.STANDS)
    assert describe_step(step) == {
        "step": "fault",
        "service": "cache",
        "fault": "stop",
        "stage": "stands",
    }


def test_rows_and_the_end_have_the_words_of_the_table() -> None:
    report = Report(
        rows=(ROW,),
        bands=(Band(service="cache", fault=Fault.STOP, began=1, ended=2),),
        answers={},
        seconds=5.0,
    )
    judged = describe_step(Judged(rows=(ROW,)))
    end = describe_end(report, "all")

    assert judged["rows"] == end["rows"]
    [row] = judged["rows"]
    assert "  ".join(row["cells"]) in " ".join(
        format_report(report).replace("         ", "  ").splitlines()
    ).replace("   ", "  ")
    assert end["sum"] == "1 hold; 1 fault in 5 s"
    assert end["text"] == "all"
