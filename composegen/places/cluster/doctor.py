"""Whether a cluster can run the stack: one finding for each thing that is looked at."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping

from composegen.errors import ComposegenError
from composegen.places.cluster.contexts import Where
from composegen.places.cluster.kubectl import Kubectl
from composegen.places.cluster.policies import Pair, Trial
from composegen.places.findings import (
    Finding,
    say_broken,
    say_doubtful,
    say_fine,
)
from composegen.places.findings import (
    Where as Way,
)
from composegen.planning.plan import Plan
from composegen.records import record

_NEEDED = (
    "deployments.apps",
    "statefulsets.apps",
    "jobs.batch",
    "services",
    "secrets",
    "networkpolicies.networking.k8s.io",
)
_CLUSTER = Way.CLUSTER
_DEFAULT = "storageclass.kubernetes.io/is-default-class"


@record
class Question:
    """What is asked of a cluster.

    ``pair`` is the image that policies are tried with, None where there is none;
    ``ask`` asks a person whether they may be, None where there is no one.
    """

    where: Where
    pair: Pair | None
    unpushed: tuple[str, ...]
    ask: Callable[[str], bool] | None


def examine_cluster(
    plan: Plan, question: Question, environment: Mapping[str, str]
) -> Iterator[Finding]:
    """Every finding, as it is made. Raises KubectlMissing."""
    where = question.where
    kubectl = where.make_kubectl(environment)
    try:
        yield _look_at_server(kubectl, where)
        yield from _look_at_rights(kubectl, where)
        yield from _look_at_storage(kubectl, plan)
    except ComposegenError as error:
        yield say_broken(_CLUSTER, error.message, error.help)
        return
    if question.unpushed:
        names = ", ".join(question.unpushed)
        yield say_doubtful(
            _CLUSTER,
            f"images that are built here were not pushed: {names}",
            "unless the nodes have them: composegen push --registry REGISTRY",
        )
    yield _try_policies(question, environment)


def _look_at_server(kubectl: Kubectl, where: Where) -> Finding:
    said = kubectl.call("version", "--output=json")
    found = json.loads(said.out)
    server = found.get("serverVersion", {}).get("gitVersion", "")
    client = found.get("clientVersion", {}).get("gitVersion", "")
    return say_fine(
        _CLUSTER,
        f"{where.context} ({where.server}) answers: Kubernetes {server}, "
        f"kubectl {client}",
    )


def _look_at_rights(kubectl: Kubectl, where: Where) -> Iterator[Finding]:
    """What the user may do in the namespace."""
    missing = []
    for resource in _NEEDED:
        said = kubectl.ask("auth", "can-i", "patch", resource)
        if said.out.strip().splitlines()[-1:] != ["yes"]:
            missing.append(resource)
    if not missing:
        yield say_fine(_CLUSTER, f"this user may apply objects in {where.namespace}")
        return
    yield say_broken(
        _CLUSTER,
        f"this user may not change {', '.join(missing)} in {where.namespace}",
        "ask the owner of the cluster for a role there, such as `edit`",
    )


def _look_at_storage(kubectl: Kubectl, plan: Plan) -> Iterator[Finding]:
    """Whether a claim can get a volume."""
    users = [
        step.name
        for step in plan.steps
        if any(mount.volume_name for mount in step.service.volumes)
    ]
    if not users:
        return
    said = kubectl.ask("get", "storageclass", "--output=json")
    if said.code:
        return  # it may not be looked at
    classes = json.loads(said.out).get("items") or ()
    default = [
        each["metadata"]["name"]
        for each in classes
        if (each["metadata"].get("annotations") or {}).get(_DEFAULT) == "true"
    ]
    if default:
        yield say_fine(_CLUSTER, f"claims get their volumes from {default[0]}")
        return
    yield say_doubtful(
        _CLUSTER,
        f"there is no default storage class: {', '.join(users)} may get no volume",
        "make a class the default one, or volumes that fit: kubectl get pv",
    )


def _try_policies(question: Question, environment: Mapping[str, str]) -> Finding:
    """Whether policies are enforced, which only a trial shows."""
    pair, ask = question.pair, question.ask
    if pair is None:
        return say_doubtful(
            _CLUSTER,
            "whether NetworkPolicies are enforced was not tried: no image of the stack "
            "has python3, node or nc",
            "look into the documentation of the cluster's network",
        )
    trial = Trial(question.where, environment, pair)
    asked = (
        f"make two pods of {pair.image} in the namespace {trial.namespace} of "
        f"{question.where.context}, and remove them?"
    )
    if ask is None or not ask(asked):
        return say_doubtful(
            _CLUSTER,
            "whether NetworkPolicies are enforced was not tried",
            "composegen doctor --on kubernetes --yes tries it with two pods",
        )
    try:
        tried = trial.carry_out()
    except ComposegenError as error:
        return say_doubtful(
            _CLUSTER,
            f"whether NetworkPolicies are enforced cannot be tried: {error.message}",
            error.help,
        )
    if tried.is_enforced is None:
        words = f"whether NetworkPolicies are enforced is not known: {tried.words}"
        return say_doubtful(_CLUSTER, words, "")
    if tried.is_enforced:
        return say_fine(_CLUSTER, "NetworkPolicies are enforced: it was tried")
    return say_doubtful(
        _CLUSTER,
        "NetworkPolicies are accepted and not enforced: every pod of the cluster "
        "reaches every service of the stack",
        "use a network plugin that enforces them, such as Calico or Cilium",
    )
