"""What kubectl answers, as values: workloads, pods, their containers, and events.

A field that is missing has the meaning that Kubernetes gives its absence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from composegen.records import field, record

NAME = "app.kubernetes.io/name"
PART_OF = "app.kubernetes.io/part-of"
MANAGED_BY = "app.kubernetes.io/managed-by"
OURS = "composegen"
GATE = "wait-"
"""What the names of gates begin with."""
_REVISION = "deployment.kubernetes.io/revision"
_HASHES = ("pod-template-hash", "controller-revision-hash")


class Kind(StrEnum):
    """What keeps the pods of a service."""

    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"
    JOB = "Job"


class Doing(StrEnum):
    """What a container is doing."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "terminated"


@record
class Ending:
    """How a container ended; ``at`` is in seconds since 1970."""

    exit_code: int
    reason: str = ""
    message: str = ""
    at: float = 0.0


@record
class Container:
    """A container of a pod.

    ``reason`` and ``message`` say why it waits; ``ending`` is how it ended, or how it
    ended before it was started again. ``has_booted`` says that its startup probe has
    passed.
    """

    name: str
    is_init: bool = False
    doing: Doing = Doing.WAITING
    reason: str = ""
    message: str = ""
    restarts: int = 0
    is_ready: bool = False
    has_booted: bool = False
    started_at: float | None = None
    ending: Ending | None = None
    id: str = ""

    @property
    def is_gate(self) -> bool:
        """Whether it waits for another service."""
        return self.is_init and self.name.startswith(GATE)

    @property
    def is_passed(self) -> bool:
        """Whether it has ended well."""
        return (
            self.doing is Doing.ENDED
            and self.ending is not None
            and self.ending.exit_code == 0
        )

    @property
    def deaths(self) -> int:
        """How often it has ended and had to be started again."""
        if self.doing is Doing.RUNNING or self.ending is None:
            return self.restarts
        return self.restarts if self.is_passed else self.restarts + 1


@record
class Pod:
    """A pod; ``revision`` says of which template, ``unscheduled`` why no node has it.

    ``is_leaving`` says that it is being deleted.
    """

    name: str
    service: str
    phase: str = ""
    reason: str = ""
    message: str = ""
    revision: str = ""
    owner: str = ""
    is_ready: bool = False
    is_leaving: bool = False
    unscheduled: str = ""
    created_at: float = 0.0
    containers: tuple[Container, ...] = ()
    claims: tuple[str, ...] = ()
    limits: Mapping[str, str] = field(default_factory=dict)

    def find_main(self) -> Container | None:
        """The container of the service itself, once the kubelet speaks of it."""
        return next((each for each in self.containers if not each.is_init), None)

    @property
    def is_running(self) -> bool:
        """Whether the container of the service itself runs."""
        main = self.find_main()
        return main is not None and main.doing is Doing.RUNNING

    def find_gate(self) -> Container | None:
        """The gate at which it waits; None where it does not."""
        if self.has_started:
            return None
        init = (each for each in self.containers if each.is_init)
        current = next((each for each in init if not each.is_passed), None)
        if current is None or not current.is_gate:
            return None
        is_at_work = current.doing is Doing.RUNNING or current.deaths > 0
        return current if is_at_work else None

    @property
    def has_started(self) -> bool:
        """Whether its own program was started."""
        main = self.find_main()
        return main is not None and (main.started_at is not None or main.deaths > 0)


@record
class Workload:
    """What keeps the pods of a service, and how far it is.

    ``refusal`` says why it can make no pod; ``failure`` why a job has failed, and
    ``is_failed`` that it has. ``check`` is the command of its readiness probe, in which
    every ``$`` is doubled.
    """

    kind: Kind
    name: str
    service: str
    replicas: int = 1
    is_current: bool = False
    is_whole: bool = False
    ready: int = 0
    refusal: str = ""
    is_complete: bool = False
    is_failed: bool = False
    failure: str = ""
    is_suspended: bool = False
    uid: str = ""
    image: str = ""
    generation: int = 0
    check: tuple[str, ...] = ()
    finished_at: float | None = None

    @property
    def path(self) -> str:
        """How kubectl is given it."""
        return f"{self.kind.lower()}/{self.name}"

    @property
    def is_off(self) -> bool:
        """Whether it is to have no pod."""
        return self.is_suspended if self.kind is Kind.JOB else self.replicas == 0


@record
class Claim:
    """A claim to a volume."""

    name: str
    service: str
    phase: str = ""
    size: str = ""


@record
class Happening:
    """An event that Kubernetes keeps for an hour; ``at`` is when it was seen last."""

    kind: str
    name: str
    reason: str
    message: str
    is_warning: bool = False
    at: float = 0.0


def read_time(text: object) -> float | None:
    """A time of Kubernetes in seconds since 1970; None where there is none."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def read_labels(data: Mapping[str, Any]) -> Mapping[str, str]:
    """The labels of an object."""
    labels: Mapping[str, str] = data.get("metadata", {}).get("labels") or {}
    return labels


def read_conditions(data: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The conditions of an object that hold, and those of a pod that do not."""
    listed = data.get("status", {}).get("conditions") or ()
    return {each.get("type", ""): each for each in listed}


def _holds(conditions: Mapping[str, Mapping[str, Any]], name: str) -> bool:
    return conditions.get(name, {}).get("status") == "True"


# Pods


def read_pod(data: Mapping[str, Any]) -> Pod:
    """A pod."""
    meta, spec = data.get("metadata", {}), data.get("spec", {})
    status, labels = data.get("status", {}), read_labels(data)
    conditions = read_conditions(data)
    scheduled = conditions.get("PodScheduled", {})
    is_unscheduled = scheduled.get("reason") == "Unschedulable"
    owners = meta.get("ownerReferences") or [{}]
    own = spec.get("containers") or [{}]
    return Pod(
        name=meta.get("name", ""),
        service=labels.get(NAME, ""),
        phase=status.get("phase", ""),
        reason=status.get("reason", ""),
        message=status.get("message", ""),
        revision=next((labels[each] for each in _HASHES if each in labels), ""),
        owner=owners[0].get("uid", ""),
        is_ready=_holds(conditions, "Ready"),
        is_leaving="deletionTimestamp" in meta,
        unscheduled=scheduled.get("message", "") if is_unscheduled else "",
        created_at=read_time(meta.get("creationTimestamp")) or 0.0,
        containers=(
            *_read_containers(status.get("initContainerStatuses"), is_init=True),
            *_read_containers(status.get("containerStatuses"), is_init=False),
        ),
        claims=tuple(
            each["persistentVolumeClaim"].get("claimName", "")
            for each in spec.get("volumes") or ()
            if "persistentVolumeClaim" in each
        ),
        limits=own[0].get("resources", {}).get("limits") or {},
    )


def _read_containers(
    statuses: Iterable[Mapping[str, Any]] | None, *, is_init: bool
) -> Iterable[Container]:
    for data in statuses or ():
        state = data.get("state") or {}
        doing = next((each for each in Doing if each.value in state), Doing.WAITING)
        now = state.get(doing.value) or {}
        last = (data.get("lastState") or {}).get(Doing.ENDED.value)
        ended = now if doing is Doing.ENDED else last
        yield Container(
            name=data.get("name", ""),
            is_init=is_init,
            doing=doing,
            reason=now.get("reason", ""),
            message=now.get("message", ""),
            restarts=data.get("restartCount", 0),
            is_ready=data.get("ready", False),
            has_booted=data.get("started") or False,
            started_at=read_time(now.get("startedAt")),
            ending=None if ended is None else _read_ending(ended),
            id=data.get("containerID", ""),
        )


def _read_ending(data: Mapping[str, Any]) -> Ending:
    return Ending(
        exit_code=data.get("exitCode", 0),
        reason=data.get("reason", ""),
        message=data.get("message", ""),
        at=read_time(data.get("finishedAt")) or 0.0,
    )


# Workloads


def read_workload(data: Mapping[str, Any]) -> Workload:
    """A Deployment, a StatefulSet or a Job."""
    meta, spec = data.get("metadata", {}), data.get("spec", {})
    status, conditions = data.get("status", {}), read_conditions(data)
    kind = Kind(data["kind"])
    generation = meta.get("generation", 0)
    pod = spec.get("template", {}).get("spec", {})
    replicas = spec.get("replicas", 1)
    done = conditions.get("Failed") or conditions.get("FailureTarget") or {}
    is_failed = _holds(conditions, "Failed") or _holds(conditions, "FailureTarget")
    made = conditions.get("ReplicaFailure", {})
    return Workload(
        kind=kind,
        name=meta.get("name", ""),
        service=read_labels(data).get(NAME, meta.get("name", "")),
        replicas=replicas,
        is_current=status.get("observedGeneration", 0) >= generation,
        is_whole=_is_whole(kind, replicas, status),
        ready=status.get("readyReplicas", 0),
        refusal=made.get("message", "") if made.get("status") == "True" else "",
        is_complete=_holds(conditions, "Complete"),
        is_failed=is_failed,
        failure=done.get("message", "") if is_failed else "",
        is_suspended=spec.get("suspend", False),
        uid=meta.get("uid", ""),
        image=(pod.get("containers") or [{}])[0].get("image", ""),
        generation=generation,
        check=_read_check((pod.get("containers") or [{}])[0]),
        finished_at=read_time(status.get("completionTime")),
    )


def _read_check(container: Mapping[str, Any]) -> tuple[str, ...]:
    probe = container.get("readinessProbe") or {}
    return tuple((probe.get("exec") or {}).get("command") or ())


def _is_whole(kind: Kind, replicas: int, status: Mapping[str, Any]) -> bool:
    """Whether all of its pods are of the newest template, and ready."""
    updated, wanted = status.get("updatedReplicas", 0), replicas
    if kind is Kind.STATEFUL_SET:
        newest, now = status.get("updateRevision"), status.get("currentRevision")
        is_newest = newest == now or updated >= wanted
        ready: int = status.get("readyReplicas", 0)
        return is_newest and ready >= wanted
    total: int = status.get("replicas", 0)
    available: int = status.get("availableReplicas", 0)
    return bool(updated == total == wanted <= available)


def find_revisions(items: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The hash of the newest template of each Deployment and StatefulSet, by uid."""
    found: dict[str, str] = {}
    newest: dict[str, int] = {}
    for data in items:
        meta = data.get("metadata", {})
        if data.get("kind") == Kind.STATEFUL_SET:
            found[meta.get("uid", "")] = (
                data.get("status", {})
                .get("updateRevision", "")
                .removeprefix(f"{meta.get('name', '')}-")
            )
        if data.get("kind") != "ReplicaSet":
            continue
        number = int((meta.get("annotations") or {}).get(_REVISION, "0"))
        owner = (meta.get("ownerReferences") or [{}])[0].get("uid", "")
        if number >= newest.get(owner, 0):
            newest[owner] = number
            found[owner] = read_labels(data).get(_HASHES[0], "")
    return found


def read_claim(data: Mapping[str, Any]) -> Claim:
    """A claim to a volume."""
    spec, status = data.get("spec", {}), data.get("status", {})
    wanted = spec.get("resources", {}).get("requests", {}).get("storage", "")
    return Claim(
        name=data.get("metadata", {}).get("name", ""),
        service=read_labels(data).get(NAME, ""),
        phase=status.get("phase", ""),
        size=(status.get("capacity") or {}).get("storage", wanted),
    )


def read_happening(data: Mapping[str, Any]) -> Happening:
    """An event."""
    about = data.get("involvedObject") or {}
    times = (
        (data.get("series") or {}).get("lastObservedTime"),
        *(data.get(name) for name in ("lastTimestamp", "eventTime", "firstTimestamp")),
    )
    return Happening(
        kind=about.get("kind", ""),
        name=about.get("name", ""),
        reason=data.get("reason", ""),
        message=data.get("message", ""),
        is_warning=data.get("type") == "Warning",
        at=max((read_time(each) or 0.0 for each in times if each), default=0.0),
    )
