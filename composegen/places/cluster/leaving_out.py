"""Optional services that fail while a stack comes up: why, and what is applied then."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from composegen.places.cluster.judge import Judge
from composegen.places.cluster.kubectl import Kubectl
from composegen.places.cluster.notes import NotedExclusion, Notes
from composegen.places.cluster.snapshot import Snapshot
from composegen.places.cluster.why import find_cluster_reasons
from composegen.places.events import Excluded, Failure, Report
from composegen.planning.exclusion import Fallbacks, list_exclusions
from composegen.planning.plan import Plan
from composegen.records import replace

Without = Mapping[str, tuple[str, ...]]
"""The excluded services that each service is made without."""


class LeavingOut:
    """The exclusions of one boot.

    ``apply`` makes the services again without those that are excluded, ``keep`` writes
    the notes.
    """

    def __init__(
        self,
        kubectl: Kubectl,
        plan: Plan,
        report: Report,
        *,
        apply: Callable[[Without, Iterable[str]], None],
        keep: Callable[[Notes], None],
    ) -> None:
        self._kubectl = kubectl
        self._plan = plan
        self._report = report
        self._fallbacks = Fallbacks(plan)
        self._apply = apply
        self._keep = keep
        self._reasons: dict[str, str] = {}

    def exclude(
        self, notes: Notes, judge: Judge, snapshot: Snapshot, at: float
    ) -> Notes:
        """Exclude what the judge has seen fail, and go on without it."""
        self._reasons |= judge.failed_optional
        closed = self._fallbacks.close(self._reasons)
        new = [name for name in closed if notes.find_exclusion(name) is None]
        for name in new:
            judge.exclude(name)
        without = self._choose_without(closed, notes, judge)
        made = self._note(notes, closed, without, self._explain(notes, judge, snapshot))
        for name in new:
            found = made.find_exclusion(name)
            assert found is not None
            self._report(
                Excluded(
                    service=name,
                    at=at,
                    reason=found.reason,
                    cause=found.failure.cause if found.failure is not None else "",
                    instead=found.instead,
                )
            )
        self._keep(made)
        self._apply(without, tuple(closed))
        return made

    def _choose_without(
        self, closed: Mapping[str, str], notes: Notes, judge: Judge
    ) -> dict[str, tuple[str, ...]]:
        """What each service is made without; one that is up stays as it is."""
        ready = judge.list_ready()
        before = {each.name: each.without for each in notes.services}
        return {
            name: before[name]
            if name in ready
            else self._fallbacks.list_without(name, closed)
            for name in self._plan.names
            if name not in closed
        }

    def _explain(
        self, notes: Notes, judge: Judge, snapshot: Snapshot
    ) -> dict[str, Failure]:
        """Why services have failed, before they are removed: then it is forgotten."""
        own = [
            failure
            for name, each in judge.candidates.items()
            if (failure := each.failure) is not None
            and notes.find_exclusion(name) is None
        ]
        reasons = find_cluster_reasons(self._kubectl, notes, snapshot, failures=own)
        return {
            each.service: replace(each.failure, lines=each.lines)
            for each in reasons
            if each.failure is not None
        }

    def _note(
        self,
        notes: Notes,
        closed: Mapping[str, str],
        without: Without,
        failures: Mapping[str, Failure],
    ) -> Notes:
        known = {each.service: each for each in notes.excluded}
        instead = {
            each.service: tuple(
                f"{one.service}: {one}"
                for one in each.fallbacks
                if each.service in without.get(one.service, ())
            )
            for each in list_exclusions(self._plan, closed)
        }
        for name, reason in closed.items():
            made = known.get(name) or NotedExclusion(
                service=name, reason=reason, failure=failures.get(name)
            )
            known[name] = replace(made, instead=instead.get(name, ()))
        return replace(
            notes,
            excluded=tuple(known.values()),
            services=tuple(
                replace(each, without=without.get(each.name, each.without))
                for each in notes.services
            ),
        )
