"""One drill from the first question to the last verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Protocol

from composegen.ask import Drill
from composegen.drill.asking import INTERVAL, Answer, Asker
from composegen.drill.ground import Ground, Undo
from composegen.drill.judging import Times, Verdict, find_recovery, judge
from composegen.drill.rows import (
    Band,
    Report,
    Row,
    list_skipped,
    make_row,
    make_skipped,
    sort_rows,
)
from composegen.drill.steps import Begun, Disturbed, Judged, Stage, Step
from composegen.drill.trials import Chosen, Edge, Fault, Trial
from composegen.errors import FaultFailed, NotDrillable
from composegen.model import Stack
from composegen.records import record, replace

_POLL = 0.05
_LATELY = 3.0
"""For how many seconds one that was lost must have answered, to take part again."""


class Journal(Protocol):
    """Keeps what is done until it is undone."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left to undo."""
        ...

    def begin(self, undo: Undo) -> None:
        """Something is about to be done."""
        ...

    def note_done(self) -> None:
        """It is done."""
        ...

    def forget(self) -> None:
        """It is undone."""
        ...


@record
class Pace:
    """How long a fault stands, and how long recovery may take, in seconds.

    ``interval`` lies between the beginnings of two questions.
    """

    stand: float = 3.0
    recover: float = 10.0
    interval: float = INTERVAL


class Conductor:
    """Does the faults one after another.

    ``tell`` gets a line for people, ``show`` each step for those who watch, and
    ``check_end`` raises Interrupted where the drill is to end.
    """

    def __init__(
        self,
        stack: Stack,
        ground: Ground,
        journal: Journal,
        pace: Pace,
        *,
        tell: Callable[[str], None],
        show: Callable[[Step], None],
        check_end: Callable[[], None],
    ) -> None:
        self._stack = stack
        self._ground = ground
        self._journal = journal
        self._pace = pace
        self._tell = tell
        self._show = show
        self._check_end = check_end
        self._askers: dict[str, Asker] = {}
        self._rows: list[Row] = []
        self._bands: list[Band] = []
        self._lost: dict[str, str] = {}
        self._began = time.monotonic()

    def carry_out(self, chosen: Chosen) -> Report:
        """Every trial. Raises NotDrillable, Interrupted and FaultFailed."""
        order = tuple(self._stack.services)
        self._show(Begun(chosen=chosen, order=order))
        try:
            self._begin_asking(chosen)
            for trial in chosen.trials:
                self._try(trial)
        finally:
            for asker in self._askers.values():
                asker.end()
        return Report(
            rows=sort_rows([*self._rows, *list_skipped(chosen)], order),
            bands=tuple(self._bands),
            answers={
                name: tuple(
                    Answer(
                        at=each.at - self._began,
                        seconds=each.seconds,
                        problem=each.problem,
                    )
                    for each in asker.answers
                )
                for name, asker in self._askers.items()
                if name in chosen.asked
            },
            seconds=time.monotonic() - self._began,
        )

    # Asking

    def _begin_asking(self, chosen: Chosen) -> None:
        """Ask everything until each one has answered well. Raises NotDrillable."""
        for name in chosen.asked:
            drill = self._stack.services[name].drill
            question = self._ground.make_question(name, drill)
            if question is not None:
                self._askers[name] = Asker(name, question, self._pace.interval)
        self._began = time.monotonic()
        for asker in self._askers.values():
            asker.start()
        self._wait_for(self._askers, self._began, self._pace.recover)
        for name, asker in self._askers.items():
            if self._is_well(name, self._began):
                continue
            answers = asker.answers
            problem = answers[-1].problem if answers else "no answer yet"
            raise NotDrillable(
                f"{name} does not do what it should before any fault: {problem}",
                help=f"see why: composegen why {name}, or correct its `drill`",
            )

    def _is_well(self, name: str, since: float) -> bool:
        return find_recovery(self._askers[name].answers, since) is not None

    def _wait_for(self, names: Iterable[str], since: float, limit: float) -> None:
        """Until all of them are well since a time, or the limit has passed."""
        listed = list(names)
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if all(self._is_well(name, since) for name in listed):
                return
            self._pause(_POLL)

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while True:
            self._check_end()
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, _POLL))

    # One trial

    def _try(self, trial: Trial) -> None:
        edges = [each for each in trial.edges if self._is_ready(trial, each)]
        if not edges:
            return
        starts = {e.service: self._ground.find_starts(e.service) for e in edges}
        try:
            undo = self._ground.plan(trial)
            times = self._disturb(trial, undo, [each.service for each in edges])
        except FaultFailed as failed:
            if not self._journal.is_clean:
                raise  # the next fault would hide what is left to undo
            for each in edges:
                self._skip(trial, each, failed.message)
            return
        self._bands.append(
            Band(
                service=trial.service,
                fault=trial.fault,
                began=times.began - self._began,
                ended=times.undone - self._began,
            )
        )
        rows = [self._judge(trial, each, times, starts[each.service]) for each in edges]
        rows = self._restart_lost(rows)
        self._rows += rows
        self._show(Judged(rows=tuple(rows)))
        words = ", ".join(f"{row.dependent} {row.verdict.value}" for row in rows)
        self._tell(f"{trial.service} {trial.fault.value}: {words}")

    def _is_ready(self, trial: Trial, edge: Edge) -> bool:
        """Whether a dependent service does what it should before a fault."""
        why = "there is nothing to ask"
        if edge.service in self._askers:
            if self._is_well(edge.service, time.monotonic() - _LATELY):
                self._lost.pop(edge.service, None)
            why = self._lost.get(edge.service, "")
        if why:
            self._skip(trial, edge, why)
        return not why

    def _skip(self, trial: Trial, edge: Edge, reason: str) -> None:
        row = make_skipped(trial.service, trial.fault, edge.service, reason)
        row = replace(row, is_optional=edge.is_optional)
        self._rows.append(row)
        self._show(Judged(rows=(row,)))

    def _disturb(self, trial: Trial, undo: Undo, names: list[str]) -> Times:
        """Do a fault, let it stand, undo it, and wait until all is as before."""
        self._check_end()
        self._show_stage(trial, Stage.BEGINS)
        self._journal.begin(undo)
        is_done = False
        began = time.monotonic()
        try:
            self._ground.do(undo)
            is_done = True
            self._journal.note_done()
            done = time.monotonic()
            self._show_stage(trial, Stage.STANDS)
            if trial.fault is Fault.WITHOUT:
                self._wait_for(names, done, self._pace.recover)
            self._pause(self._pace.stand)
            self._show_stage(trial, Stage.ENDS)
        finally:
            undoing = time.monotonic()
            self._ground.undo(undo, is_sure=is_done)
            self._journal.forget()
        self._show_stage(trial, Stage.IS_OVER)
        self._wait_for_service(trial.service)
        undone = time.monotonic()
        self._wait_for(names, undone, self._pace.recover)
        return Times(
            began=began,
            done=done,
            undoing=undoing,
            undone=undone,
            ended=time.monotonic(),
            limit=self._pace.recover,
        )

    def _show_stage(self, trial: Trial, stage: Stage) -> None:
        self._show(Disturbed(service=trial.service, fault=trial.fault, stage=stage))

    def _wait_for_service(self, name: str) -> None:
        """Until what was disturbed answers its own check: no need is to blame for that.

        It may take as long as its boot.
        """
        question = self._ground.make_question(name, Drill())
        health = self._stack.services[name].health
        boot = health.boot.seconds if health is not None else 0.0
        end = time.monotonic() + max(self._pace.recover, boot)
        while question is not None and not question().is_good:
            if time.monotonic() > end:
                self._tell(f"{name} does not answer its health check again")
                return
            self._pause(_POLL)

    def _judge(
        self, trial: Trial, edge: Edge, times: Times, before: tuple[str, ...]
    ) -> Row:
        name = edge.service
        is_replaced = trial.fault is Fault.WITHOUT or name == trial.service
        ended = "" if is_replaced else self._find_end(name, before)
        seen = judge(
            self._askers[name].answers,
            times,
            trial.fault,
            is_optional=edge.is_optional,
            was_restarted=ended,
        )
        evidence: tuple[str, ...] = ()
        if seen.verdict is Verdict.FAILS:
            evidence = (seen.problem, *self._ground.look_closer(name, times.began))
        return make_row(trial, edge, seen, evidence)

    def _find_end(self, name: str, before: tuple[str, ...]) -> str:
        if self._ground.find_starts(name) == before:
            return ""
        return "it ended and was started again"

    def _restart_lost(self, rows: list[Row]) -> list[Row]:
        """Restart those that did not recover, and add to the evidence if that helps."""
        judged = []
        for row in rows:
            if row.verdict is not Verdict.FAILS or row.recovered_after is not None:
                judged.append(row)
                continue
            words = self._restart(row.dependent)
            evidence = (*row.evidence[:1], words, *row.evidence[1:])
            judged.append(replace(row, evidence=evidence))
        return judged

    def _restart(self, name: str) -> str:
        if self._is_well(name, time.monotonic() - 1.0):
            return "it recovered after the limit"
        undo = self._ground.plan_restart(name)
        self._journal.begin(undo)
        is_done = False
        try:
            self._ground.do(undo)
            is_done = True
        finally:
            if not is_done:
                self._ground.undo(undo, is_sure=False)
            self._journal.forget()
        since = time.monotonic()
        self._wait_for([name], since, self._pace.recover)
        if self._is_well(name, since):
            return "it does not recover by itself; after a restart it answers again"
        self._lost[name] = f"{name} does not answer any more, not even after a restart"
        return "it does not answer even after a restart"
