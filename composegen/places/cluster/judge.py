"""Whether a stack comes up on a cluster: what is seen becomes events and a verdict.

It does no input or output and never waits; times are seconds since the boot began,
passed in. A trouble counts once it has lasted for as long as it has to; a service that
no trouble is seen of has its ``boot`` from the start of its own program.
"""

from __future__ import annotations

from collections.abc import Iterator

from composegen.places.cluster.notes import NotedService, Notes
from composegen.places.cluster.objects import GATE, Kind, Pod, Workload
from composegen.places.cluster.snapshot import Snapshot
from composegen.places.cluster.status import is_ready
from composegen.places.cluster.troubles import Trouble, find_trouble
from composegen.places.events import (
    Created,
    Event,
    Exited,
    Failed,
    Failure,
    Finished,
    Progress,
    Ready,
    Standing,
    Started,
)
from composegen.places.status import FINE, State
from composegen.places.timeline import Boot
from composegen.values import format_duration

PREPARING = 300.0
"""Seconds after which a pod that a node has and that does not start has failed."""


class Candidate:
    """One service on its way up. Times are seconds since the boot began."""

    def __init__(self, noted: NotedService) -> None:
        self.noted = noted
        self.state = State.WAITING
        self.failure: Failure | None = None
        self.trouble: Trouble | None = None
        self.since: float | None = None
        self.created: float | None = None
        self.started: float | None = None
        self.ready: float | None = None
        self.idle_from: float | None = None
        self.deaths = 0
        self.waits_for = ""

    def see_trouble(self, trouble: Trouble | None, at: float) -> bool:
        """Take in what is wrong now; whether it has lasted for long enough."""
        known = self.trouble.cause.name if self.trouble is not None else None
        if trouble is None or trouble.cause.name != known:
            self.since = at
        self.trouble = trouble
        return trouble is not None and at - (self.since or 0.0) >= trouble.lasts


class Judge:
    """All services of one boot; ``limit`` is one deadline for all of them."""

    def __init__(self, notes: Notes, *, limit: float | None = None) -> None:
        self.notes = notes
        self.limit = limit
        self.candidates = {each.name: Candidate(each) for each in notes.services}
        self._has_looked = False

    @property
    def failed(self) -> tuple[Failure, ...]:
        """The failures of required services."""
        return tuple(
            each.failure
            for each in self.candidates.values()
            if each.failure is not None and each.noted.is_required
        )

    @property
    def failed_optional(self) -> dict[str, str]:
        """The optional services that have failed and are not excluded, and why."""
        return {
            name: each.failure.reason.removeprefix(f"{name} is ").removeprefix(
                f"{name} "
            )
            for name, each in self.candidates.items()
            if each.failure is not None
            and not each.noted.is_required
            and each.state is not State.EXCLUDED
        }

    @property
    def is_done(self) -> bool:
        """Whether every service is up, or excluded."""
        done = {*FINE, State.EXCLUDED}
        return all(each.state in done for each in self.candidates.values())

    def exclude(self, name: str) -> None:
        """A service is excluded: what happens to it from now on does not count."""
        self.candidates[name].state = State.EXCLUDED

    def look(self, snapshot: Snapshot, at: float) -> Iterator[Event]:
        """Take in how all is doing at a moment."""
        was_before = not self._has_looked
        self._has_looked = True
        for candidate in self.candidates.values():
            if candidate.state is State.EXCLUDED or candidate.failure is not None:
                continue
            workload = snapshot.find_workload(candidate.noted.object)
            if workload is None:
                yield from self._see_absence(candidate, at)
                continue
            yield from self._look_at(
                candidate, workload, snapshot, at, was_before=was_before
            )

    def _see_absence(self, candidate: Candidate, at: float) -> Iterator[Event]:
        if at >= PREPARING:
            reason = f"{candidate.noted.name} is not on the cluster"
            yield self._fail(candidate, Failure(service="", reason=reason), at)

    def _look_at(
        self,
        candidate: Candidate,
        workload: Workload,
        snapshot: Snapshot,
        at: float,
        *,
        was_before: bool,
    ) -> Iterator[Event]:
        noted = candidate.noted
        pods = snapshot.list_pods(workload)
        if pods and candidate.created is None:
            candidate.created = 0.0 if was_before else at
            yield Created(service=noted.name, at=at)
        yield from self._see_starts(candidate, pods, at, was_before=was_before)
        if workload.kind is Kind.JOB and workload.is_complete:
            if candidate.state is not State.FINISHED:
                after = self._end(candidate, State.FINISHED, at)
                yield Finished(service=noted.name, at=at, after=after)
            return
        if is_ready(snapshot, noted, workload):
            if candidate.state is not State.READY:
                after = self._end(candidate, State.READY, at)
                yield Ready(
                    service=noted.name,
                    at=at,
                    after=after,
                    is_asked=noted.is_asked,
                    ran_before=was_before,
                )
            return
        trouble = find_trouble(snapshot, self.notes, noted, workload)
        if candidate.see_trouble(trouble, at) and trouble is not None:
            older = snapshot.count_older(workload)
            yield self._fail(candidate, describe_trouble(noted, trouble, older), at)
            return
        self._settle(candidate, pods, at)
        yield from self._see_time(candidate, pods, workload, at)

    def _see_starts(
        self,
        candidate: Candidate,
        pods: tuple[Pod, ...],
        at: float,
        *,
        was_before: bool,
    ) -> Iterator[Event]:
        """Its own program was started, or has died."""
        noted = candidate.noted
        mains = [main for pod in pods if (main := pod.find_main()) is not None]
        if candidate.started is None and any(pod.has_started for pod in pods):
            candidate.started = 0.0 if was_before else at
            yield Started(service=noted.name, at=at)
        deaths = sum(each.deaths for each in mains)
        if deaths > candidate.deaths and not was_before and not noted.is_job:
            ended = [each.ending for each in mains if each.ending is not None]
            last = max(ended, key=lambda each: each.at, default=None)
            code = None if last is None else last.exit_code
            yield Exited(service=noted.name, at=at, exit_code=code, restart_in=None)
        candidate.deaths = deaths

    def _end(self, candidate: Candidate, state: State, at: float) -> float:
        """It is ready, or finished; how long that took."""
        candidate.state = state
        candidate.trouble = None
        candidate.ready = at
        if candidate.started is None:
            candidate.started = at
        return at - candidate.started

    def _settle(self, candidate: Candidate, pods: tuple[Pod, ...], at: float) -> None:
        """What it is doing, and since when it waits for nothing."""
        has_started = any(pod.has_started for pod in pods)
        if candidate.state in FINE:  # it was ready, and is made again
            candidate.ready = None
            candidate.started = at if has_started else None
        candidate.state = State.STARTING if has_started else State.WAITING
        gates = [gate for pod in pods if (gate := pod.find_gate()) is not None]
        needed = (
            self.notes.find_object(gates[0].name.removeprefix(GATE)) if gates else None
        )
        candidate.waits_for = needed.name if needed is not None else ""
        if gates:
            candidate.idle_from = None
        elif candidate.idle_from is None:
            candidate.idle_from = at

    def _see_time(
        self,
        candidate: Candidate,
        pods: tuple[Pod, ...],
        workload: Workload,
        at: float,
    ) -> Iterator[Event]:
        """Whether it has taken too long."""
        noted, limit = candidate.noted, self.limit
        if limit is not None:
            if at >= limit:
                reason = f"{noted.name} is not ready within {format_duration(limit)}"
                yield self._fail(candidate, Failure(service="", reason=reason), at)
            return
        if candidate.state is State.STARTING and candidate.started is not None:
            is_over = at >= candidate.started + noted.boot
            if is_over and workload.kind is not Kind.JOB:
                reason = describe_delay(noted)
                yield self._fail(candidate, Failure(service="", reason=reason), at)
            return
        if candidate.idle_from is None:
            return
        is_placed = any(pod.containers for pod in pods)
        patience = PREPARING if is_placed else max(noted.boot, 30.0)
        if at - candidate.idle_from >= patience:
            where = "is not started" if is_placed else "is on no node"
            reason = f"{noted.name} {where} after {format_duration(patience)}"
            yield self._fail(candidate, Failure(service="", reason=reason), at)

    def _fail(self, candidate: Candidate, failure: Failure, at: float) -> Event:
        name = candidate.noted.name
        candidate.state = State.FAILED
        candidate.failure = Failure(
            service=name,
            reason=failure.reason,
            exit_code=failure.exit_code,
            cause=failure.cause,
            cause_name=failure.cause_name,
            help=failure.help,
        )
        return Failed(
            service=name,
            at=at,
            failure=candidate.failure,
            is_required=candidate.noted.is_required,
            dependents=self.notes.list_dependents(name),
        )

    def list_ready(self) -> frozenset[str]:
        """The services that are up now."""
        return frozenset(
            name for name, each in self.candidates.items() if each.state in FINE
        )

    def list_boots(self) -> tuple[Boot, ...]:
        """The boot as it was seen."""
        return tuple(
            Boot(
                service=name,
                created=each.created,
                started=each.started,
                ready=each.ready,
                waited_for=tuple(need.service for need in each.noted.needs),
            )
            for name, each in self.candidates.items()
            if each.state is not State.EXCLUDED
        )

    def describe_progress(self, at: float) -> Progress:
        """How far every service is."""
        return Progress(
            at=at,
            standings=tuple(
                Standing(
                    service=name,
                    state=each.state,
                    boot=each.noted.boot,
                    started=each.started,
                    ready=each.ready,
                    waits_for=(each.waits_for,) if each.waits_for else (),
                )
                for name, each in self.candidates.items()
            ),
        )


def describe_delay(noted: NotedService) -> str:
    """One that was not ready in time, in a sentence."""
    boot = format_duration(noted.boot)
    state = "healthy" if noted.is_asked else "running"
    return f"{noted.name} is not {state} within {boot}"


def describe_trouble(noted: NotedService, trouble: Trouble, older: int = 0) -> Failure:
    """What is wrong with a service as a failure.

    ``older`` counts the pods of an earlier template that serve meanwhile.
    """
    pods = "1 pod" if older == 1 else f"{older} pods"
    serving = f"; {pods} of before still serve" if older else ""
    if older == 1:
        serving = f"{serving}s"
    return Failure(
        service=noted.name,
        reason=f"{trouble.reason}{serving}",
        exit_code=trouble.exit_code,
        cause=trouble.cause.text,
        cause_name=trouble.cause.name,
        help=trouble.cause.help,
    )
