"""What happens on the cluster after objects were applied, until there is a verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Protocol

from composegen.errors import ClusterUnreachable
from composegen.places.cluster.causes import UP
from composegen.places.cluster.judge import Judge
from composegen.places.cluster.kubectl import Kubectl
from composegen.places.cluster.notes import Notes
from composegen.places.cluster.objects import OURS, Kind
from composegen.places.cluster.snapshot import Snapshot, take_snapshot
from composegen.places.cluster.troubles import find_trouble
from composegen.places.cluster.why import find_cluster_reasons
from composegen.places.events import BootOver, Message, Noted, Report
from composegen.places.reasons import Reason
from composegen.records import record

PAUSE = 0.7
"""Seconds between two looks."""
_PATIENCE = 30.0
_TRIED = "composegen.tried"


@record
class Outside:
    """The clock that a boot goes by, and how it waits."""

    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep


@record
class Verdict:
    """How a boot has ended; without reasons it is up."""

    notes: Notes
    reasons: tuple[Reason, ...] = ()


class Leaving(Protocol):
    """Excludes optional services that have failed."""

    def exclude(
        self, notes: Notes, judge: Judge, snapshot: Snapshot, at: float
    ) -> Notes:
        """Exclude what the judge has seen fail; the notes with that."""
        ...


class Booting:
    """Looks at the cluster until all is up, or cannot be."""

    def __init__(
        self,
        kubectl: Kubectl,
        notes: Notes,
        report: Report,
        *,
        leaving: Leaving | None = None,
        outside: Outside | None = None,
    ) -> None:
        self.notes = notes
        self.judge = Judge(notes, limit=notes.limit)
        self._kubectl = kubectl
        self._leaving = leaving
        self._report = report
        self._outside = outside or Outside()
        self._began = self._outside.clock()
        self._lost_at: float | None = None
        self._stuck: set[str] = set()

    @property
    def now(self) -> float:
        """Seconds since the boot began."""
        return self._outside.clock() - self._began

    def carry_out(self) -> Verdict:
        """Wait for the verdict. Raises ClusterUnreachable and ClusterRefused."""
        try:
            snapshot = self._try_again()
            while True:
                if snapshot is not None:
                    for event in self.judge.look(snapshot, self.now):
                        self._report(event)
                    if self.judge.failed:
                        return self._give_up(snapshot)
                    self._unblock(snapshot)
                    if self._leaving is not None and self.judge.failed_optional:
                        self.notes = self._leaving.exclude(
                            self.notes, self.judge, snapshot, self.now
                        )
                    if self.judge.is_done:
                        return Verdict(notes=self.notes)
                self._report(self.judge.describe_progress(self.now))
                self._outside.pause(PAUSE)
                snapshot = self._look()
        finally:
            self._report(BootOver(at=self.now))

    def _look(self) -> Snapshot | None:
        """How all is doing; None where the cluster is away for a moment."""
        try:
            found = take_snapshot(self._kubectl, self.notes)
        except ClusterUnreachable as error:
            if self._lost_at is None:
                self._lost_at = self.now
                self._report(Noted(at=self.now, text=f"{error.message}; trying again"))
            if self.now - self._lost_at > _PATIENCE:
                error.help = f"what was applied stays; continue: {UP}"
                raise
            return None
        self._lost_at = None
        return found

    def _try_again(self) -> Snapshot | None:
        """Let pods start at once that wait for their next try, for what was before."""
        snapshot = self._look()
        if snapshot is None:
            return None
        again: dict[str, str] = {}
        refused: list[str] = []
        for noted in self.notes.services:
            workload = snapshot.find_workload(noted.object)
            if workload is None or workload.kind is Kind.JOB:
                continue
            trouble = find_trouble(snapshot, self.notes, noted, workload)
            if trouble is not None and trouble.pod:
                again[trouble.pod] = noted.name
            elif trouble is not None:
                refused.append(workload.path)
        for name in again.values():
            self._report(Message(service=name, text="has failed before; trying again"))
        self._remove(again)
        self._touch(refused)
        return self._look() if again or refused else snapshot

    def _touch(self, paths: Iterable[str]) -> None:
        """Let the cluster try at once to make pods that it refused.

        Otherwise it waits longer after each try, for up to a quarter of an hour. What
        is written is taken away again; of what runs nothing changes.
        """
        for path in paths:
            for word in (f"{_TRIED}=now", f"{_TRIED}-"):
                flags = ("--overwrite", f"--field-manager={OURS}")
                self._kubectl.call("annotate", path, word, *flags)

    def _unblock(self, snapshot: Snapshot) -> None:
        """Remove older pods of StatefulSets that are not ready: those are not replaced.

        Each has to be seen twice, since a rollout takes pods away by itself.
        """
        stuck = {
            pod.name
            for noted in self.notes.services
            if (workload := snapshot.find_workload(noted.object)) is not None
            and workload.kind is Kind.STATEFUL_SET
            for pod in snapshot.list_older(workload)
            if not pod.is_ready
        }
        self._remove(stuck & self._stuck)
        self._stuck = stuck

    def _remove(self, pods: Iterable[str]) -> None:
        names = sorted(pods)
        if names:
            flags = ("--ignore-not-found", "--wait=false")
            self._kubectl.call("delete", "pod", *names, *flags)

    def _give_up(self, snapshot: Snapshot) -> Verdict:
        failures = self.judge.failed
        names = {each.service for each in failures}
        found = find_cluster_reasons(
            self._kubectl, self.notes, snapshot, failures=failures
        )
        reasons = (each for each in found if names & {each.service, *each.chain})
        return Verdict(notes=self.notes, reasons=tuple(reasons))
