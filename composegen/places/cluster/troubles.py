"""What keeps a service on a cluster from becoming ready, as Kubernetes reports it.

Nothing is asked here, and silence is no trouble: what a probe that does not pass means
is in ``silence``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from composegen.patterns import make_pattern
from composegen.places.advice import advise_for
from composegen.places.cause import Cause
from composegen.places.cluster.cause import CauseName
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
from composegen.system.signals import NOT_EXECUTABLE, NOT_FOUND, read_signal

UP = "composegen up --on kubernetes"
"""The command that brings it up."""
SOON, AT_ONCE = 5.0, 0.0
"""For how long a trouble has to last: some pass by themselves in a second or two."""
_MOST_DEATHS = 2
_PULL = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName"})
_PULL |= {"ErrImageNeverPull", "RegistryUnavailable", "ImageInspectError"}
_CONFIG = "CreateContainerConfigError"
_CREATE = frozenset({"CreateContainerError", "RunContainerError", "StartError"})
_OUT_OF_MEMORY = "OOMKilled"
_NOT_STARTED = frozenset({"StartError", "ContainerCannotRun"})
_MISSING_PROGRAM = make_pattern(
    r'exec: \\?"([^"\\]+)\\?": (?:executable file not found|stat |no such file)'
    r"|exec (\S+): no such file"
)
_LOCKED_PROGRAM = make_pattern(r'exec: \\?"([^"\\]+)\\?": permission denied')
_POD_NAME = make_pattern(
    r"^(?:Error creating: |create Pod \S+ in \S+ \S+ failed error: )"
)
_FORBIDDEN = make_pattern(r'^pods "[^"]*" is forbidden: ')
_MISSING_OBJECT = make_pattern(
    r"couldn't find key (?P<key>\S+) in (?:Secret|ConfigMap) \S*/(?P<of>\S+)"
    r'|(?:secret|configmap) "(?P<gone>[^"]+)" not found',
    re.IGNORECASE,
)


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

    def advise(self, *lines: str) -> str:
        return advise_for(self.name, *lines)

    def write_kubectl(self, *words: str) -> str:
        where = self.notes.where
        head = ("kubectl", "--context", where.context, "-n", where.namespace)
        return " ".join((*head, *words))


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
    said = _FORBIDDEN.sub("", _POD_NAME.sub("", refusal))
    if "exceeded quota" in said:
        cause = Cause(
            CauseName.QUOTA_EXCEEDED,
            f"the namespace {look.notes.namespace} has a quota: {said}",
            "lower what it asks for, or have the quota raised; this shows it: "
            + look.write_kubectl("describe", "resourcequota"),
        )
    else:
        cause = Cause(
            CauseName.POD_REFUSED,
            f"the cluster admits no such pod in {look.notes.namespace}: {said}",
            "take its `relax` away, or use a namespace that admits it: "
            f"{UP} --namespace NAME; this shows what is enforced: "
            + look.write_kubectl(
                "get", "namespace", look.notes.namespace, "-o", "yaml"
            ),
        )
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
        short = sorted(set(re.findall(r"Insufficient ([\w./-]*\w)", pod.unscheduled)))
        said = pod.unscheduled.partition(" preemption:")[0].rstrip(". ")
        if short:
            what = " and ".join(short)
            cause = Cause(
                CauseName.NO_ROOM,
                f"no node has enough {what} free: {said}",
                "add a node, or end what needs it less; this shows what is taken: "
                f"kubectl --context {look.notes.context} describe nodes",
            )
        else:
            cause = Cause(
                CauseName.NO_NODE,
                f"no node takes it: {said}",
                "this shows what the nodes want: "
                f"kubectl --context {look.notes.context} describe nodes",
            )
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
        cause = Cause(
            CauseName.CLAIM_PENDING,
            f"its claim {name} gets no volume: {failed[-1].message}",
            "make a volume or a default storage class; these are there: "
            f"kubectl --context {look.notes.context} get storageclass,pv",
        )
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
        image = look.workload.image
        if look.noted.is_built:
            help = (
                "it is built here, and the cluster has to pull it: composegen push "
                f"--registry REGISTRY, then {UP}"
            )
        else:
            help = (
                f"correct `image` of `{look.name}`, or let the nodes log in to its "
                "registry"
            )
        cause = Cause(
            CauseName.IMAGE_NOT_PULLED,
            f"its image {image} cannot be pulled: {_shorten(message)}",
            help,
        )
        reason = f"{look.name} cannot be started: its image cannot be pulled"
        return _make(reason, cause, pod, container)
    return None


def _look_at_config(look: _Look) -> Trouble | None:
    for pod, container in look.list_waiting():
        if container.reason != _CONFIG:
            continue
        missing = _MISSING_OBJECT.search(container.message)
        if missing is not None:
            return _make(
                f"{look.name} cannot be started",
                _explain_missing(missing, container.message),
                pod,
                container,
            )
        if "runAsNonRoot" in container.message or "non-root" in container.message:
            cause = Cause(
                CauseName.RUNS_AS_ROOT,
                f"the cluster starts no container as root: {container.message}",
                look.advise('user: "10001:10001"   # numbers of a user of its image'),
            )
            return _make(f"{look.name} cannot be started", cause, pod, container)
        cause = _explain_start(container.message)
        return _make(f"{look.name} cannot be started", cause, pod, container)
    return None


def _explain_missing(found: re.Match[str], message: str) -> Cause:
    what = (
        f"{found['of']} has no key {found['key']}"
        if found["key"]
        else f"{found['gone']} is not there"
    )
    return Cause(
        CauseName.SECRET_MISSING,
        f"a value that it needs is missing on the cluster: {what}",
        f"apply it again:\ncomposegen secrets && {UP}" if message else UP,
    )


def _explain_start(message: str) -> Cause:
    missing, locked = _MISSING_PROGRAM.search(message), _LOCKED_PROGRAM.search(message)
    if missing is not None:
        return Cause(
            CauseName.PROGRAM_NOT_FOUND,
            f"`{missing[1] or missing[2]}` is not in the image",
            "install it in the Dockerfile, or correct `command` or `entrypoint`",
        )
    if locked is not None:
        return Cause(
            CauseName.PROGRAM_LOCKED,
            f"`{locked[1]}` may not be executed",
            f"let the Dockerfile give it: RUN chmod +x {locked[1]}",
        )
    return Cause(CauseName.START_REFUSED, _shorten(message))


def _look_at_mounts(look: _Look) -> Trouble | None:
    for pod in look.list_pods():
        if pod.has_started or any(each.restarts for each in pod.containers):
            continue
        events = look.snapshot.list_events(("Pod", pod.name))
        failed = [each for each in events if each.reason == "FailedMount"]
        if not failed or _is_over(events, failed[-1]):
            continue
        message = failed[-1].message
        missing = _MISSING_OBJECT.search(message)
        if missing is not None:
            cause = _explain_missing(missing, "")
        else:
            cause = Cause(CauseName.MOUNT_FAILED, _shorten(message))
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
            or ending.reason in _NOT_STARTED
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
    cause = _find_death_cause(look, pod, container)
    often = f"{container.deaths} times" if container.deaths > 1 else "once"
    if ending.reason in _NOT_STARTED:
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


def _find_death_cause(look: _Look, pod: Pod, container: Container) -> Cause:
    ending = container.ending
    assert ending is not None
    if ending.reason == _OUT_OF_MEMORY:
        limit = pod.limits.get("memory", "")
        return Cause(
            CauseName.OUT_OF_MEMORY,
            f"it ran out of memory: the limit is {limit or 'that of its node'}",
            look.advise(f"resources: {{memory: {_double(limit)}}}"),
        )
    if ending.reason in _NOT_STARTED or ending.exit_code in {
        NOT_EXECUTABLE,
        NOT_FOUND,
    }:
        return _explain_start(ending.message or container.message)
    signal = read_signal(ending.exit_code)
    said = f"it was killed by {signal.name}" if signal is not None else ""
    if _was_silent(look, pod):
        said = "the kubelet ended it: its startup probe did not pass in time"
    help = f"its log may say more: composegen logs {look.name}"
    return Cause(CauseName.EXITED, said, help)


def _was_silent(look: _Look, pod: Pod) -> bool:
    """Whether the kubelet has ended it because its startup probe did not pass."""
    events = look.snapshot.list_events(("Pod", pod.name))
    return any(
        each.reason == "Killing" and "startup probe" in each.message for each in events
    )


def _double(limit: str) -> str:
    """Twice a limit of Kubernetes, as a stack file says it."""
    found = re.fullmatch(r"(\d+)([KMG])i?", limit)
    return f"{int(found[1]) * 2}{found[2]}" if found is not None else "4G"


def _look_at_job(look: _Look) -> Trouble | None:
    if not look.workload.is_failed:
        return None
    for pod, container in look.list_containers():
        if container.ending is not None and container.ending.exit_code:
            return _explain_death(look, pod, container)
    cause = Cause(
        CauseName.JOB_FAILED,
        f"{look.workload.failure or 'Kubernetes says no more'}; its pod is gone",
        f"run it again: {UP}",
    )
    return Trouble(reason=f"{look.name} failed", cause=cause, lasts=AT_ONCE)


def _look_at_gates(look: _Look) -> Trouble | None:
    """A gate that does not wait, but fails."""
    for pod in look.list_pods():
        gate = pod.find_gate()
        if gate is None or gate.deaths < _MOST_DEATHS or gate.ending is None:
            continue
        cause = Cause(
            CauseName.GATE_FAILED,
            f"its gate {gate.name} exited with {gate.ending.exit_code} instead of "
            "waiting",
            "its lines say why; the image has to hold the tool of the gate",
        )
        return _make(f"{look.name} cannot be started", cause, pod, gate)
    return None


def _look_at_eviction(look: _Look) -> Trouble | None:
    for pod in look.list_pods():
        if pod.phase == "Failed" and pod.reason and look.workload.kind is not Kind.JOB:
            cause = Cause(
                CauseName.EVICTED,
                f"its node has put it out: {_shorten(pod.message or pod.reason)}",
                "this shows what the node lacks: "
                f"kubectl --context {look.notes.context} describe nodes",
            )
            reason = f"{look.name} was evicted"
            return Trouble(reason=reason, cause=cause, pod=pod.name)
    return None


def _make(reason: str, cause: Cause, pod: Pod, container: Container) -> Trouble:
    return Trouble(reason=reason, cause=cause, pod=pod.name, container=container.name)


def _shorten(text: str) -> str:
    """A message of Kubernetes in one line, without what repeats it."""
    line = " ".join(text.split())
    return line if len(line) <= 300 else f"{line[:300]}.."


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
