"""When a service on its way up has taken too long, and how its failure is worded."""

from __future__ import annotations

from composegen.places.engine.candidate import Candidate, Instance
from composegen.places.engine.notes import How, NotedService
from composegen.system.signals import NOT_EXECUTABLE, NOT_FOUND
from composegen.values import format_duration

HOPELESS = {
    NOT_EXECUTABLE: "its program cannot be executed",
    NOT_FOUND: "its program was not found",
}
"""The exit codes after which another start changes nothing."""


def find_deadline(candidate: Candidate, limit: float | None) -> float:
    """When a service has taken too long; ``limit`` replaces its own deadline.

    A service that others could do without must not wait until all is over.
    """
    own = float("inf")
    if candidate.boots_from is not None and not candidate.noted.is_job:
        own = candidate.boots_from + candidate.noted.boot
    if limit is None:
        return own
    return limit if candidate.noted.is_required else min(own, limit)


def describe_death(instance: Instance, code: int, noted: NotedService) -> str:
    """How a service has exited for good."""
    times = " twice" if instance.deaths > 1 else ""
    why = f": {HOPELESS[code]}" if code in HOPELESS else ""
    return f"{noted.name} exited{times} with {code}{why}"


def describe_delay(candidate: Candidate, limit: float | None) -> str:
    """What a service was not within its time."""
    noted = candidate.noted
    what = "healthy" if noted.is_asked else "up"
    if noted.is_job:
        what = "done"
    if limit is not None and find_deadline(candidate, limit) == limit:
        since = f"within {format_duration(limit)}"
    else:
        has_been_ready = candidate.boots_from != candidate.started
        after = "exited" if has_been_ready else "started"
        since = f"{format_duration(noted.boot)} after it {after}"
    return f"{noted.name} was not {what} {since}{_describe_deaths(candidate)}"


def describe_briefly(candidate: Candidate, limit: float | None) -> str:
    """Why an optional service has failed, as the reason of its exclusion."""
    failure, noted = candidate.noted_failure, candidate.noted
    assert failure is not None
    if failure.how is How.LATE and find_deadline(candidate, limit) != limit:
        what = "healthy" if noted.is_asked else "up"
        within = format_duration(noted.boot)
        return f"not {what} within {within}{_describe_deaths(candidate)}"
    return failure.reason.removeprefix(f"{noted.name} ").removeprefix("was ")


def _describe_deaths(candidate: Candidate) -> str:
    died = [each for each in candidate.list_here() if each.deaths]
    return f"; meanwhile it exited with {died[-1].exit_code}" if died else ""
