"""Why Compose gave up: a container that it could not start, or what it complains of.

A service is blamed only where Compose speaks of it, or was called for it alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from composegen.places.engine.complaints import explain_complaint
from composegen.places.engine.compose_lines import describe_cut, list_spoken, was_cut
from composegen.places.engine.containers import Container
from composegen.places.engine.culprit import find_culprit
from composegen.places.engine.describing import clean
from composegen.places.engine.evidence import Looking
from composegen.places.engine.notes import How, NotedFailure, Notes
from composegen.places.engine.status import make_seen
from composegen.places.engine.why import find_engine_reasons
from composegen.places.events import Failure
from composegen.places.reasons import Reason
from composegen.places.status import FINE
from composegen.records import record, replace

_KEPT_LINES = 20


@record
class GivenUp:
    """What Compose did not do: the notes with that, and the reasons to show."""

    notes: Notes
    reasons: tuple[Reason, ...]


def explain_compose(
    engine: Looking,
    notes: Notes,
    folder: Path,
    lines: Iterable[str],
    *,
    code: int = 1,
    among: Iterable[str] = (),
) -> GivenUp:
    """Why Compose gave up, with exit code ``code``, in this call of it.

    ``among`` are the services that it was called for, all where none is named.
    """
    said = [clean(line).strip() for line in lines if line.strip()]
    if was_cut(code, said):
        return _explain_cut(notes, code)
    broken = [
        each
        for each in engine.list_containers(notes.project)
        if each.error
        and notes.find(each.service) is not None
        and _was_tried(each, said, notes.began)
    ]
    if broken:
        return _blame_broken(engine, notes, folder, broken)
    return _blame_culprit(engine, notes, list_spoken(said), tuple(among))


def _blame_broken(
    engine: Looking, notes: Notes, folder: Path, broken: list[Container]
) -> GivenUp:
    """The containers that it made and could not start."""
    now = engine.read_clock()
    refusals = (_refuse(each, now) for each in broken)
    failed = replace(notes, failures=(*refusals, *notes.failures))
    names = {each.service for each in broken}
    reasons = find_engine_reasons(engine, failed, folder, among=names)
    return GivenUp(
        notes=failed,
        reasons=tuple(each for each in reasons if each.service in names),
    )


def _blame_culprit(
    engine: Looking, notes: Notes, said: list[str], among: tuple[str, ...]
) -> GivenUp:
    """The service that its complaint speaks of, if it speaks of one."""
    now = engine.read_clock()
    complaint = "\n".join(said[-_KEPT_LINES:])
    noted = find_culprit(notes, complaint, among)
    failure = explain_complaint(engine, noted, complaint)
    if noted is None:
        whole = replace(notes, complaint=complaint, complained_at=now)
        return GivenUp(notes=whole, reasons=(Reason(failure=failure),))
    refused = NotedFailure(
        service=noted.name, how=How.REFUSED, at=now, reason=failure.reason
    )
    failed = replace(
        notes,
        complaint=complaint,
        complained_at=now,
        failures=(refused, *notes.failures),
    )
    containers = engine.list_containers(notes.project)
    status = make_seen(failed, containers, now).find(noted.name)
    if status.state in FINE:
        as_before = f"{noted.name} was not renewed: it runs as before"
        failure = replace(failure, reason=as_before)
    return GivenUp(
        notes=failed,
        reasons=(Reason(chain=(noted.name,), status=status, failure=failure),),
    )


def _explain_cut(notes: Notes, code: int) -> GivenUp:
    """Compose was ended from outside: no service has failed by that."""
    cut = describe_cut(code)
    failure = Failure(service="", reason=cut, help="continue: composegen up")
    return GivenUp(
        notes=replace(notes, complaint=cut), reasons=(Reason(failure=failure),)
    )


def _was_tried(container: Container, said: list[str], began: float) -> bool:
    """Whether its error is of this call: an earlier one leaves its error behind."""
    if (container.created_at or 0.0) >= began:
        return True
    tried = re.compile(rf"Container {re.escape(container.name)}\s+(?:S|Res)tart")
    return any(tried.search(line) for line in said)


def _refuse(container: Container, now: float) -> NotedFailure:
    return NotedFailure(
        service=container.service,
        how=How.REFUSED,
        at=now,
        reason=f"{container.service} could not be started",
        id=container.id,
    )
