"""What a drill has found, as a table, as JSON, as JUnit, and as a picture."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

from composegen.drill.asking import Answer
from composegen.drill.judging import Verdict
from composegen.drill.picture import draw_strip, draw_svg
from composegen.drill.report import describe_report, format_report, write_junit
from composegen.drill.rows import Band, Report, Row
from composegen.drill.trials import Fault


def make_row(fault: Fault, verdict: Verdict, **values: Any) -> Row:
    return Row(service="cache", fault=fault, dependent="web", verdict=verdict, **values)


REPORT = Report(
    rows=(
        make_row(Fault.STOP, Verdict.HOLDS, asked=12, slowest=0.25, recovered_after=0),
        make_row(
            Fault.FREEZE,
            Verdict.FAILS,
            asked=9,
            errors=4,
            slowest=2.0,
            recovered_after=3.5,
            evidence=("no answer within 2 s", "| <waiting> for cache\x1b"),
        ),
        make_row(
            Fault.WITHOUT,
            Verdict.FAILS,
            asked=9,
            errors=9,
            slowest=0.1,
            evidence=("answered 500",),
        ),
        make_row(Fault.CUT, Verdict.SKIPPED, evidence=("not possible here",)),
    ),
    bands=(
        Band(service="cache", fault=Fault.STOP, began=2, ended=5),
        Band(service="cache", fault=Fault.FREEZE, began=6, ended=9),
    ),
    answers={
        "web": (
            Answer(at=0, seconds=0.1),
            Answer(at=3, seconds=1.5),
            Answer(at=7, seconds=2.0, problem="no answer <in> time"),
        )
    },
    seconds=10.0,
)


def test_the_table_has_a_row_for_each_need_and_the_evidence_of_what_fails() -> None:
    assert format_report(REPORT) == (
        "need          fault    errors   slowest  away for  verdict\n"
        "web -> cache  stop     0 of 12  0.25 s   -         holds\n"
        "web -> cache  freeze   4 of 9   2.00 s   3.50 s    fails\n"
        "web -> cache  without  9 of 9   0.10 s   not back  fails\n"
        "web -> cache  cut      -        -        -         skipped\n"
        "\n"
        "web -> cache, freeze: fails\n"
        "  no answer within 2 s\n"
        "  | <waiting> for cache\x1b\n"
        "\n"
        "web -> cache, without: fails\n"
        "  answered 500\n"
        "\n"
        "skipped: cache cut: not possible here\n"
        "\n"
        "1 hold, 2 fail, 1 skipped; 2 faults in 10 s\n"
    )


def test_json_has_the_fields_that_programs_rely_on() -> None:
    first, second, third, last = describe_report(REPORT)

    assert first == {
        "service": "cache",
        "fault": "stop",
        "dependent": "web",
        "verdict": "holds",
        "asked": 12,
        "errors": 0,
        "slowest": 0.25,
        "recovered_after": 0,
        "evidence": None,
    }
    assert second["evidence"] == "no answer within 2 s\n| <waiting> for cache\x1b"
    assert third["recovered_after"] is None
    assert (last["verdict"], last["asked"], last["slowest"]) == ("skipped", 0, None)


def test_junit_has_a_case_for_each_row() -> None:
    suites = ET.fromstring(write_junit(REPORT, "demo").encode())
    cases = list(suites.iter("testcase"))

    assert suites.attrib["tests"] == "4"
    assert suites.attrib["failures"] == "2"
    assert suites.attrib["skipped"] == "1"
    assert [[child.tag for child in case] for case in cases] == [
        [],
        ["failure"],
        ["failure"],
        ["skipped"],
    ]
    failure = cases[1].find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "no answer within 2 s"
    assert failure.text == "| <waiting> for cache\N{REPLACEMENT CHARACTER}"


def test_the_strip_shows_answers_below_the_faults() -> None:
    assert draw_strip(REPORT, width=10) == (
        "  fault    sss fff\n"
        "  web    .  === xxx\n"
        "         . good  = slow  x bad  s stop  f freeze\n"
    )


def test_the_picture_has_a_bar_for_each_answer_and_a_band_for_each_fault() -> None:
    picture = ET.fromstring(draw_svg(REPORT))
    texts = [each.text for each in picture.iter("{http://www.w3.org/2000/svg}text")]
    bars = [
        each
        for each in picture.iter("{http://www.w3.org/2000/svg}rect")
        if each.find("{http://www.w3.org/2000/svg}title") is not None
    ]

    assert {"cache stop", "cache freeze", "web"} <= {*texts}
    assert len(bars) == 3
    assert len({bar.attrib["fill"] for bar in bars}) == 2


def test_a_service_that_did_not_come_back_is_named_and_is_a_failure() -> None:
    report = Report(rows=(), bands=(), answers={}, seconds=1.0, down=("side",))

    assert report.has_failure
    assert (
        "side was up before the drill and is not any more: composegen why side\n"
        in format_report(report)
    )
