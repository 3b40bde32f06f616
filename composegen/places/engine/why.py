"""Why services are not up on the Docker engine: looks, follows the needs, concludes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from composegen.places.engine.advice import advise, write_longer_boot
from composegen.places.engine.cause import UNKNOWN, CauseName
from composegen.places.engine.causes import find_cause
from composegen.places.engine.complaints import (
    PORT_TAKEN,
    explain_port,
    iterate_complaints,
)
from composegen.places.engine.containers import (
    Action,
    Container,
    Happened,
    Probe,
    Status,
)
from composegen.places.engine.gathering import Gatherer, Looking, find_holder
from composegen.places.engine.notes import NotedNeed, NotedService, Notes
from composegen.places.engine.reach import Reach, explain_unreached
from composegen.places.engine.status import EngineSeen, find_state, make_seen
from composegen.places.events import Failure
from composegen.places.reasons import Reason
from composegen.places.status import FINE, ServiceStatus, State
from composegen.records import replace
from composegen.text import strip_control
from composegen.values import format_duration

_READ_LINES = 200
_LAST_LINES = 20
_LAST_PROBES = 2
_WIDEST_OUTPUT = 300
_SPEAKS_OF = (
    r"target ([\w-]+):",
    r"> \[([\w-]+) ",
    r"^([\w-]+) Error ",
    r"[Ss]ervice \"?([\w-]+)",
    r"([\w-]+)",
)


def find_engine_reasons(
    engine: Looking,
    notes: Notes,
    folder: Path,
    *,
    service: str = "",
    failures: Mapping[str, Failure] | None = None,
) -> list[Reason]:
    """Why a service, or any where none is named, is not up; empty when all is well.

    ``failures`` are those that `up` has judged itself.
    """
    seen = make_seen(notes, engine.list_containers(notes.project))
    doctor = _Doctor(engine, notes, folder, seen, failures or {})
    names = [service] if service else [each.name for each in notes.services]
    return doctor.find_reasons(names, is_named=bool(service))


class _Doctor:
    """Looks at a project once, and says of each service what is wrong with it."""

    def __init__(
        self,
        engine: Looking,
        notes: Notes,
        folder: Path,
        seen: EngineSeen,
        failures: Mapping[str, Failure],
    ) -> None:
        self.engine = engine
        self.notes = notes
        self.seen = seen
        self.failures = failures
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
                continue
            if not self._is_fine(name):
                chain = self._follow_needs(name)
                if chain[-1] not in found:
                    found[chain[-1]] = self._explain(chain)
            elif name in unreached:
                found[name] = Reason(
                    chain=(name,),
                    status=self.seen.find(name),
                    failure=explain_unreached(noted, unreached[name]),
                )
        return list(found.values())

    def _is_fine(self, name: str) -> bool:
        return self.seen.find(name).state in FINE and name not in self.failures

    def _follow_needs(self, name: str) -> tuple[str, ...]:
        """From a service to the deepest one that blocks it."""
        chain = [name]
        while True:
            if self.seen.find(chain[-1]).state is not State.WAITING and not (
                self._never_was(chain[-1])
            ):
                return tuple(chain)
            noted = self.notes.find(chain[-1])
            needs: tuple[NotedNeed, ...] = noted.needs if noted is not None else ()
            blocked = [
                need.service
                for need in needs
                if need.service not in chain and not self._is_fine(need.service)
            ]
            if not blocked:
                return tuple(chain)
            chain.append(blocked[0])

    def _never_was(self, name: str) -> bool:
        return not self.seen.list_containers(name)

    # One service

    def _explain(self, chain: tuple[str, ...]) -> Reason:
        noted = self.notes.find(chain[-1])
        assert noted is not None
        status = self.seen.find(noted.name)
        container = self._find_worst(noted)
        if container is None:
            return self._explain_absence(chain, noted)
        if container.was_never_started and noted.name not in self.failures:
            failure = self._explain_wait(noted)
            return Reason(chain=chain, status=status, failure=failure)
        lines = self._read_lines(container)
        past = self.evidence.list_past(container)
        container = recall_death(container, past)
        cause = find_cause(self.evidence.gather(noted, container, lines, past))
        judged = self.failures.get(noted.name)
        failure = Failure(
            service=noted.name,
            reason=judged.reason if judged else describe_state(noted, container),
            exit_code=container.exit_code if container.restarts else status.exit_code,
            cause=cause.text,
            help=cause.help,
            cause_name=cause.name,
        )
        if judged is not None and status.state in FINE:
            failure = replace(failure, **_explain_late(noted))
            status = replace(status, state=State.FAILED)
        return Reason(
            chain=chain,
            status=status,
            failure=failure,
            check=describe_check(container),
            lines=lines[-_LAST_LINES:],
        )

    def _find_worst(self, noted: NotedService) -> Container | None:
        own = self.seen.list_containers(noted.name)
        broken = [each for each in own if find_state(noted, each) not in FINE]
        return next(iter(broken or own), None)

    def _read_lines(self, container: Container) -> tuple[str, ...]:
        read = self.engine.read_logs(container.id, _READ_LINES)
        return tuple(_clean(line) for line in read)

    def _explain_absence(self, chain: tuple[str, ...], noted: NotedService) -> Reason:
        failed = [each for each in map(self.notes.find, self.notes.failed) if each]
        failure = self.failures.get(noted.name)
        if failure is None and self.notes.complaint:
            if failed and noted not in failed:
                # Nothing was made of anybody, for the sake of this one.
                noted, chain = failed[0], (failed[0].name,)
            failure = explain_complaint(self.engine, noted, self.notes.complaint)
        if failure is None:
            failure = Failure(
                service=noted.name,
                reason=f"{noted.name} has no container",
                help="bring it up: composegen up",
            )
        status = self.seen.find(noted.name)
        return Reason(chain=chain, status=status, failure=failure)

    def _explain_wait(self, noted: NotedService) -> Failure:
        """It was not started, although everything that it needs is up."""
        reason = f"{noted.name} was not started"
        late = [each for each in noted.needs if each.service in self.notes.late]
        if not late:
            cause, help = "what it needs is up now", "continue: composegen up"
            return Failure(service=noted.name, reason=reason, cause=cause, help=help)
        slow = self.notes.find(late[0].service)
        assert slow is not None
        return replace(
            Failure(service=noted.name, reason=reason), **_explain_late(slow)
        )


def recall_death(container: Container, past: Iterable[Happened]) -> Container:
    """The container with the exit code of its last death, which it has forgotten."""
    codes = [each.exit_code for each in past if each.action is Action.DIE]
    return replace(container, exit_code=codes[-1] or 0) if codes else container


def describe_state(noted: NotedService, container: Container) -> str:
    """What a container that is not up does, in a sentence."""
    name = noted.name
    match container.status:
        case Status.CREATED if container.error:
            return f"{name} could not be started"
        case Status.CREATED:
            return f"{name} was not started"
        case Status.RESTARTING:
            return (
                f"{name} keeps exiting, last with exit code "
                f"{container.exit_code}, after {container.restarts} restarts"
            )
        case Status.RUNNING if container.restarts:
            return (
                f"{name} exited {container.restarts} "
                f"time{'s' * (container.restarts > 1)}, last with exit code "
                f"{container.exit_code}, and was restarted"
            )
        case Status.RUNNING if container.health == "unhealthy":
            return f"{name} runs and is unhealthy"
        case Status.RUNNING:
            return f"{name} runs and is not ready yet"
        case Status.PAUSED:
            return f"{name} is paused"
        case _:
            return f"{name} exited with {container.exit_code}"


def describe_check(container: Container) -> tuple[str, ...]:
    """What a health check runs, then its last outputs; empty where it passes."""
    is_asked = container.health not in {"none", "healthy"} and container.test
    if not is_asked or not container.is_running or container.restarts:
        return ()
    kind, *words = container.test
    shown = words[0] if kind == "CMD-SHELL" else " ".join(map(_quote, words))
    answers = map(_describe_probe, container.probes[-_LAST_PROBES:])
    return (_clean(shown), *dict.fromkeys(answers))


def _describe_probe(probe: Probe) -> str:
    """An answer in one line: the last of a traceback says what it was."""
    lines = [line for line in probe.output.splitlines() if line.strip()]
    said = _clean(lines[-1]).strip()[:_WIDEST_OUTPUT] if lines else "it printed nothing"
    return f"exit {probe.exit_code}: {said}"


def _quote(word: str) -> str:
    """A word as a person would type it: in the quotes that need the fewest escapes."""
    if "'" in word and not set('"$`\\!') & set(word):
        return f'"{word}"'
    return shlex.quote(word)


def _explain_late(noted: NotedService) -> dict[str, str]:
    """It became ready after its boot had timed out."""
    return {
        "cause": f"{noted.name} is up now: it took longer than its boot, "
        f"{format_duration(noted.boot)}",
        "help": advise(noted, write_longer_boot(noted)),
        "cause_name": CauseName.SLOW_BOOT,
    }


def _clean(text: str) -> str:
    return strip_control(text.replace("\n", " "))


# Compose's complaints


def explain_compose(
    engine: Looking,
    notes: Notes,
    folder: Path,
    lines: Iterable[str],
    *,
    among: Iterable[str] = (),
) -> list[Reason]:
    """Why Compose gave up: a container that could not start, else its own words.

    ``among`` are the services that it can be about, all where none is named.
    """
    said = [_clean(line).strip() for line in lines if line.strip()]
    complaint = "\n".join(said[-20:])
    found = engine.list_containers(notes.project)
    broken = {each.service for each in found if each.error}
    failures = {
        name: Failure(service=name, reason=f"{name} could not be started")
        for name in broken
        if notes.find(name) is not None
    }
    if failures:
        reasons = find_engine_reasons(engine, notes, folder, failures=failures)
        return [each for each in reasons if each.status.service in failures]
    noted = _find_service(notes, complaint, tuple(among))
    failure = explain_complaint(engine, noted, complaint)
    name = noted.name
    status = ServiceStatus(service=name, state=State.FAILED)
    return [Reason(chain=(name,), status=status, failure=failure)]


def explain_complaint(engine: Looking, noted: NotedService, complaint: str) -> Failure:
    """The failure that a complaint of Compose stands for."""
    from composegen.places.engine.compose import find_complaint

    reason = f"Compose: {find_complaint(complaint.splitlines())}"
    cause = next(iterate_complaints(complaint, noted.name), UNKNOWN)
    taken = PORT_TAKEN.search(complaint)
    if taken is not None:
        port = int(taken[1])
        cause = explain_port(noted, port, find_holder(engine, port))
    lines = () if cause.text else tuple(complaint.splitlines()[-_LAST_LINES:])
    return Failure(
        service=noted.name,
        reason=reason,
        cause=cause.text,
        help=cause.help,
        cause_name=cause.name,
        lines=lines,
    )


def _find_service(notes: Notes, complaint: str, among: tuple[str, ...]) -> NotedService:
    """The service that a complaint speaks of, or the first that it can be about."""
    named = [each for each in notes.services if not among or each.name in among]
    names = [each.name for each in named]
    for pattern in _SPEAKS_OF if len(names) > 1 else ():
        for match in re.finditer(pattern, complaint, re.MULTILINE):
            word = match[1].removeprefix(f"{notes.project}-")
            for name in (word, re.sub(r"-\d+$", "", word)):
                if name in names:
                    return named[names.index(name)]
    return named[0]
