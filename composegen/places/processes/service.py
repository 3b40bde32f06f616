"""One service of a run as a state machine; its methods are the transitions.

A transition sets the fields that belong together, wakes the gates that wait for the
service, and returns the event to report. Nothing else sets a field. The transitions
that are possible in each state::

    waiting   waits_for, starts, gave_up
    starting  waits_for, starts, reused, started, exited, became_ready, finished,
              gave_up, and after an exit: pauses, tries_again
    ready     became_unhealthy, recovered, died
    any       answered, stopped; and stopped_by_user, before ``stopped``; excluded

``died`` leads to *starting* again where the service is restarted. The states in which
it ends are *finished*, *failed* and *stopped*; ``stopped`` keeps the first two. From
each of them ``started_by_user`` leads to *waiting*, and from *stopped*
``starts_otherwise`` to *starting*; there it may be ``set_aside``. An impossible
transition is a fault of composegen and raises AssertionError.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, TypeVar

from composegen.places.events import (
    BecameUnhealthy,
    Event,
    Excluded,
    Exited,
    Failed,
    Failure,
    Finished,
    HealthyAgain,
    Message,
    Ready,
    Reused,
    Started,
    Stopped,
)
from composegen.places.processes.claims import Found
from composegen.places.processes.plan import Way
from composegen.places.processes.units import Unit
from composegen.places.status import BY_USER, FINE, State, format_now
from composegen.places.timeline import Boot
from composegen.records import replace
from composegen.system.identity import find_start_time, read_command
from composegen.system.process import Process

_Kind = TypeVar("_Kind", bound=Event)


class RunningService:
    """One service as it is right now; ``begin`` is the run's, on the monotonic clock.

    ``outcome`` holds how its first start ended: None where it came up, else why not.
    ``away_since`` is when it was last well, while it is not, and ``again_at`` when it
    is started again, both on the same clock; ``closed_gates`` are the services that it
    waits for. ``failed_again`` says that its last restart failed too. ``by`` is set
    from the moment at which the user stops it. ``well_since`` is since when it is well,
    ``without`` are the services that its process was started without, and
    ``exclusion`` is why it is excluded, None where it is not. ``log_first`` is the byte
    of its log at which the lines of this run begin.
    """

    def __init__(
        self, unit: Unit, *, dependents: tuple[str, ...] = (), begin: float = 0.0
    ) -> None:
        self.unit = unit
        self.dependents = dependents
        self.state = State.WAITING
        self.health: str | None = None
        self.process: Process | None = None
        self.log_first: int | None = None
        self.found: Found | None = None
        self.since = format_now()
        self.restarts = 0
        self.failed_again = False
        self.exit_code: int | None = None
        self.failure: Failure | None = None
        self.again_at: float | None = None
        self.last_answer = ""
        self.away_since: float | None = None
        self.closed_gates: tuple[str, ...] = ()
        self.by: str | None = None
        self.well_since: float | None = None
        self.without: frozenset[str] = frozenset()
        self.exclusion: str | None = None
        self.boot = Boot(service=unit.name, created=0.0)
        self.outcome: asyncio.Future[Failure | None] = _make_future()
        self._begin = begin
        self._was_stopped = False
        self._changes: set[asyncio.Future[None]] = set()

    @property
    def name(self) -> str:
        """Its name in the stack file."""
        return self.unit.name

    @property
    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._begin

    @property
    def pid(self) -> int | None:
        """The process that serves, ours or not."""
        if self.process is not None and self.process.is_alive:
            return self.process.pid
        return self.found.pid if self.found is not None else None

    @property
    def is_well(self) -> bool:
        """Whether it does at this moment what its dependent services need."""
        is_fine = self.state in FINE and self.health != "unhealthy"
        return is_fine and self.by is None

    # Its start

    def waits_for(self, names: tuple[str, ...]) -> Message | None:
        """Gates are closed, or none is any more; the first time is not reported."""
        self._expect(State.WAITING, State.STARTING)
        is_new = bool(names) and not self.closed_gates
        self.closed_gates = names
        if not is_new or (self.failure is None and not self._was_stopped):
            return None
        then = " before it restarts" if self.failure is not None else ""
        return self._make(Message, text=f"waits for {', '.join(names)}{then}")

    def starts(self) -> None:
        """Its gates are open; the first time, its boot begins."""
        self._expect(State.WAITING, State.STARTING)
        if self.boot.started is None:
            waited_for = tuple(gate.service for gate in self.unit.step.gates)
            self.boot = replace(self.boot, started=self.now, waited_for=waited_for)
        self._enter(State.STARTING, "starting" if self.unit.probe.can_ask else "none")

    def answered(self, answer: str) -> bool:
        """What its health check got instead of a good answer; whether the first."""
        is_first = not self.last_answer
        self.last_answer = answer
        return is_first

    def reused(self, found: Found) -> Reused:
        """A process that is not ours serves."""
        self._expect(State.STARTING)
        self.found = found
        self.process = None
        self.without = frozenset()
        since = find_start_time(found.pid) if found.pid is not None else None
        return self._make(
            Reused,
            pid=found.pid,
            command=read_command(found.pid) if found.pid is not None else "",
            since=_format_time(since),
            note=found.note,
        )

    def started(
        self, process: Process, without: frozenset[str] = frozenset()
    ) -> Started:
        """It runs as this process and is not ready yet."""
        self._expect(State.STARTING)
        self.found = None
        self.without = without
        self.process = process
        if self.log_first is None or process.log_start < self.log_first:
            self.log_first = process.log_start  # the log was moved aside since
        self.exit_code = None
        self.last_answer = ""
        self._wake(was_well=self.is_well)
        return self._make(
            Started,
            pid=process.pid,
            command=" ".join(process.launch.command),
            restarts=self.restarts,
        )

    def became_ready(self, after: float) -> Ready:
        """It does what is asked of it, ``after`` seconds of booting."""
        self._expect(State.STARTING)
        is_asked = self.unit.probe.can_ask and self.unit.way is not Way.COMMAND
        self._note_boot()
        self.failure = None
        self.failed_again = False
        self._enter(State.READY, "healthy" if is_asked else "none")
        return self._make(Ready, after=after, address=self.unit.address)

    def exited(self, code: int) -> None:
        """A job has ended; what else runs of it is being stopped."""
        self._expect(State.STARTING)
        self.exit_code = code

    def finished(self, after: float) -> Finished:
        """A job has run to its end and nothing is left of it."""
        self._expect(State.STARTING)
        self._note_boot()
        self._enter(State.FINISHED)
        return self._make(Finished, after=after)

    def gave_up(self, failure: Failure) -> Failed:
        """Its start failed and is not tried again."""
        self._expect(State.WAITING, State.STARTING)
        self.failure = failure
        self.exit_code = failure.exit_code
        self._enter(State.FAILED)
        return self._make(
            Failed,
            failure=failure,
            is_required=self.unit.step.is_required,
            dependents=self.dependents,
        )

    # While it runs

    def became_unhealthy(self, answer: str) -> BecameUnhealthy:
        """It runs and no longer answers its health check."""
        self._expect(State.READY)
        assert self.health != "unhealthy", f"{self.name}: it was unhealthy before"
        self.last_answer = answer
        self._change_health("unhealthy")
        return self._make(BecameUnhealthy, reason=answer)

    def recovered(self) -> HealthyAgain:
        """It answers its health check again."""
        self._expect(State.READY)
        assert self.health == "unhealthy", f"{self.name}: it was healthy before"
        self._change_health("healthy")
        return self._make(HealthyAgain)

    def died(
        self, code: int | None, failure: Failure | None, *, restart_in: float | None
    ) -> Exited:
        """It ended after it was ready; no code where its process is not ours.

        ``restart_in`` is None where it is not restarted.
        """
        self._expect(State.READY)
        self.exit_code = code
        self.found = None
        self.failure = failure
        if restart_in is not None:
            self._enter(State.STARTING)
        else:
            self._enter(State.STOPPED if code == 0 else State.FAILED)
        return self._make(
            Exited, exit_code=code, restart_in=restart_in, dependents=self.dependents
        )

    def pauses(self, seconds: float, failure: Failure | None = None) -> Message | None:
        """It is started again later; ``failure`` is that of the last restart."""
        self._expect(State.STARTING)
        self.again_at = time.monotonic() + seconds
        self._wake(was_well=False)
        if failure is None:
            return None
        self.failure = failure
        self.failed_again = True
        cause = f" ({failure.cause})" if failure.cause else ""
        text = f"{failure.reason}{cause}; next try in {seconds:g} s"
        return self._make(Message, text=text)

    def tries_again(self) -> None:
        """Its pause is over."""
        self._expect(State.STARTING)
        self.again_at = None
        self.restarts += 1

    # Its end, and another beginning

    def stopped_by_user(self) -> None:
        """The user stops it: it counts as away while it is being stopped."""
        self._expect(State.WAITING, State.STARTING, State.READY)
        was_well = self.is_well
        self.by = BY_USER
        if not self.outcome.done():
            self.outcome.set_result(None)
        if self.away_since is None:
            self.away_since = time.monotonic()
        self._wake(was_well=was_well)

    def stopped(self, left: tuple[int, ...]) -> Stopped:
        """It was stopped; ``left`` are its processes that could not be killed."""
        self.found = None
        if self.by is not None:
            self.failure = self.again_at = self.exit_code = None
            self.closed_gates, self.last_answer = (), ""
        if self.state not in {State.FAILED, State.FINISHED, State.STOPPED}:
            self._enter(State.STOPPED)
        return self._make(Stopped, left=left, by=self.by or "")

    def started_by_user(self) -> None:
        """The user starts it again: it waits for its gates as at its first start."""
        self._expect(State.STOPPED, State.FAILED, State.FINISHED)
        self.by = self.failure = self.again_at = self.exit_code = None
        self.exclusion = None
        self.restarts = 0
        self.last_answer = ""
        self._was_stopped = True
        self._enter(State.WAITING)

    def starts_otherwise(self) -> None:
        """It was stopped to be started with or without a service that it needs."""
        self._expect(State.STOPPED)
        self.restarts += 1
        self._enter(State.STARTING)

    def excluded(self, reason: str, instead: tuple[str, ...]) -> Excluded:
        """It is optional and failed, or what it requires did; it is not tried again.

        One that has not failed by itself is stopped after that.
        """
        self.exclusion = reason
        if not self.outcome.done():
            text = f"{self.name} is excluded: {reason}"
            self.outcome.set_result(Failure(service=self.name, reason=text))
        return self._make(Excluded, reason=reason, instead=instead)

    def set_aside(self, reason: str) -> None:
        """The user has stopped it, and it counts as excluded until it is started."""
        self._expect(State.STOPPED)
        self.by = None
        self.exclusion = reason
        self._wake(was_well=False)

    # What transitions share

    def _expect(self, *states: State) -> None:
        assert self.state in states, f"{self.name}: impossible while {self.state}"

    def _make(self, kind: type[_Kind], **facts: Any) -> _Kind:
        return kind(service=self.name, at=self.now, **facts)

    def _enter(self, state: State, health: str | None = None) -> None:
        was_well = self.is_well
        self.state = state
        self.since = format_now()
        self.health = health
        if not self.outcome.done() and (state in FINE or state is State.FAILED):
            self.outcome.set_result(self.failure)
        self._wake(was_well=was_well)

    def _change_health(self, health: str) -> None:
        was_well = self.is_well
        self.health = health
        self._wake(was_well=was_well)

    def _note_boot(self) -> None:
        if self.boot.ready is None:
            self.boot = replace(self.boot, ready=self.now)

    def _wake(self, *, was_well: bool) -> None:
        if self.is_well:
            self.away_since = None
            self.well_since = self.well_since or time.monotonic()
        else:
            self.well_since = None
            if was_well:
                self.away_since = time.monotonic()
        changes, self._changes = self._changes, set()
        for change in changes:
            if not change.done():
                change.set_result(None)

    def wait_for_change(self) -> asyncio.Future[None]:
        """A future that is done after the next transition."""
        change: asyncio.Future[None] = _make_future()
        self._changes.add(change)
        return change


def _make_future() -> asyncio.Future[Any]:
    return asyncio.get_running_loop().create_future()


def _format_time(moment: float | None) -> str:
    return "" if moment is None else time.strftime("%H:%M", time.localtime(moment))
