"""How the services of a stack are doing on a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from composegen.places.cluster.notes import NotedService, Notes
from composegen.places.cluster.objects import Doing, Kind, Pod, Workload
from composegen.places.cluster.snapshot import Snapshot
from composegen.places.cluster.troubles import find_trouble
from composegen.places.excluded import note_excluded
from composegen.places.status import (
    ALIVE_FOR,
    BY_USER,
    FINE,
    ServiceStatus,
    State,
    are_up,
)
from composegen.records import as_dict, record, replace


@record
class ClusterSeen:
    """The statuses of a project, and whether all that is required is up."""

    notes: Notes
    snapshot: Snapshot
    statuses: tuple[ServiceStatus, ...]

    @property
    def is_up(self) -> bool:
        """Whether anything is there, and every required service is up."""
        required = {each.name for each in self.notes.services if each.is_required}
        return not self.snapshot.is_empty and are_up(self.statuses, required)

    def find(self, service: str) -> ServiceStatus:
        """One service's status; every service that takes part has one."""
        return next(each for each in self.statuses if each.service == service)


def make_seen(notes: Notes, snapshot: Snapshot) -> ClusterSeen:
    """The statuses of what was noted, in the order of its plan; left-out ones last."""
    missed = {name for each in notes.services for name in each.without}
    statuses = [
        replace(status, fallback=True if status.service in missed else status.fallback)
        for status in (_make_status(notes, snapshot, each) for each in notes.services)
    ]
    statuses += [
        ServiceStatus(
            service=str(each["service"]),
            state=State.EXCLUDED,
            reason=str(each["reason"]),
            fallback=False,
        )
        for each in notes.left_out
    ]
    return ClusterSeen(notes=notes, snapshot=snapshot, statuses=tuple(statuses))


def list_excluded(
    notes: Notes, statuses: Iterable[ServiceStatus]
) -> tuple[Mapping[str, Any], ...]:
    """What is excluded now, by the selection and by failures, as it is noted."""
    out = {each.service for each in statuses if each.state is State.EXCLUDED}
    failed = (each for each in note_excluded(notes.excluded) if each.service in out)
    return (*notes.left_out, *map(as_dict, failed))


def find_state(
    snapshot: Snapshot, notes: Notes, noted: NotedService, workload: Workload
) -> State:
    """What a service is doing, in the words of every place."""
    if workload.kind is Kind.JOB:
        if workload.is_complete:
            return State.FINISHED
        if workload.is_failed:
            return State.FAILED
    if workload.is_off:
        return State.STOPPED
    pods = snapshot.list_pods(workload)
    if is_ready(snapshot, noted, workload):
        return State.READY
    if find_trouble(snapshot, notes, noted, workload) is not None:
        return State.FAILED
    if not any(pod.has_started for pod in pods):
        return State.WAITING
    lacking = [pod for pod in pods if pod.has_started and not pod.is_ready]
    if workload.kind is not Kind.JOB and any(
        is_sick(snapshot, pod) or is_late(snapshot, notes, noted, pod)
        for pod in lacking
    ):
        return State.FAILED
    return State.STARTING


def is_ready(snapshot: Snapshot, noted: NotedService, workload: Workload) -> bool:
    """Whether all of its pods are ready, and of the newest template.

    One without a health check is when it has run for a second, and has not died.
    """
    if workload.kind is Kind.JOB or not workload.is_current or not workload.is_whole:
        return False
    if noted.is_asked:
        return True
    for pod in snapshot.list_pods(workload):
        main = pod.find_main()
        if main is None or main.doing is not Doing.RUNNING:
            return False
        age = snapshot.now - (main.started_at or snapshot.now)
        if age < (ALIVE_FOR if not main.restarts else 10 * ALIVE_FOR):
            return False
    return True


def find_deadline(notes: Notes, noted: NotedService, pod: Pod) -> float:
    """When the boot of a pod is over, in seconds since 1970."""
    main = pod.find_main()
    started = (main.started_at if main is not None else None) or pod.created_at
    if notes.limit is not None and started <= notes.began + notes.limit:
        return notes.began + notes.limit
    return max(started, notes.began) + noted.boot


def is_sick(snapshot: Snapshot, pod: Pod) -> bool:
    """Whether a pod was healthy, and does not pass its readiness probe any more."""
    main = pod.find_main()
    if main is None or not main.has_booted or pod.is_ready:
        return False
    failed = snapshot.list_warnings("Unhealthy", ("Pod", pod.name))
    return any(each.message.startswith("Readiness") for each in failed)


def is_late(snapshot: Snapshot, notes: Notes, noted: NotedService, pod: Pod) -> bool:
    """Whether the boot of a pod is over, or was in an earlier start of it."""
    main = pod.find_main()
    was_over = main is not None and main.restarts > 1
    return was_over or snapshot.now >= find_deadline(notes, noted, pod)


def _make_status(
    notes: Notes, snapshot: Snapshot, noted: NotedService
) -> ServiceStatus:
    workload = snapshot.find_workload(noted.object)
    exclusion = notes.find_exclusion(noted.name)
    if exclusion is not None and (workload is None or workload.is_off):
        return ServiceStatus(
            service=noted.name,
            state=State.EXCLUDED,
            reason=exclusion.reason,
            fallback=True,
        )
    if workload is None:
        return ServiceStatus(service=noted.name, state=State.STOPPED)
    state = find_state(snapshot, notes, noted, workload)
    is_by_user = state is State.STOPPED and notes.find_stop(noted.name) is not None
    worst = find_worst(snapshot.list_pods(workload))
    main = worst.find_main() if worst is not None else None
    is_running = main is not None and main.doing is Doing.RUNNING
    ending = main.ending if main is not None and not is_running else None
    since = main.started_at if main is not None and is_running else None
    if ending is not None:
        since = ending.at
    return ServiceStatus(
        service=noted.name,
        state=state,
        health=_find_health(snapshot, noted, worst) if is_running else None,
        since=_format_time(since or workload.finished_at),
        restarts=sum(
            each.restarts
            for pod in snapshot.list_pods(workload)
            for each in pod.containers
            if not each.is_init
        ),
        exit_code=ending.exit_code if ending is not None else None,
        address=f"{noted.object}.{notes.namespace}:{noted.port}"
        if noted.port is not None and state in FINE
        else None,
        image=workload.image or None,
        by=BY_USER if is_by_user else None,
    )


def find_worst(pods: Iterable[Pod]) -> Pod | None:
    """The pod that is to be looked at: one that is not ready, else the newest."""
    listed = list(pods)
    lacking = (each for each in listed if not each.is_ready)
    return next(lacking, listed[0] if listed else None)


def _find_health(snapshot: Snapshot, noted: NotedService, pod: Pod | None) -> str:
    if not noted.is_asked:
        return "none"
    if pod is not None and pod.is_ready:
        return "healthy"
    return "unhealthy" if pod is not None and is_sick(snapshot, pod) else "starting"


def _format_time(moment: float | None) -> str | None:
    if moment is None:
        return None
    return (
        datetime.fromtimestamp(moment, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )
