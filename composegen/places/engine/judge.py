"""Whether a stack comes up: the engine's events become ours and a verdict.

It does no input or output and never waits; times are seconds on one clock, passed in.

The rules: a required service's second death ends the boot, the first one of a job or of
a service that the engine does not start again, and 126 and 127 at once; an optional
service that does so fails, and may be excluded: what happens to it then does not count.
One that dies after it was ready gets its full boot again. A service with a health check
is ready when it is healthy, others when they have run for a second, or for ten if they
died before. A container that is replaced has not died: events of a container from an
earlier `up` are ignored until Compose has settled which of them stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from composegen.needs import Condition
from composegen.places.engine.asked import (
    adopt_helpers,
    describe_hopeless,
    hear_helper,
)
from composegen.places.engine.candidate import Candidate, Instance
from composegen.places.engine.containers import Container
from composegen.places.engine.deaths import Death, DeathBook
from composegen.places.engine.earlier import Earlier, adopt_container
from composegen.places.engine.happened import Action, Happened
from composegen.places.engine.helpers import fold_helpers
from composegen.places.engine.missed import Missed, find_next_look, is_overdue
from composegen.places.engine.notes import How, NotedFailure, Notes
from composegen.places.engine.wording import (
    HOPELESS,
    describe_briefly,
    describe_death,
    describe_delay,
    find_deadline,
)
from composegen.places.events import (
    Created,
    Event,
    Exited,
    Failed,
    Failure,
    Finished,
    Message,
    Ready,
    Started,
)
from composegen.places.status import FINE, State
from composegen.places.timeline import Boot
from composegen.planning.plan import Gate
from composegen.records import replace

_OVER = FINE | {State.EXCLUDED}
_ALIVE = FINE | {State.STARTING}


class Judge:
    """Follows the services of a boot; ``limit`` replaces every service's own deadline.

    All times are seconds since the boot began.
    """

    def __init__(self, notes: Notes, *, limit: float | None = None) -> None:
        self.notes = notes
        self.limit = limit
        self._earlier = Earlier()
        self._book = DeathBook()
        self.candidates: Mapping[str, Candidate] = {
            noted.name: Candidate(noted) for noted in notes.services
        }
        self._asked = {
            each.noted.helper: each
            for each in self.candidates.values()
            if each.noted.helper
        }
        self._missed = Missed(self.candidates, self._asked, began=notes.began)

    # What it has come to

    @property
    def failed(self) -> tuple[Failure, ...]:
        """The failures of required services: the stack cannot come up."""
        return tuple(
            each.failure
            for each in self.candidates.values()
            if each.failure is not None and each.noted.is_required
        )

    @property
    def is_done(self) -> bool:
        """Whether everything is ready or finished, or failed and is optional."""
        return all(
            each.state in _OVER
            or (each.state is State.FAILED and not each.noted.is_required)
            for each in self.candidates.values()
        )

    @property
    def failed_optional(self) -> Mapping[str, str]:
        """The optional services that have failed and are not excluded, and why."""
        return {
            name: describe_briefly(each, self.limit)
            for name, each in self.candidates.items()
            if each.state is State.FAILED
            and each.failure is not None
            and not each.noted.is_required
        }

    @property
    def settled(self) -> frozenset[str]:
        """The services of which Compose replaces no more containers."""
        return self._earlier.settled

    def list_waiting(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of some services that have not been started."""
        return tuple(
            name for name in names if self.candidates[name].state is State.WAITING
        )

    def is_open(self, gate: Gate) -> bool:
        """Whether what a gate waits for is so, and stays: Compose replaces it not."""
        candidate = self.candidates[gate.service]
        if candidate.state not in _ALIVE or not self._earlier.is_sure(candidate):
            return False
        return gate.condition is Condition.STARTED or candidate.state in FINE

    def runs_before(self, name: str) -> bool:
        """Whether a container of a service runs that an earlier `up` has made."""
        return self.candidates[name].runs_before

    @property
    def is_moving(self) -> bool:
        """Whether something that was started is neither ready nor failed."""
        return any(each.state is State.STARTING for each in self.candidates.values())

    @property
    def deaths(self) -> tuple[Death, ...]:
        """How each container died last, those from an earlier `up` too."""
        return tuple({death.id: death for death in self._book.deaths}.values())

    def list_failures(self, began: float) -> tuple[NotedFailure, ...]:
        """The failures to note, of optional services too.

        ``began`` is when the boot began, in seconds since 1970 on the engine's clock.
        """
        return tuple(
            replace(each.noted_failure, at=began + each.noted_failure.at)
            for each in self.candidates.values()
            if each.failure is not None
            and each.noted_failure is not None
            and each.state is not State.EXCLUDED
        )

    def list_boots(self) -> tuple[Boot, ...]:
        """When each service was created, started and ready."""
        return tuple(each.boot for each in self.candidates.values())

    # What is seen

    def adopt(self, containers: Iterable[Container]) -> Iterator[Event]:
        """Take in the containers that are there before anything is done."""
        containers = tuple(containers)
        adopt_helpers(self._asked, containers)
        for container in fold_helpers(self.notes, containers):
            candidate = self.candidates.get(container.service)
            if candidate is None or candidate.state is State.EXCLUDED:
                continue
            instance = adopt_container(candidate, container)
            is_healthy = instance.is_running and container.health == "healthy"
            # Without a check it may be in a crash loop: it has to live for a second.
            if is_healthy and candidate.noted.is_asked and not candidate.noted.is_job:
                yield from self._see_ready(candidate, instance, 0.0)

    def see(self, happened: Happened, at: float) -> Iterator[Event]:
        """Take in what happened to a container; yield the events to report."""
        if happened.service in self._asked:
            yield from self._see_helper(self._asked[happened.service], happened, at)
            return
        candidate = self.candidates.get(happened.service)
        if candidate is None or candidate.state is State.EXCLUDED:
            return
        self._book.take(happened)
        instance = candidate.instances.get(happened.id)
        if instance is None:
            instance = Instance(id=happened.id, number=happened.number, created=at)
            candidate.instances[happened.id] = instance
        if instance.is_leaving and happened.action is Action.DIE:
            candidate.cleared = at
        if not instance.is_gone:
            yield from self._see(candidate, instance, happened, at)

    def _see(
        self,
        candidate: Candidate,
        instance: Instance,
        happened: Happened,
        at: float,
    ) -> Iterator[Event]:
        match happened.action:
            case Action.CREATE:
                yield from self._see_create(candidate, instance, at)
            case Action.START:
                yield from self._see_start(candidate, instance, at)
            case Action.HEALTH if candidate.noted.helper:
                pass  # the image's own check, which nothing waits for
            case Action.HEALTH if happened.health == "healthy":
                yield from self._see_ready(candidate, instance, at)
            case Action.KILL if happened.is_end_asked:
                yield from self._earlier.see_end_asked(candidate, instance, at)
            case Action.OUT_OF_MEMORY:
                yield Message(service=happened.service, at=at, text="is out of memory")
            case Action.DIE:
                yield from self._see_death(candidate, instance, happened, at)
            case Action.DESTROY:
                instance.is_gone = True

    def _see_helper(
        self, candidate: Candidate, happened: Happened, at: float
    ) -> Iterator[Event]:
        """Take in what happened to the container that asks a service from outside."""
        if candidate.state is State.EXCLUDED:
            return
        if hear_helper(candidate, happened, at):
            for instance in candidate.list_here():
                if instance.alive_since is not None:
                    yield from self._see_ready(candidate, instance, at)
        reason = describe_hopeless(candidate, happened)
        if reason and candidate.failure is None:
            yield from self._fail(candidate, at, How.DIED, reason)

    def compare(self, containers: Iterable[Container], at: float) -> Iterator[Event]:
        """Take in what a look at the containers shows and no event has said."""
        for happened in self._missed.find(containers):
            yield from self.see(happened, at)

    def settle(self, names: Iterable[str] | None = None) -> None:
        """Compose replaces no more of some services, or of all: what is there stays."""
        self._earlier.settle(self.candidates if names is None else names)

    def exclude(self, name: str) -> None:
        """A service is excluded: what happens to it from now on does not count."""
        self.candidates[name].state = State.EXCLUDED

    def _see_create(
        self, candidate: Candidate, instance: Instance, at: float
    ) -> Iterator[Event]:
        waiting = tuple(self._earlier.see_create(candidate, instance, at))
        if candidate.created is None:
            candidate.created = at
            yield Created(service=candidate.noted.name, at=at)
        yield from waiting

    def _see_start(
        self, candidate: Candidate, instance: Instance, at: float
    ) -> Iterator[Event]:
        instance.alive_since = at
        instance.ready = None
        if instance.started is None:
            instance.started = at
        candidate.begin(at)
        if candidate.failure is None:
            candidate.state = State.STARTING
        name = candidate.noted.name
        yield Started(service=name, at=at, restarts=instance.deaths)

    def _see_ready(
        self, candidate: Candidate, instance: Instance, at: float
    ) -> Iterator[Event]:
        instance.ready = at
        noted = candidate.noted
        if candidate.state in FINE or not candidate.is_whole:
            return
        was_failed = candidate.failure is not None
        candidate.state = State.READY
        candidate.failure = None
        candidate.ready = at
        if was_failed:
            yield Message(service=noted.name, at=at, text="is healthy again")
        started = candidate.started
        yield Ready(
            service=noted.name,
            at=at,
            after=at - (started or 0.0),
            is_asked=noted.is_asked,
            ran_before=started == at == 0.0,
        )

    def _see_death(
        self,
        candidate: Candidate,
        instance: Instance,
        happened: Happened,
        at: float,
    ) -> Iterator[Event]:
        noted = candidate.noted
        code = happened.exit_code or 0
        instance.alive_since = None
        instance.ready = None
        if self._earlier.may_go(noted.name, instance):
            candidate.lose()
            return
        instance.exit_code = code
        if noted.is_job and code == 0:
            candidate.state = State.FINISHED
            candidate.ready = at
            started = candidate.started or 0.0
            yield Finished(service=noted.name, at=at, after=at - started)
            return
        instance.deaths += 1
        if candidate.ready is not None:
            # It became ready in time, so it gets its full boot again.
            candidate.boots_from = at
        candidate.ready = None
        if candidate.failure is not None:
            return
        candidate.state = State.STARTING
        comes_back = noted.is_restarted and not noted.is_job
        comes_back = comes_back and not (noted.on_failure and code == 0)
        is_last = not comes_back or instance.deaths > 1 or code in HOPELESS
        was_stopped = self._book.deaths[-1].was_stopped
        if not is_last and not was_stopped:
            yield Exited(service=noted.name, at=at, exit_code=code, restart_in=None)
            return
        if was_stopped:
            reason = f"{noted.name} was stopped from outside composegen"
            yield from self._fail(candidate, at, How.STOPPED, reason, instance)
        else:
            reason = describe_death(instance, code, noted)
            yield from self._fail(candidate, at, How.DIED, reason, instance)

    # What time brings

    def look(self, at: float) -> Iterator[Event]:
        """Let time pass: who has lived long enough, who has taken too long."""
        for candidate in self.candidates.values():
            if candidate.state is not State.STARTING:
                continue
            for instance in candidate.list_here():
                alive, proof = instance.alive_since, candidate.find_proof(instance)
                if instance.ready is None and alive is not None and at >= alive + proof:
                    events = tuple(self._see_ready(candidate, instance, at))
                    self._earlier.withhold(candidate, instance, events)
        yield from self.release()
        for candidate in self.candidates.values():
            if candidate.state is not State.STARTING:
                continue
            if at >= find_deadline(candidate, self.limit):
                reason = describe_delay(candidate, self.limit)
                yield from self._fail(candidate, at, How.LATE, reason)
        if self.limit is not None and at >= self.limit:
            yield from self._fail_waiting(at)

    def _fail_waiting(self, at: float) -> Iterator[Event]:
        """The one deadline for all is over: what waits has not been started."""
        for candidate in self.candidates.values():
            if candidate.state is State.WAITING and candidate.failure is None:
                reason = f"{candidate.noted.name} was not started"
                yield from self._fail(candidate, at, How.UNSTARTED, reason)

    def release(self) -> Iterator[Event]:
        """What is ready and stays: of an old container once Compose has left it."""
        yield from self._earlier.release()

    def is_overdue(self, at: float) -> bool:
        """Whether the next look would find that a service has taken too long."""
        return is_overdue(self.candidates.values(), self.limit, at)

    def find_next(self, at: float) -> float:
        """When the next look could change anything, at most a minute off."""
        return find_next_look(self.candidates.values(), self.limit, at)

    def _fail(
        self,
        candidate: Candidate,
        at: float,
        how: How,
        reason: str,
        instance: Instance | None = None,
    ) -> Iterator[Event]:
        failure = candidate.fail(at, how, reason, instance)
        yield Failed(
            service=failure.service,
            at=at,
            failure=failure,
            is_required=candidate.noted.is_required,
            dependents=self.notes.list_dependents(failure.service),
        )

    def fail_start(self, service: str, reason: str, at: float) -> Iterator[Event]:
        """A container of a service could not be started at all."""
        candidate = self.candidates.get(service)
        if candidate is not None and candidate.failure is None:
            yield from self._fail(candidate, at, How.UNSTARTED, reason)
