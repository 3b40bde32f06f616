"""What helpers find out about the services that they ask from outside, in a boot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from composegen.places.engine.candidate import Candidate
from composegen.places.engine.containers import Container
from composegen.places.engine.happened import Action, Happened
from composegen.places.engine.wording import HOPELESS


def adopt_helpers(
    asked: Mapping[str, Candidate], containers: Iterable[Container]
) -> None:
    """Take in the helpers that are there; ``asked`` has services by their helpers."""
    for container in containers:
        if container.service in asked and container.is_running:
            candidate = asked[container.service]
            candidate.helper = container.id
            candidate.answered = 0.0 if container.health == "healthy" else None


def hear_helper(candidate: Candidate, happened: Happened, at: float) -> bool:
    """Take in what happened to a helper; whether it has got the right answer now."""
    if happened.action is Action.START:
        candidate.helper, candidate.answered = happened.id, None
    if happened.id != candidate.helper:
        return False
    if happened.action is Action.HEALTH:
        candidate.answered = at if happened.health == "healthy" else None
        return candidate.answered is not None
    if happened.action is Action.DIE:
        candidate.answered = None
    return False


def describe_hopeless(candidate: Candidate, happened: Happened) -> str:
    """Why a helper that died will never ask; empty where it may."""
    code = happened.exit_code or 0
    is_end = happened.action is Action.DIE and happened.id == candidate.helper
    if not is_end or code not in HOPELESS:
        return ""
    noted = candidate.noted
    return (
        f"{noted.helper}, which checks {noted.name}, exited with {code}: "
        f"{HOPELESS[code]}"
    )
