"""Whether a service that came up lasts: a short life is no proof that it works."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from composegen.places.engine.causes import find_cause
from composegen.places.engine.containers import Container
from composegen.places.engine.describing import describe_state
from composegen.places.engine.evidence import Looking
from composegen.places.engine.gathering import Gatherer
from composegen.places.engine.notes import NotedService, Notes
from composegen.places.engine.status import make_seen
from composegen.places.events import Failure
from composegen.places.reasons import LAST_LINES, Reason
from composegen.places.status import State
from composegen.records import replace

LASTS_FOR = 10.0
"""Seconds that a service without a health check runs before a try counts as passed.

A busy machine can take longer than a second to reach the line that fails.
"""
_PAUSE = 0.5


def find_death(
    engine: Looking,
    notes: Notes,
    folder: Path,
    service: str,
    *,
    pause: Callable[[float], None] = time.sleep,
) -> Reason | None:
    """How a service died that came up; None where it lives, or is a job that succeeded.

    One without a health check is watched until each of its containers has run for
    ``LASTS_FOR``; others are looked at once.
    """
    noted = notes.find(service)
    if noted is None:
        return None
    while True:
        now = engine.read_clock()
        containers = engine.list_containers(notes.project)
        own = [each for each in containers if each.service == service]
        dead = next((each for each in own if _has_ended(noted, each)), None)
        if dead is not None:
            return _explain(engine, notes, folder, noted, dead)
        left = max((LASTS_FOR - each.find_age(now) for each in own), default=0.0)
        if noted.is_asked or noted.is_job or left <= 0.0:
            return None
        pause(min(left, _PAUSE))


def _has_ended(noted: NotedService, container: Container) -> bool:
    """Whether it died, even if the engine has started it again."""
    if container.restarts:
        return True
    if noted.is_job and container.exit_code == 0:
        return False
    return not container.is_running


def _explain(
    engine: Looking,
    notes: Notes,
    folder: Path,
    noted: NotedService,
    dead: Container,
) -> Reason:
    # One that was started again may be healthy by now: its last end is what counts.
    dead = replace(dead, health="none")
    seen = make_seen(notes, engine.list_containers(notes.project), engine.read_clock())
    evidence = Gatherer(engine, notes, folder, seen).gather(noted, dead)
    cause = find_cause(evidence)
    return Reason(
        chain=(noted.name,),
        status=replace(seen.find(noted.name), state=State.FAILED),
        failure=Failure(
            service=noted.name,
            reason=describe_state(evidence),
            exit_code=evidence.container.exit_code,
            cause=cause.text,
            help=cause.help,
            cause_name=cause.name,
        ),
        lines=evidence.lines[-LAST_LINES:],
    )
