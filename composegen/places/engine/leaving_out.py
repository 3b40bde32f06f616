"""Services that fail while a stack comes up and are excluded: why, and stopped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from composegen.places.engine.candidate import list_excluded_failures
from composegen.places.engine.client import Engine
from composegen.places.engine.compose import Project
from composegen.places.engine.containers import Status
from composegen.places.engine.judge import Judge
from composegen.places.engine.notes import NotedExclusion, Notes
from composegen.places.engine.phases import Calls
from composegen.places.engine.why import find_engine_reasons
from composegen.places.events import Excluded, Failure, Report
from composegen.places.reasons import BRIEF_LINES
from composegen.records import record, replace

_ON = frozenset({Status.RUNNING, Status.PAUSED, Status.RESTARTING})


@record
class Lost:
    """A service that fails before it is started: why, in brief and in full."""

    reason: str
    failure: Failure


class LeavingOut:
    """The exclusions of one boot."""

    def __init__(
        self,
        engine: Engine,
        project: Project,
        calls: Calls,
        judge: Judge,
        report: Report,
    ) -> None:
        self.exclusions: dict[str, NotedExclusion] = {}
        self._engine = engine
        self._project = project
        self._calls = calls
        self._judge = judge
        self._report = report
        self._known: dict[str, Failure] = {}
        self._new: list[str] = []

    def explain(self, name: str, failure: Failure) -> None:
        """Why a service fails, known before it is excluded."""
        self._known[name] = failure

    def exclude(self, failed: Mapping[str, str], at: float) -> bool:
        """Exclude services that have failed, and what follows; whether any was.

        ``at`` is when, in seconds since 1970 on the engine's clock.
        """
        new = self._calls.exclude(failed)
        for name, reason in new.items():
            self._judge.exclude(name)
            self.exclusions[name] = NotedExclusion(
                service=name, reason=reason, at=at, failure=self._known.get(name)
            )
        self._new += new
        return bool(new)

    def note(self, notes: Notes) -> Notes:
        """The notes with what is excluded, and what is made without it."""
        if not self.exclusions:
            return notes
        excluded = (
            replace(each, instead=self._calls.list_instead(each.service, self._judge))
            for each in self.exclusions.values()
        )
        return replace(notes, excluded=tuple(excluded))

    def put_away(self, notes: Notes, folder: Path, now: float) -> tuple[str, ...]:
        """Report what was just excluded, with its cause; what runs and is to stop."""
        new, self._new = self._new, []
        if not new:
            return ()
        self._find_causes(new, notes, folder)
        for name in new:
            failure = self.exclusions[name].failure
            self._report(
                Excluded(
                    service=name,
                    at=now,
                    reason=self.exclusions[name].reason,
                    cause=_find_cause(failure),
                    instead=self._calls.list_instead(name, self._judge),
                    lines=failure.lines[-BRIEF_LINES:] if failure is not None else (),
                )
            )
        return self.find_running(new)

    def see_stopped(self, names: Iterable[str], at: float) -> None:
        """Services are stopped: what starts them from now on is not this boot."""
        for name in names:
            self.exclusions[name] = replace(self.exclusions[name], at=at)

    def find_running(self, names: Iterable[str] | None = None) -> tuple[str, ...]:
        """Which of the excluded services run, or are restarted by the engine."""
        wanted = self.exclusions.keys() if names is None else {*names}
        found = self._engine.list_containers(self._project.name)
        on = {each.service for each in found if each.status in _ON}
        return tuple(name for name in self.exclusions if name in wanted & on)

    def _find_causes(self, names: Iterable[str], notes: Notes, folder: Path) -> None:
        """Why services have failed, before they are stopped: then it is forgotten."""
        failures = list_excluded_failures(self._judge.candidates.values())
        own = {each.service for each in failures}
        asked = {name for name in names if name in own and name not in self._known}
        if not asked:
            return
        began = self._engine.read_clock()
        failed = replace(
            notes,
            failures=tuple(replace(each, at=began) for each in failures),
            deaths=self._judge.deaths,
            excluded=(),
        )
        for reason in find_engine_reasons(self._engine, failed, folder, among=asked):
            failure = reason.failure
            if failure is not None and failure.service in asked:
                self.exclusions[failure.service] = replace(
                    self.exclusions[failure.service],
                    failure=replace(failure, lines=reason.lines),
                    check=reason.check,
                )


def _find_cause(failure: Failure | None) -> str:
    """What is behind a failure: its cause, or else what Compose said."""
    if failure is None or failure.cause:
        return failure.cause if failure is not None else ""
    return failure.reason if failure.reason.startswith("Compose: ") else ""
