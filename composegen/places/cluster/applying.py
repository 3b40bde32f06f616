"""Applies objects to a cluster: whose they are, what is refused, what is replaced."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from composegen.errors import ClusterRefused, ComposegenError, ForeignObject
from composegen.patterns import make_pattern
from composegen.places.cluster.kubectl import Kubectl, Said, list_complaints
from composegen.places.cluster.manifests import (
    Object,
    is_of,
    name_object,
    write_list,
)
from composegen.places.cluster.objects import (
    MANAGED_BY,
    NAME,
    OURS,
    PART_OF,
    read_labels,
)
from composegen.places.cluster.snapshot import select_project
from composegen.records import record

LEVEL = "pod-security.kubernetes.io/enforce"
"""The label of a namespace that says which pods it admits."""
REMOVED = (
    "deployments.apps,statefulsets.apps,jobs.batch,services,"
    "networkpolicies.networking.k8s.io,roles.rbac.authorization.k8s.io,"
    "rolebindings.rbac.authorization.k8s.io,serviceaccounts,secrets,configmaps"
)
"""Every kind that is applied for a stack, but for the claims: they hold its data."""
_APPLY = ("apply", "--server-side", "--field-manager=composegen", "--filename=-")
_MOST = 300.0
_CONFLICT = make_pattern(
    r'[Cc]onflicts? with "([^"]+)"(?:[^:]*): ?((?:\s*-? ?\.[^\n]+)+)'
)
_FIXED = make_pattern(
    r'StatefulSet\.apps "([^"]+)" is invalid: spec: Forbidden: updates to stateful'
)
_IMMUTABLE = "field is immutable"


@record
class Live:
    """What is on the cluster of the objects that are about to be applied."""

    found: tuple[Mapping[str, Any], ...]

    def find(self, kind: str, name: str) -> Mapping[str, Any] | None:
        """One object; None where it is not there."""
        named = (
            each
            for each in self.found
            if each.get("kind") == kind and each["metadata"]["name"] == name
        )
        return next(named, None)


def find_namespace(kubectl: Kubectl) -> bool:
    """Whether the namespace is there; one that may not be looked at is taken for it.

    Raises ClusterUnreachable and ClusterRefused.
    """
    said = kubectl.ask("get", "namespace", kubectl.namespace, "--ignore-not-found")
    if said.code and "(Forbidden)" in said.err:
        return True
    if said.code:
        raise kubectl.explain(said)
    return bool(said.out.strip())


def make_namespace(kubectl: Kubectl, project: str, level: str) -> None:
    """Make the namespace, which admits only pods of a level of Pod Security."""
    labels = {MANAGED_BY: OURS, PART_OF: project, LEVEL: level}
    made = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": kubectl.namespace, "labels": labels},
    }
    kubectl.call("create", "--filename=-", text=write_list([made]))


def look_at_live(kubectl: Kubectl, objects: Iterable[Object], project: str) -> Live:
    """What is there of the objects. Raises ForeignObject for one made by others."""
    flags = ("--filename=-", "--show-managed-fields")
    found = kubectl.read(*flags, text=write_list(objects))["items"]
    foreign = [each for each in found if not is_of(each, project)]
    if foreign:
        names = ", ".join(map(name_object, foreign))
        is_one = len(foreign) == 1
        owner = _describe_owner(foreign[0])
        raise ForeignObject(
            f"{names} in the namespace {kubectl.namespace} "
            f"{'is' if is_one else 'are'} not of this stack{owner}",
            help="take another namespace: composegen up --on kubernetes --namespace "
            "NAME; or remove what is there",
        )
    return Live(found=tuple(found))


def _describe_owner(found: Mapping[str, Any]) -> str:
    labels = read_labels(found)
    if labels.get(MANAGED_BY) == OURS:
        return f" but of {labels.get(PART_OF, 'another one')}"
    return f": {labels[MANAGED_BY]} made it" if MANAGED_BY in labels else ""


@record
class Scaled:
    """A workload that has another number of pods than is applied.

    ``is_off`` says that it has none.
    """

    service: str
    path: str
    replicas: int
    is_off: bool


def find_scaled(live: Live, objects: Iterable[Object]) -> list[Scaled]:
    """The workloads that have no pods, or as many as `composegen start` has set.

    What another program has set stays as it is: applying reports the conflict.
    """
    found = []
    for each in objects:
        there = live.find(each["kind"], each["metadata"]["name"])
        if there is None or each["kind"] not in {"Deployment", "StatefulSet"}:
            continue
        now, wanted = there["spec"].get("replicas", 1), each["spec"].get("replicas", 1)
        is_ours = "replicas" in each["spec"] and _was_scaled_by_us(there)
        if wanted and now != wanted and (now == 0 or is_ours):
            name = each["metadata"]["name"]
            found.append(
                Scaled(
                    service=read_labels(each).get(NAME, name),
                    path=f"{each['kind'].lower()}/{name}",
                    replicas=wanted,
                    is_off=now == 0,
                )
            )
    return found


def _was_scaled_by_us(there: Mapping[str, Any]) -> bool:
    managers = there["metadata"].get("managedFields") or ()
    return any(
        each.get("manager") == OURS and each.get("subresource") == "scale"
        for each in managers
    )


def scale(kubectl: Kubectl, path: str, replicas: int) -> None:
    """Let a workload have so many pods, as a change that is composegen's own."""
    patch = json.dumps({"spec": {"replicas": replicas}})
    kubectl.call(
        *("patch", path, "--subresource=scale", "--type=merge"),
        *(f"--field-manager={OURS}", f"--patch={patch}"),
    )


def find_suspended(live: Live) -> list[str]:
    """The jobs that are suspended."""
    return [
        each["metadata"]["name"]
        for each in live.found
        if each["kind"] == "Job" and each["spec"].get("suspend")
    ]


def find_outdated_jobs(
    kubectl: Kubectl, live: Live, objects: Iterable[Object]
) -> list[str]:
    """The jobs that have to be made again: they failed, or are defined differently.

    A template cannot be changed; whether it would be is asked of the API server.
    """
    outdated = []
    for each in objects:
        if each["kind"] != "Job":
            continue
        name = each["metadata"]["name"]
        there = live.find("Job", name)
        if there is None:
            continue
        if _has_failed(there):
            outdated.append(name)
            continue
        said = kubectl.ask(*_APPLY, "--dry-run=server", text=write_list([each]))
        if said.code and _IMMUTABLE in said.err:
            outdated.append(name)
    return outdated


def _has_failed(job: Mapping[str, Any]) -> bool:
    conditions = job.get("status", {}).get("conditions") or ()
    return any(
        each.get("type") in {"Failed", "FailureTarget"} and each.get("status") == "True"
        for each in conditions
    )


def remove_jobs(kubectl: Kubectl, names: Iterable[str]) -> None:
    """Remove jobs with their pods, and wait until they are gone."""
    listed = [*names]
    if listed:
        flags = ("--cascade=foreground", "--ignore-not-found", "--timeout=120s")
        kubectl.call("delete", "job", *listed, *flags, timeout=_MOST)


def apply_objects(kubectl: Kubectl, objects: Iterable[Object]) -> tuple[str, ...]:
    """Apply objects; the warnings of the API server.

    Raises ClusterRefused, for a field that another manager has set too.
    """
    said = kubectl.ask(*_APPLY, text=write_list(objects), timeout=_MOST)
    if said.code:
        raise _explain_refusal(kubectl, said)
    return tuple(dict.fromkeys(said.warnings))


def _explain_refusal(kubectl: Kubectl, said: Said) -> ComposegenError:
    conflicts = _CONFLICT.findall(said.err)
    if conflicts:
        shown = "; ".join(
            f"{', '.join(re.findall(r'[.][^ ]+', fields))} is set by {manager}"
            for manager, fields in conflicts
        )
        return ClusterRefused(
            f"another program has changed what composegen applies: {shown}",
            help="write the same value into the stack file, or take that change back; "
            "composegen never overwrites it",
        )
    fixed = _FIXED.search(said.err)
    if fixed is not None:
        name = fixed[1]
        return ClusterRefused(
            f"`{name}` is a StatefulSet, of which this cannot be changed: its volumes, "
            "its name and its selector",
            help="remove it, its pods and its data stay: kubectl "
            f"--context {kubectl.context} -n {kubectl.namespace} delete statefulset "
            f"{name} --cascade=orphan; then: composegen up --on kubernetes",
        )
    error = kubectl.explain(said)
    lines = list_complaints(said.err)
    if isinstance(error, ClusterRefused) and len(lines) > 1:
        error.message = "kubectl: " + "; ".join(lines)
    return error


def prune(kubectl: Kubectl, project: str, objects: Iterable[Object]) -> list[str]:
    """Remove what is there of the project and is not among the objects.

    That is what an earlier `up` has applied: services that are gone from the stack, and
    secrets with older values.
    """
    kept = {(each["kind"].lower(), each["metadata"]["name"]) for each in objects}
    extra = [
        path
        for path in _list_paths(kubectl, REMOVED, project)
        if _split_path(path) not in kept
    ]
    if extra:
        kubectl.call("delete", *extra, "--ignore-not-found", "--wait=false")
    return extra


def _list_paths(kubectl: Kubectl, kinds: str, project: str) -> list[str]:
    """What is there of a project, as `secret/name`; no value is read."""
    selector = ("--selector", select_project(project))
    flags = ("--output=name", "--ignore-not-found")
    return kubectl.call("get", kinds, *selector, *flags).out.split()


def _split_path(path: str) -> tuple[str, str]:
    kind, _, name = path.partition("/")
    return kind.partition(".")[0], name


def remove_services(kubectl: Kubectl, project: str, names: Iterable[str]) -> None:
    """Remove the objects of some services; their claims stay."""
    chosen = f"{NAME} in ({','.join(names)})"
    selector = select_project(project, chosen)
    kubectl.call(
        *("delete", REMOVED, "--selector", selector),
        *("--ignore-not-found", "--wait=false"),
        timeout=_MOST,
    )


def remove_project(kubectl: Kubectl, project: str, say: Callable[[str], None]) -> bool:
    """Remove all of a project but its claims, and wait; whether anything was there."""
    selector = ("--selector", select_project(project))
    if not _list_paths(kubectl, REMOVED, project):
        return False
    say(f"removing the objects of {project}, and waiting for its pods to end")
    # In the foreground, they go when their pods have gone.
    flags = ("--cascade=foreground", "--ignore-not-found", "--timeout=240s")
    kubectl.call("delete", REMOVED, *selector, *flags, timeout=_MOST)
    return True
