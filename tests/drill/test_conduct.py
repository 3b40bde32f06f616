"""A whole drill, on a ground whose services do what the test says."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import pytest

from composegen.ask import Drill
from composegen.drill.asking import Answer, Question
from composegen.drill.conduct import Conductor, Pace
from composegen.drill.ground import Undo
from composegen.drill.judging import Verdict
from composegen.drill.rows import Report
from composegen.drill.steps import Begun, Disturbed, Judged, Step
from composegen.drill.trials import Chosen, Edge, Fault, Trial
from composegen.errors import ExitCode, FaultFailed, Interrupted, NotDrillable
from tests.stacks import load_only

STACK = load_only("""
    services:
      web:
        image: python:3.12-slim
        port: 80
        health: /
        needs: {cache: {otherwise: {}}}
      cache: {image: "python:3.12-slim", port: 81, health: tcp}
""")
PACE = Pace(stand=0.05, recover=2.0, interval=0.002)
LATE = Pace(stand=0.05, recover=0.1, interval=0.002)


class Ground:
    """A service `cache` that can be disturbed, and `web`, which follows a rule.

    The rule gets the fault that stands and those that stood before, and says what is
    wrong with the answer of `web`.
    """

    name = "engine"
    impossible: Mapping[Fault, str] = {}

    def __init__(
        self, rule: Callable[[Fault | None, list[Fault]], str] = lambda *_: ""
    ) -> None:
        self.rule = rule
        self.fault: Fault | None = None
        self.past: list[Fault] = []
        self.refuses = self.keeps = False
        self.restarts: list[str] = []
        self.on_fault: Callable[[], None] = lambda: None
        self.starts = 0

    def plan(self, trial: Trial) -> Undo:
        return Undo(service=trial.service, fault=trial.fault)

    def plan_restart(self, service: str) -> Undo:
        return Undo(service=service)

    def do(self, undo: Undo) -> None:
        if undo.fault is None:
            self.restarts.append(undo.service)
            self.past.clear()
            return
        if self.refuses:
            raise FaultFailed("it may not be touched")
        self.fault = undo.fault
        self.on_fault()

    def undo(self, undo: Undo, *, is_sure: bool) -> None:
        if self.keeps:
            raise FaultFailed("it cannot be undone")
        if self.fault is not None:
            self.past.append(self.fault)
        self.fault = None

    def make_question(self, service: str, drill: Drill) -> Question:
        def ask() -> Answer:
            problem = self.rule(self.fault, self.past) if service == "web" else ""
            return Answer(at=time.monotonic(), seconds=0.0, problem=problem)

        return ask

    def find_starts(self, service: str) -> tuple[str, ...]:
        return (f"{service} {self.starts}",)

    def look_closer(self, service: str, since: float) -> tuple[str, ...]:
        return (f"| the last line of {service}",)

    def close(self) -> None:
        pass


class Journal:
    """Remembers what was noted, and whether the fault stood already."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.lines: list[str] = []

    @property
    def is_clean(self) -> bool:
        return self.lines[-1:] in ([], ["forget"])

    def begin(self, undo: Undo) -> None:
        assert self.ground.fault is None, "noted after it was done"
        self.lines.append(f"begin {undo.fault or 'restart'}")

    def note_done(self) -> None:
        self.lines.append("done")

    def forget(self) -> None:
        assert self.ground.fault is None, "forgotten before it was undone"
        self.lines.append("forget")


def choose(*faults: Fault, is_optional: bool = True) -> Chosen:
    edges = (Edge(service="web", is_optional=is_optional),)
    return Chosen(
        trials=tuple(
            Trial(service="cache", fault=fault, edges=edges, direct=("web",))
            for fault in faults
        ),
        skipped=(),
    )


def conduct(
    ground: Ground,
    chosen: Chosen,
    pace: Pace = PACE,
    check_end: Callable[[], None] = lambda: None,
    journal: Journal | None = None,
    show: Callable[[Step], None] = lambda _: None,
) -> Report:
    conductor = Conductor(
        STACK,
        ground,
        journal or Journal(ground),
        pace,
        tell=lambda _: None,
        show=show,
        check_end=check_end,
    )
    return conductor.carry_out(chosen)


def test_one_that_copes_holds_and_each_fault_is_noted_before_it_is_done() -> None:
    ground = Ground()
    journal = Journal(ground)
    report = conduct(ground, choose(Fault.STOP, Fault.CUT), journal=journal)

    assert [row.verdict for row in report.rows] == [Verdict.HOLDS, Verdict.HOLDS]
    assert journal.lines == [
        *("begin stop", "done", "forget"),
        *("begin cut", "done", "forget"),
    ]
    assert [band.fault for band in report.bands] == [Fault.STOP, Fault.CUT]
    assert not report.has_failure


def test_one_fault_is_named_among_those_with_which_it_copes() -> None:
    ground = Ground(lambda fault, _: "it hangs" if fault is Fault.FREEZE else "")
    report = conduct(ground, choose(*Fault))

    assert {row.fault: row.verdict.value for row in report.rows} == {
        Fault.STOP: "holds",
        Fault.KILL: "holds",
        Fault.FREEZE: "fails",
        Fault.CUT: "holds",
        Fault.WITHOUT: "holds",
    }
    frozen = next(row for row in report.rows if row.fault is Fault.FREEZE)
    assert frozen.evidence == ("it hangs", "| the last line of web")
    assert frozen.recovered_after is not None
    assert report.has_failure


def test_one_that_recovers_only_after_a_restart_is_restarted_and_told() -> None:
    ground = Ground(lambda _, past: "still the old address" if past else "")
    chosen = choose(Fault.KILL, Fault.CUT, is_optional=False)
    report = conduct(ground, chosen, LATE)

    assert [row.verdict.value for row in report.rows] == ["fails", "fails"]
    assert report.rows[0].recovered_after is None
    assert report.rows[0].evidence == (
        "still the old address",
        "it does not recover by itself; after a restart it answers again",
        "| the last line of web",
    )
    assert ground.restarts == ["web", "web"]


def test_one_that_is_lost_takes_no_part_any_more() -> None:
    stood: list[Fault] = []

    def rule(fault: Fault | None, _: list[Fault]) -> str:
        stood.extend([fault] if fault else [])
        return "gone" if stood else ""

    report = conduct(Ground(rule), choose(Fault.STOP, Fault.CUT), LATE)

    assert [row.verdict.value for row in report.rows] == ["fails", "skipped"]
    assert "it does not answer even after a restart" in report.rows[0].evidence
    assert report.rows[1].evidence == (
        "web does not answer any more, not even after a restart",
    )


def test_one_that_was_started_again_did_not_cope() -> None:
    ground = Ground()

    def restart() -> None:
        ground.starts += 1

    ground.on_fault = restart
    [row] = conduct(ground, choose(Fault.CUT)).rows

    assert row.verdict is Verdict.FAILS
    assert row.evidence[0] == "it ended and was started again"


def test_a_fault_that_cannot_be_done_is_skipped_with_the_reason() -> None:
    ground = Ground()
    ground.refuses = True
    [row] = conduct(ground, choose(Fault.CUT)).rows

    assert row.verdict is Verdict.SKIPPED
    assert row.evidence == ("it may not be touched",)


def test_a_fault_that_cannot_be_undone_ends_the_drill_and_stays_noted() -> None:
    ground = Ground()
    ground.keeps = True
    journal = Journal(ground)
    with pytest.raises(FaultFailed, match="it cannot be undone"):
        conduct(ground, choose(Fault.STOP, Fault.CUT), journal=journal)

    assert journal.lines == ["begin stop", "done"]


def test_nothing_is_done_where_something_does_not_work_before() -> None:
    ground = Ground(lambda *_: "answered 500")
    journal = Journal(ground)
    with pytest.raises(NotDrillable, match="answered 500"):
        conduct(ground, choose(Fault.STOP), LATE, journal=journal)

    assert journal.lines == []


def test_a_drill_that_is_ended_undoes_what_stands() -> None:
    ground = Ground()

    def check_end() -> None:
        if ground.fault is not None:
            raise Interrupted(ExitCode.INTERRUPTED)

    journal = Journal(ground)
    with pytest.raises(Interrupted):
        conduct(ground, choose(Fault.FREEZE), check_end=check_end, journal=journal)

    assert ground.fault is None
    assert journal.lines == ["begin freeze", "done", "forget"]


def test_each_step_is_shown_when_it_is_taken() -> None:
    ground = Ground()
    seen: list[tuple[str, Fault | None]] = []

    def show(step: Step) -> None:
        match step:
            case Begun():
                seen.append(("begun", ground.fault))
            case Disturbed():
                seen.append((f"{step.fault} {step.stage}", ground.fault))
            case Judged():
                words = [f"{row.dependent} {row.verdict}" for row in step.rows]
                seen.append((", ".join(words), ground.fault))

    conduct(ground, choose(Fault.STOP), show=show)

    assert seen == [
        ("begun", None),
        ("stop begins", None),
        ("stop stands", Fault.STOP),
        ("stop is being undone", Fault.STOP),
        ("stop is undone; waiting until all is as before", None),
        ("web holds", None),
    ]


def test_one_who_watches_and_is_gone_leaves_no_fault() -> None:
    ground = Ground()

    def show(step: Step) -> None:
        if ground.fault is not None:
            raise BrokenPipeError

    journal = Journal(ground)
    with pytest.raises(BrokenPipeError):
        conduct(ground, choose(Fault.FREEZE), journal=journal, show=show)

    assert ground.fault is None
    assert journal.lines == ["begin freeze", "done", "forget"]
