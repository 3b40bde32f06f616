"""What keeps a service on a cluster from becoming ready, as Kubernetes reports it.

Nothing is asked here, and silence is no trouble: what a probe that does not pass means
is in ``silence``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from composegen.places.cause import Cause
from composegen.places.cluster.causes import (
    NOT_STARTED,
    explain_claim,
    explain_config,
    explain_death,
    explain_eviction,
    explain_gate,
    explain_image,
    explain_job,
    explain_mount,
    explain_refusal,
    explain_schedule,
)
from composegen.places.cluster.notes import NotedService, Notes
from composegen.places.cluster.objects import (
    Container,
    Doing,
    Happening,
    Kind,
    Pod,
    Workload,
)
from composegen.places.cluster.snapshot import Snapshot
from composegen.records import record
from composegen.system.signals import NOT_EXECUTABLE, NOT_FOUND

SOON, AT_ONCE = 5.0, 0.0
"""For how long a trouble has to last: some pass by themselves in a second or two."""
_MOST_DEATHS = 2
_PULL = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName"})
_PULL |= {"ErrImageNeverPull", "RegistryUnavailable", "ImageInspectError"}
_CONFIG = "CreateContainerConfigError"
_CREATE = frozenset({"CreateContainerError", "RunContainerError", "StartError"})


@record
class Trouble:
    """What is wrong with a service: the sentence, and what is behind it.

    ``pod`` and ``container`` are where, empty where there is none. ``lasts`` is for how
    many seconds it has to last before it counts.
    """

    reason: str
    cause: Cause
    lasts: float = SOON
    pod: str = ""
    container: str = ""
    exit_code: int | None = None


def find_trouble(
    snapshot: Snapshot, notes: Notes, noted: NotedService, workload: Workload
) -> Trouble | None:
    """What is wrong with a service; None where nothing is, or nothing is known."""
    if workload.is_off or workload.is_complete:
        return None
    look = _Look(snapshot, notes, noted, workload)
    return next((found for one in _LOOKS if (found := one(look))), None)


@record(kw_only=False)
class _Look:
    """One service as it is looked at."""

    snapshot: Snapshot
    notes: Notes
    noted: NotedService
    workload: Workload

    @property
    def name(self) -> str:
        return self.noted.name

    def list_pods(self) -> tuple[Pod, ...]:
        return self.snapshot.list_pods(self.workload)

    def list_containers(self) -> Iterator[tuple[Pod, Container]]:
        for pod in self.list_pods():
            for container in pod.containers:
                yield pod, container

    def list_waiting(self) -> Iterator[tuple[Pod, Container]]:
        for pod, container in self.list_containers():
            if container.doing is Doing.WAITING and container.reason:
                yield pod, container


# No pod


def _look_at_refusal(look: _Look) -> Trouble | None:
    """Its pods are refused; those that are there may be of an earlier template."""
    workload = look.workload
    refusal = workload.refusal
    if not refusal and not look.list_pods():
        about = [(str(workload.kind), workload.name)]
        about += [
            ("ReplicaSet", name)
            for name, service in look.snapshot.replica_sets.items()
            if service == workload.service
        ]
        failed = look.snapshot.list_warnings("FailedCreate", *about)
        recent = [each for each in failed if each.at >= look.notes.began - SOON]
        refusal = recent[-1].message if recent else ""
    if not refusal:
        return None
    cause = explain_refusal(look.notes, refusal)
    return Trouble(reason=f"{look.name} gets no pod", cause=cause)


def _look_at_schedule(look: _Look) -> Trouble | None:
    for pod in look.list_pods():
        if not pod.unscheduled:
            continue
        claim = _look_at_claims(look, pod)
        if claim is not None:
            return claim
        if "unbound" in pod.unscheduled and "PersistentVolumeClaim" in pod.unscheduled:
            continue  # a volume may still be made for it
        cause = explain_schedule(look.notes, pod.unscheduled)
        return Trouble(reason=f"{look.name} is on no node", cause=cause, pod=pod.name)
    return None


def _look_at_claims(look: _Look, pod: Pod) -> Trouble | None:
    """A claim of a pod that is pending because no volume can be had."""
    pending = {each.name for each in look.snapshot.claims if each.phase == "Pending"}
    for name in pod.claims:
        about = ("PersistentVolumeClaim", name)
        events = look.snapshot.list_events(about)
        failed = [
            each
            for each in events
            if each.reason in {"FailedBinding", "ProvisioningFailed"}
        ]
        if name not in pending or not failed:
            continue
        cause = explain_claim(look.notes, name, failed[-1].message)
        reason = f"{look.name} waits for its volume"
        return Trouble(reason=reason, cause=cause, pod=pod.name)
    return None


# A container that cannot be started


def _look_at_image(look: _Look) -> Trouble | None:
    for pod, container in look.list_waiting():
        if container.reason not in _PULL:
            continue
        # Between the tries its events repeat the state's word alone.
        pulled = look.snapshot.list_warnings("Failed", ("Pod", pod.name))
        said = [each.message for each in pulled if "pull" in each.message]
        message = said[-1] if said else container.message
        cause = explain_image(look.noted, look.workload.image, message)
        reason = f"{look.name} cannot be started: its image cannot be pulled"
        return _make(reason, cause, pod, container)
    return None


def _look_at_config(look: _Look) -> Trouble | None:
    for pod, container in look.list_waiting():
        if container.reason != _CONFIG:
            continue
        cause = explain_config(look.noted, container.message)
        return _make(f"{look.name} cannot be started", cause, pod, container)
    return None


def _look_at_mounts(look: _Look) -> Trouble | None:
    for pod in look.list_pods():
        if pod.has_started or any(each.restarts for each in pod.containers):
            continue
        events = look.snapshot.list_events(("Pod", pod.name))
        failed = [each for each in events if each.reason == "FailedMount"]
        if not failed or _is_over(events, failed[-1]):
            continue
        cause = explain_mount(failed[-1].message)
        return Trouble(
            reason=f"{look.name} cannot be started: a volume is not mounted",
            cause=cause,
            pod=pod.name,
        )
    return None


def _is_over(events: tuple[Happening, ...], failed: Happening) -> bool:
    """Whether something was started in the pod after all."""
    return any(each.reason in {"Created", "Started"} for each in events) and (
        events[-1].at >= failed.at
    )


# How it ended


def _look_at_deaths(look: _Look) -> Trouble | None:
    for pod, container in look.list_containers():
        if container.is_init or container.ending is None or not container.deaths:
            continue
        ending = container.ending
        is_hopeless = (
            ending.exit_code in {NOT_EXECUTABLE, NOT_FOUND}
            or ending.reason in NOT_STARTED
            or container.reason in _CREATE
        )
        is_job = look.workload.kind is Kind.JOB
        if container.deaths < _MOST_DEATHS and not is_hopeless and not is_job:
            continue
        is_running = container.doing is Doing.RUNNING
        if is_running and (container.is_ready or _was_silent(look, pod)):
            continue  # it has come to itself, or its silence is to be explained
        return _explain_death(look, pod, container)
    return None


def _explain_death(look: _Look, pod: Pod, container: Container) -> Trouble:
    ending = container.ending
    assert ending is not None
    cause = explain_death(
        look.noted,
        ending,
        limit=pod.limits.get("memory", ""),
        waits=container.message,
        was_silent=_was_silent(look, pod),
    )
    often = f"{container.deaths} times" if container.deaths > 1 else "once"
    if ending.reason in NOT_STARTED:
        reason = f"{look.name} cannot be started"
    elif container.deaths > 1:
        reason = f"{look.name} exited with {ending.exit_code}, {often} so far"
    else:
        reason = f"{look.name} exited with {ending.exit_code}"
    return Trouble(
        reason=reason,
        cause=cause,
        lasts=AT_ONCE,
        pod=pod.name,
        container=container.name,
        exit_code=ending.exit_code,
    )


def _was_silent(look: _Look, pod: Pod) -> bool:
    """Whether the kubelet has ended it because its startup probe did not pass."""
    events = look.snapshot.list_events(("Pod", pod.name))
    return any(
        each.reason == "Killing" and "startup probe" in each.message for each in events
    )


def _look_at_job(look: _Look) -> Trouble | None:
    if not look.workload.is_failed:
        return None
    for pod, container in look.list_containers():
        if container.ending is not None and container.ending.exit_code:
            return _explain_death(look, pod, container)
    cause = explain_job(look.workload.failure)
    return Trouble(reason=f"{look.name} failed", cause=cause, lasts=AT_ONCE)


def _look_at_gates(look: _Look) -> Trouble | None:
    """A gate that does not wait, but fails."""
    for pod in look.list_pods():
        gate = pod.find_gate()
        if gate is None or gate.deaths < _MOST_DEATHS or gate.ending is None:
            continue
        cause = explain_gate(gate.name, gate.ending.exit_code)
        return _make(f"{look.name} cannot be started", cause, pod, gate)
    return None


def _look_at_eviction(look: _Look) -> Trouble | None:
    for pod in look.list_pods():
        if pod.phase == "Failed" and pod.reason and look.workload.kind is not Kind.JOB:
            cause = explain_eviction(look.notes, pod.message or pod.reason)
            reason = f"{look.name} was evicted"
            return Trouble(reason=reason, cause=cause, pod=pod.name)
    return None


def _make(reason: str, cause: Cause, pod: Pod, container: Container) -> Trouble:
    return Trouble(reason=reason, cause=cause, pod=pod.name, container=container.name)


_LOOKS: tuple[Callable[[_Look], Trouble | None], ...] = (
    _look_at_job,
    _look_at_refusal,
    _look_at_schedule,
    _look_at_image,
    _look_at_config,
    _look_at_mounts,
    _look_at_deaths,
    _look_at_gates,
    _look_at_eviction,
)
