"""A service of a run in the words of `status` and `why`."""

from __future__ import annotations

import time

from composegen.places.events import Failure
from composegen.places.processes.plan import Way
from composegen.places.processes.service import RunningService
from composegen.places.status import ServiceStatus, State
from composegen.records import replace


def describe_failure(service: RunningService) -> Failure | None:
    """Why a service is not up, as it is at this moment, or None.

    One that died is started again after a pause, or has been and boots.
    """
    failure = service.failure
    if failure is None or service.state not in {State.STARTING, State.WAITING}:
        return failure
    if service.closed_gates:
        then = f"it is restarted when {', '.join(service.closed_gates)} is back"
    elif service.again_at is not None:
        left = max(0.0, service.again_at - time.monotonic())
        then = f"it is restarted in {left:.1f} s"
    else:
        then = "it was restarted and is not ready yet"
        then += f": {service.last_answer}" if service.last_answer else ""
    return replace(failure, reason=f"{failure.reason}; {then}")


def describe_service(service: RunningService) -> ServiceStatus:
    """A service in the shape that both places share."""
    unit = service.unit
    launch = unit.launch if service.found is None else None
    log = launch.log if launch is not None else None
    state, health = _find_state(service)
    return ServiceStatus(
        service=service.name,
        state=state,
        health=health,
        pid=service.pid,
        since=service.since,
        restarts=service.restarts,
        exit_code=service.exit_code,
        address=unit.address or None,
        image=unit.step.service.image if unit.way is Way.DOCKER else None,
        log=str(log) if log is not None else None,
        reused=service.found is not None,
        by=service.by if service.state is State.STOPPED else None,
        reason=service.exclusion,
        fallback=service.exclusion is not None or None,
    )


def _find_state(service: RunningService) -> tuple[State, str | None]:
    """Its state and health in the words of every place.

    One that is unhealthy has failed, and so has one that exited and is not back, or
    whose last restart failed.
    """
    if service.exclusion is not None:
        return State.EXCLUDED, None
    if service.state is State.READY and service.health == "unhealthy":
        return State.FAILED, service.health
    has_died = service.state is State.STARTING and service.failure is not None
    if has_died and service.pid is None:
        return State.FAILED, None
    if has_died and service.failed_again:
        return State.FAILED, service.health
    return service.state, service.health
