"""How far a boot is, for a display: what the judge knows, as plain values."""

from __future__ import annotations

from composegen.places.engine.candidate import Candidate
from composegen.places.engine.judge import Judge
from composegen.places.events import Progress, Standing
from composegen.places.status import FINE, State

_OVER = FINE | {State.EXCLUDED}


def describe_progress(judge: Judge, at: float) -> Progress:
    """How far every service is, ``at`` seconds after the boot began."""
    standings = (_describe(judge, each) for each in judge.candidates.values())
    return Progress(at=at, standings=tuple(standings))


def _describe(judge: Judge, candidate: Candidate) -> Standing:
    waits_for: tuple[str, ...] = ()
    if candidate.created is not None:
        waits_for = tuple(
            need.service
            for need in candidate.noted.needs
            if judge.candidates[need.service].state not in _OVER
        )
    return Standing(
        service=candidate.noted.name,
        state=candidate.state,
        boot=candidate.noted.boot,
        started=candidate.started,
        ready=candidate.ready,
        waits_for=waits_for,
    )
