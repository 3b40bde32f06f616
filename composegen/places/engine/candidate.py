"""One service on its way up: its containers, and what they have come to.

Times are seconds since the boot began.
"""

from __future__ import annotations

from collections.abc import Iterable

from composegen.places.engine.notes import How, NotedFailure, NotedService
from composegen.places.engine.status import STEADY_FOR, find_proof
from composegen.places.events import Failure
from composegen.places.status import State
from composegen.places.timeline import Boot
from composegen.records import record


@record(frozen=False)
class Instance:
    """One container of a service, as far as it was seen."""

    id: str
    number: int = 1
    created: float | None = None
    started: float | None = None
    alive_since: float | None = None
    ready: float | None = None
    deaths: int = 0
    exit_code: int | None = None
    is_gone: bool = False
    was_there: bool = False
    is_leaving: bool = False

    @property
    def is_running(self) -> bool:
        """Whether its process is there."""
        return self.alive_since is not None


class Candidate:
    """One service on its way up; its ``boot`` is counted from ``boots_from``.

    ``cleared`` is when its old container had stopped, to make room for a new one.
    ``helper`` is the container that asks it from outside, ``answered`` since when that
    gets the right answer.
    """

    def __init__(self, noted: NotedService) -> None:
        self.noted = noted
        self.state = State.WAITING
        self.failure: Failure | None = None
        self.noted_failure: NotedFailure | None = None
        self.created: float | None = None
        self.started: float | None = None
        self.ready: float | None = None
        self.boots_from: float | None = None
        self.cleared: float | None = None
        self.instances: dict[str, Instance] = {}
        self.helper = ""
        self.answered: float | None = None

    def list_here(self) -> list[Instance]:
        """The containers that have not been removed."""
        return [each for each in self.instances.values() if not each.is_gone]

    def find_lacking(self) -> Instance | None:
        """The first of its containers that is not ready; None where all are."""
        return next((each for each in self.list_here() if each.ready is None), None)

    def count_ready(self) -> int:
        """How many of its containers are ready."""
        return sum(each.ready is not None for each in self.list_here())

    @property
    def is_whole(self) -> bool:
        """Whether as many of its containers are ready as there shall be."""
        return self.count_ready() >= self.noted.replicas

    @property
    def runs_before(self) -> bool:
        """Whether a container of it runs that an earlier `up` has made."""
        return any(each.was_there and each.is_running for each in self.list_here())

    def begin(self, at: float) -> None:
        """Let its time begin, unless it has."""
        if self.created is None:
            self.created = at
        if self.started is None:
            self.started = self.boots_from = at

    def lose(self) -> None:
        """Let one make room for another, or be one too many."""
        if self.is_whole:
            return
        self.ready = None
        if any(each.is_running for each in self.list_here()):
            self.state = State.STARTING
        else:
            self.state = State.WAITING
            self.started = self.boots_from = None

    def forget(self, instance: Instance) -> None:
        """Forget a container that another one replaces: it boots again."""
        instance.is_gone = True
        self.failure = None
        self.state = State.WAITING
        self.created = self.started = self.boots_from = self.ready = None

    def fail(
        self, at: float, how: How, reason: str, instance: Instance | None = None
    ) -> Failure:
        """Let it fail, by one of its containers where it is known which."""
        self.state = State.FAILED
        name = self.noted.name
        here = instance or self.find_lacking()
        code = instance.exit_code if instance is not None else None
        self.failure = Failure(service=name, reason=reason, exit_code=code)
        self.noted_failure = NotedFailure(
            service=name,
            how=how,
            at=at,
            reason=reason,
            id="" if here is None else here.id,
            exit_code=code,
        )
        return self.failure

    @property
    def boot(self) -> Boot:
        """When it was created, started and ready."""
        return Boot(
            service=self.noted.name,
            created=self.created,
            started=self.started,
            ready=self.ready,
            cleared=self.cleared,
            waited_for=tuple(need.service for need in self.noted.needs),
        )

    def find_proof(self, instance: Instance) -> float:
        """For how long a container has to run to be ready by that alone, in seconds.

        A helper that gets the right answer before and after a restart does not say it
        again, so the container has to run for as long as one that died.
        """
        if self.noted.helper and self.answered is not None:
            return STEADY_FOR
        if self.noted.is_asked or self.noted.is_job:
            return float("inf")
        return find_proof(instance.deaths)


def list_excluded_failures(
    candidates: Iterable[Candidate],
) -> tuple[NotedFailure, ...]:
    """How excluded services have failed that did so by themselves."""
    return tuple(
        each.noted_failure
        for each in candidates
        if each.state is State.EXCLUDED and each.noted_failure is not None
    )
