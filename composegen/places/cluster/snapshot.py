"""All of a project on a cluster as it is at one moment."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from composegen.places.cluster.kubectl import Kubectl
from composegen.places.cluster.notes import Notes
from composegen.places.cluster.objects import (
    MANAGED_BY,
    NAME,
    OURS,
    PART_OF,
    Claim,
    Happening,
    Kind,
    Pod,
    Workload,
    find_revisions,
    read_claim,
    read_happening,
    read_labels,
    read_pod,
    read_workload,
)
from composegen.records import field, record

_KINDS = (
    "deployments.apps,statefulsets.apps,replicasets.apps,jobs.batch,pods,"
    "persistentvolumeclaims"
)
_CLAIM = "PersistentVolumeClaim"
_WORKLOADS = frozenset(Kind)


def select_project(project: str, *more: str) -> str:
    """The selector of all that composegen has made for a project."""
    return ",".join((f"{MANAGED_BY}={OURS}", f"{PART_OF}={project}", *more))


@record
class Snapshot:
    """Workloads and pods of a project; ``events`` where they were asked for.

    ``revisions`` are the hashes of the newest templates, by the uid of their owners;
    ``replica_sets`` the services of ReplicaSets by their names. ``now`` is this
    machine's clock in seconds since 1970.
    """

    workloads: tuple[Workload, ...] = ()
    pods: tuple[Pod, ...] = ()
    claims: tuple[Claim, ...] = ()
    events: tuple[Happening, ...] = ()
    revisions: Mapping[str, str] = field(default_factory=dict)
    replica_sets: Mapping[str, str] = field(default_factory=dict)
    now: float = 0.0

    @property
    def is_empty(self) -> bool:
        """Whether nothing of the project is there."""
        return not self.workloads and not self.pods

    def find_workload(self, object: str) -> Workload | None:
        """What keeps the pods of a service, by the name of its objects."""
        return next((each for each in self.workloads if each.name == object), None)

    def list_pods(self, workload: Workload) -> tuple[Pod, ...]:
        """The pods of its newest template that are not being deleted, newest first."""
        mine = [
            each
            for each in self.pods
            if each.service == workload.service and not each.is_leaving
        ]
        wanted = self.revisions.get(workload.uid, "")
        if workload.kind is not Kind.JOB and wanted:
            mine = [each for each in mine if each.revision.endswith(wanted)]
        elif workload.kind is Kind.JOB:
            mine = [each for each in mine if each.owner == workload.uid]
        return tuple(sorted(mine, key=lambda each: -each.created_at))

    def list_older(self, workload: Workload) -> tuple[Pod, ...]:
        """The pods of an earlier template that are not being deleted."""
        newest = {each.name for each in self.list_pods(workload)}
        return tuple(
            each
            for each in self.pods
            if each.service == workload.service
            and each.name not in newest
            and not each.is_leaving
        )

    def count_older(self, workload: Workload) -> int:
        """How many ready pods of an earlier template still serve."""
        return sum(each.is_ready for each in self.list_older(workload))

    def list_events(self, *about: tuple[str, str]) -> tuple[Happening, ...]:
        """The events about objects, given as kind and name, the oldest first."""
        found = [each for each in self.events if (each.kind, each.name) in about]
        return tuple(sorted(found, key=lambda each: each.at))

    def list_warnings(
        self, reason: str, *about: tuple[str, str]
    ) -> tuple[Happening, ...]:
        """The warnings with a reason about objects, the oldest first."""
        events = self.list_events(*about)
        return tuple(each for each in events if each.reason == reason)


def take_snapshot(
    kubectl: Kubectl, notes: Notes, *, with_events: bool = True
) -> Snapshot:
    """Look at a project. Raises ClusterUnreachable and ClusterRefused."""
    # The claims of a StatefulSet have the labels of its selector alone.
    listed = kubectl.read(_KINDS, "--selector", f"{PART_OF}={notes.project}")["items"]
    items = [
        each
        for each in listed
        if each.get("kind") == _CLAIM or read_labels(each).get(MANAGED_BY) == OURS
    ]
    events: Iterable[Mapping[str, Any]] = ()
    if with_events:
        events = kubectl.read("events")["items"]
    return read_snapshot(items, events)


def read_snapshot(
    items: Iterable[Mapping[str, Any]],
    events: Iterable[Mapping[str, Any]] = (),
    *,
    now: float | None = None,
) -> Snapshot:
    """What kubectl has answered, as one value."""
    listed = list(items)
    return Snapshot(
        workloads=tuple(
            read_workload(each) for each in listed if each.get("kind") in _WORKLOADS
        ),
        pods=tuple(read_pod(each) for each in listed if each.get("kind") == "Pod"),
        claims=tuple(read_claim(each) for each in listed if each.get("kind") == _CLAIM),
        events=tuple(map(read_happening, events)),
        revisions=find_revisions(listed),
        replica_sets={
            each["metadata"]["name"]: read_labels(each).get(NAME, "")
            for each in listed
            if each.get("kind") == "ReplicaSet"
        },
        now=time.time() if now is None else now,
    )
