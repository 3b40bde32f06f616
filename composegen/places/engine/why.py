"""Why services are not up on the Docker engine: looks, follows the needs, concludes.

What `up` has judged and what is seen later go the same way, so that both say the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from composegen.places.cause import UNKNOWN, Cause
from composegen.places.engine.advice import advise, write_longer_boot
from composegen.places.engine.cause import CauseName
from composegen.places.engine.causes import find_cause
from composegen.places.engine.complaints import explain_complaint
from composegen.places.engine.containers import Container, Status
from composegen.places.engine.describing import describe_check, describe_state
from composegen.places.engine.evidence import Evidence, Looking
from composegen.places.engine.gathering import Gatherer
from composegen.places.engine.notes import (
    How,
    NotedFailure,
    NotedService,
    Notes,
)
from composegen.places.engine.reach import Reach, explain_unreached
from composegen.places.engine.renewal import is_outdated
from composegen.places.engine.status import (
    STOPPED_WITH,
    EngineSeen,
    find_state,
    holds_failure,
    make_seen,
)
from composegen.places.events import Failure
from composegen.places.excluded import explain_exclusion
from composegen.places.reasons import (
    LAST_LINES,
    Reason,
    explain_stop,
    explain_unselected,
    follow_needs,
)
from composegen.places.status import FINE, State
from composegen.records import replace
from composegen.values import format_duration

_GO_ON = "continue: composegen up"
_INTERRUPTED = "`composegen up` was interrupted before that"
_RENEW = (
    "this container is of an older definition, and `composegen up` ended before it "
    "was renewed: composegen up"
)


def find_engine_reasons(
    engine: Looking,
    notes: Notes,
    folder: Path,
    *,
    service: str = "",
    among: Iterable[str] = (),
) -> list[Reason]:
    """Why a service, or any where none is named, is not up; empty when all is well.

    ``among`` are services that failed a moment ago: they have a reason in any case.
    """
    containers = engine.list_containers(notes.project)
    seen = make_seen(notes, containers, engine.read_clock())
    doctor = _Doctor(engine, notes, folder, seen, frozenset(among))
    names = (service,) if service else notes.names
    found = doctor.find_reasons(names, is_named=bool(service))
    return found or doctor.recall_complaint(service)


class _Doctor:
    """Looks at a project once, and says of each service what is wrong with it."""

    def __init__(
        self,
        engine: Looking,
        notes: Notes,
        folder: Path,
        seen: EngineSeen,
        failed: frozenset[str],
    ) -> None:
        self.engine = engine
        self.notes = notes
        self.seen = seen
        self.failed = failed
        self.evidence = Gatherer(engine, notes, folder, seen)

    def find_reasons(self, names: Iterable[str], *, is_named: bool) -> list[Reason]:
        found: dict[str, Reason] = {}
        names = tuple(names)
        own = [each for each in self.seen.containers if each.service in names]
        named = names[0] if is_named else ""
        unreached = Reach(self.notes).look(self.engine, own, named=named)
        for name in names:
            noted = self.notes.find(name)
            if noted is None:
                found |= {r.service: r for r in self._explain_unselected(name)}
                continue
            if not self._is_fine(name):
                chain = follow_needs(name, self._find_blocking)
                if chain[-1] not in found:
                    found[chain[-1]] = self._explain(chain)
            elif name in unreached:
                found[name] = Reason(
                    chain=(name,),
                    status=self.seen.find(name),
                    failure=explain_unreached(noted, unreached[name]),
                )
        # What Compose complained of comes before what was not begun for its sake.
        return sorted(
            found.values(), key=lambda each: not self._was_refused(each.service)
        )

    def recall_complaint(self, service: str) -> list[Reason]:
        """What the last `up` could not do although all is up, while it is still so.

        It is, until a container is started after it. Where a ``service`` is named, it
        has to be about that one.
        """
        notes = self.notes
        is_newer = any(
            (each.started_at or 0.0) > notes.complained_at
            for each in self.seen.containers
        )
        if not notes.complaint or not self.seen.containers or is_newer:
            return []
        refused = [each for each in notes.failures if each.how is How.REFUSED]
        blamed = next((each.service for each in refused), "")
        if service and blamed != service:
            return []
        noted = notes.find(blamed)
        failure = explain_complaint(self.engine, noted, notes.complaint)
        if noted is None:
            return [Reason(failure=failure)]
        as_before = f"{blamed} was not renewed: it runs as before"
        return [
            Reason(
                chain=(blamed,),
                status=self.seen.find(blamed),
                failure=replace(failure, reason=as_before),
            )
        ]

    def _explain_unselected(self, name: str) -> list[Reason]:
        """Why a service takes no part: it was excluded before anything was started."""
        help = f"include it: composegen up --with {name}"
        return [
            explain_unselected(self.seen.find(name), each["instead"], help)
            for each in self.notes.left_out
            if each["service"] == name
        ]

    def _is_fine(self, name: str) -> bool:
        return self.seen.find(name).state in FINE and name not in self.failed

    def _find_blocking(self, name: str) -> list[str]:
        """What keeps a service from starting: what it needs and is not up."""
        own = self.seen.list_containers(name)
        if self._was_refused(name) or not all(each.was_never_started for each in own):
            return []
        noted = self.notes.find(name)
        needs = noted.needs if noted is not None else ()
        return [
            each.service
            for each in needs
            if not self._is_fine(each.service)
            and not (each.is_optional and self._is_given_up(each.service))
        ]

    def _was_refused(self, name: str) -> bool:
        """Whether Compose has said why it did not start it, whatever it needs."""
        noted = self.notes.find(name)
        judged = self._find_judged(noted) if noted is not None else None
        is_refused = judged is not None and judged.how is How.REFUSED
        return is_refused and bool(self.notes.complaint)

    def _is_given_up(self, name: str) -> bool:
        """Whether services that need it optionally do not wait for it any more."""
        state = self.seen.find(name).state
        return state in {State.FAILED, State.STOPPED, State.EXCLUDED}

    # One service

    def _explain(self, chain: tuple[str, ...]) -> Reason:
        noted = self.notes.find(chain[-1])
        assert noted is not None
        status = self.seen.find(noted.name)
        if status.by is not None:
            return explain_stop(chain, status)
        exclusion = self.notes.find_exclusion(noted.name)
        if exclusion is not None and status.state is State.EXCLUDED:
            return explain_exclusion(
                chain, status, exclusion, up="composegen up", check=exclusion.check
            )
        judged = self._find_judged(noted)
        container = self._find_worst(noted, judged)
        if container is None or container.was_never_started:
            failure = self._explain_absence(noted, container, judged)
            return Reason(chain=chain, status=status, failure=failure)
        if self._was_being_replaced(container):
            failure = _explain_replacing(noted)
            return Reason(chain=chain, status=status, failure=failure)
        return self._explain_container(chain, noted, container, judged)

    def _explain_container(
        self,
        chain: tuple[str, ...],
        noted: NotedService,
        container: Container,
        judged: NotedFailure | None,
    ) -> Reason:
        """Why a container that was started is not up."""
        status = self.seen.find(noted.name)
        seen = self.evidence.gather(noted, container)
        cause = find_cause(seen)
        if is_outdated(self.notes, container):
            cause = replace(cause, help="\n".join(filter(None, (cause.help, _RENEW))))
        if status.state in FINE:
            status = replace(status, state=State.FAILED)
            is_late = self._is_late(noted.name)
            cause = _explain_late(noted) if is_late else _explain_recovered(noted)
        failure = Failure(
            service=noted.name,
            reason=self._choose_reason(seen, judged),
            exit_code=seen.container.exit_code if seen.has_died else status.exit_code,
            cause=cause.text,
            help=cause.help,
            cause_name=cause.name,
        )
        return Reason(
            chain=chain,
            status=status,
            failure=failure,
            check=describe_check(container),
            lines=seen.lines[-LAST_LINES:],
        )

    def _was_being_replaced(self, container: Container) -> bool:
        """Whether an `up` that was interrupted has stopped it to make a new one."""
        began = self.notes.began
        return (
            self.notes.interrupted
            and container.status is Status.EXITED
            and not container.error
            and container.exit_code in STOPPED_WITH
            and (container.created_at or 0.0) < began <= (container.finished_at or 0.0)
        )

    def _find_judged(self, noted: NotedService) -> NotedFailure | None:
        """What `up` judged of a service, if it is still so."""
        failure = self.notes.find_failure(noted.name)
        own = self.seen.list_containers(noted.name)
        state = self.seen.find(noted.name).state
        is_so = noted.name in self.failed or holds_failure(failure, own, state)
        return failure if is_so else None

    def _choose_reason(self, seen: Evidence, judged: NotedFailure | None) -> str:
        """What `up` judged, unless there is something newer to say."""
        is_new = judged is not None and seen.noted.name in self.failed
        is_over = judged is None or judged.how is How.DIED or seen.container.restarts
        if judged is None or (is_over and not is_new):
            return describe_state(seen)
        return judged.reason

    def _find_worst(
        self, noted: NotedService, judged: NotedFailure | None
    ) -> Container | None:
        own = self.seen.list_containers(noted.name)
        meant = [each for each in own if judged is not None and each.id == judged.id]
        broken = meant or [
            each
            for each in own
            if find_state(self.notes, noted, each, self.seen.now) not in FINE
        ]
        return next(iter(broken or own), None)

    def _explain_absence(
        self,
        noted: NotedService,
        container: Container | None,
        judged: NotedFailure | None,
    ) -> Failure:
        """It was not started: for what it needs, or for what Compose said."""
        if judged is not None and judged.how is How.REFUSED and self.notes.complaint:
            return explain_complaint(self.engine, noted, self.notes.complaint)
        if judged is not None:
            reason = judged.reason
        elif container is None:
            reason = f"{noted.name} has no container"
        else:
            reason = f"{noted.name} was not started"
        cause = self._find_hindrance(noted, container)
        return Failure(
            service=noted.name,
            reason=reason,
            cause=cause.text,
            help=cause.help,
            cause_name=cause.name,
        )

    def _find_hindrance(
        self, noted: NotedService, container: Container | None
    ) -> Cause:
        """Why one was not started whose needs are up, or that has none."""
        for need in noted.needs:
            slow = self.notes.find(need.service)
            if slow is not None and self._is_late(need.service):
                return _explain_late(slow)
        failed = [
            each
            for each in self.notes.failures
            if each.service != noted.name and self._is_required(each.service)
        ]
        if failed:
            return self._explain_failed(failed[0])
        if self.notes.complaint:
            complained = explain_complaint(self.engine, None, self.notes.complaint)
            said = complained.cause or complained.reason
            return _explain_end(said, complained.help, name=complained.cause_name)
        if self.notes.interrupted:
            return _explain_end(_INTERRUPTED)
        if container is None:
            return replace(UNKNOWN, help="bring it up: composegen up")
        if not noted.needs:
            return replace(UNKNOWN, help=_GO_ON)
        return _explain_end("what it needs is up now")

    def _explain_failed(self, failure: NotedFailure) -> Cause:
        """`up` came to its end for the sake of another one."""
        ended = f"`composegen up` ended before that, because of {failure.service}"
        if failure.how is not How.REFUSED or not self.notes.complaint:
            return _explain_end(ended)
        noted = self.notes.find(failure.service)
        complained = explain_complaint(self.engine, noted, self.notes.complaint)
        return _explain_end(
            f"{ended}: {complained.cause or complained.reason}", complained.help
        )

    def _is_required(self, name: str) -> bool:
        noted = self.notes.find(name)
        return noted is not None and noted.is_required

    def _is_late(self, name: str) -> bool:
        """Whether a service that is up now took longer than its boot."""
        noted, failure = self.notes.find(name), self.notes.find_failure(name)
        own = self.seen.list_containers(name)
        return (
            noted is not None
            and failure is not None
            and failure.how is How.LATE
            and any(_took_long(each, failure) for each in own)
        )


def _took_long(container: Container, failure: NotedFailure) -> bool:
    """Whether one that was late has come up after all, in the same start."""
    started = container.started_at or 0.0
    is_same = container.id == failure.id and not container.restarts
    return is_same and container.is_running and started < failure.at


def _explain_late(noted: NotedService) -> Cause:
    """It became ready after its boot had timed out."""
    boot = format_duration(noted.boot)
    return Cause(
        CauseName.LATE_BOOT,
        f"{noted.name} is up now: it took longer than its boot, {boot}",
        advise(noted, write_longer_boot(noted)),
    )


def _explain_recovered(noted: NotedService) -> Cause:
    """It failed, and was up when it was looked at."""
    return Cause(CauseName.UP_NOW, f"{noted.name} is up now", _GO_ON)


def _explain_replacing(noted: NotedService) -> Failure:
    """It was stopped to be replaced, and `up` did not come to that."""
    cause = _explain_end(_INTERRUPTED)
    return Failure(
        service=noted.name,
        reason=f"{noted.name} was stopped to be replaced",
        cause=cause.text,
        help=cause.help,
        cause_name=cause.name,
    )


def _explain_end(said: str, help: str = "", *, name: str = "") -> Cause:
    """`up` came to its end before it was started, perhaps for a cause of its own."""
    return Cause(name or CauseName.UP_ENDED, said, help or _GO_ON)
