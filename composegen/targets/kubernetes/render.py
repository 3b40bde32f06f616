"""A Plan becomes the objects of a cluster and a kustomization; no disk is touched.

The plan has to be made with ``ClusterAddressing``. The templates own the headers,
``quoting`` owns every value that is printed.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from composegen.model import Raw
from composegen.planning.addressing import name_on_cluster
from composegen.planning.cluster import list_variables
from composegen.planning.hardening import harden_service
from composegen.planning.plan import Plan, Step
from composegen.records import record, replace
from composegen.targets.files import RESTRICTED, Cluster, File, Options
from composegen.targets.header import add_checksum, write_flags
from composegen.targets.kubernetes.containers import choose_image
from composegen.targets.kubernetes.gates import Waited, find_bound
from composegen.targets.kubernetes.generators import make_kustomization
from composegen.targets.kubernetes.loss import note_losses, note_shared
from composegen.targets.kubernetes.names import KUBERNETES_FILE, KUSTOMIZATION_FILE
from composegen.targets.kubernetes.network import (
    make_policy,
    make_services,
    note_published,
)
from composegen.targets.kubernetes.pods import make_claim, make_workload
from composegen.targets.kubernetes.refusals import refuse
from composegen.targets.kubernetes.scene import (
    Faults,
    Losses,
    Scene,
    list_dependents,
    list_mounting,
    name_service,
)
from composegen.targets.kubernetes.settle import settle_step
from composegen.targets.kubernetes.volumes import Generated, list_shared_claims
from composegen.targets.templates import fill_templates


@record
class Object:
    """One object as it is printed, with the comments above it."""

    body: Mapping[str, Raw]
    comments: tuple[str, ...] = ()


def render_plan(plan: Plan, options: Options | None = None) -> tuple[File, File]:
    """``kubernetes.yaml`` and ``kustomization.yaml`` for a plan; the same everywhere.

    The first file says what is lost. Raises ProblemsFound with everything that a
    cluster cannot take.
    """
    options = options or Options()
    scene = _make_scene(plan, options.cluster)
    name = options.name or KUBERNETES_FILE
    refuse(scene)
    steps = [settle_step(scene, step) for step in plan.steps]
    scene = replace(scene, plan=replace(plan, steps=tuple(steps)))
    files: dict[str, tuple[Generated, ...]] = {}
    objects = [*_make_objects(scene, steps, files)]
    kustomization = make_kustomization(scene, steps, files, name)
    scene.faults.check()
    lost = scene.losses.list_lines(plan.names)
    context = {
        **_make_head(scene, steps, name),
        "lost": lost,
        "objects": objects,
        "kustomization": kustomization,
    }
    texts = dict(fill_templates("kubernetes", context))
    return (
        File(name, add_checksum(texts[KUBERNETES_FILE]), lost),
        File(KUSTOMIZATION_FILE, add_checksum(texts[KUSTOMIZATION_FILE])),
    )


def _make_scene(plan: Plan, cluster: Cluster) -> Scene:
    return Scene(
        plan=plan,
        cluster=cluster,
        project=name_on_cluster(plan.stack.name),
        faults=Faults(plan.stack),
        losses=Losses(),
        dependents=list_dependents(plan),
        mounting=list_mounting(plan),
    )


# The objects, what is needed first


def _make_objects(
    scene: Scene, steps: list[Step], files: dict[str, tuple[Generated, ...]]
) -> Iterator[Object]:
    for volume, names in list_shared_claims(scene).items():
        scene.losses.note(
            f"the volume `{volume}` of {', '.join(names)}",
            "a claim that only one machine mounts at a time",
        )
        name = name_on_cluster(volume)
        yield Object(body=make_claim(name, {**scene.label(name)}))
    note_shared(scene)
    for step in steps:
        note_published(scene, step)
    for step in steps:
        yield from _make_of_step(scene, step, files)


def _make_of_step(
    scene: Scene, step: Step, files: dict[str, tuple[Generated, ...]]
) -> Iterator[Object]:
    note_losses(scene, step, harden_service(step.service))
    workload = make_workload(scene, step)
    files[step.name] = workload.files
    yield Object(body=make_policy(scene, step))
    for service in make_services(scene, step):
        yield Object(body=service)
    for account in _make_account(scene, step, workload.waited):
        yield Object(body=account)
    yield Object(body=workload.body, comments=workload.comments)


def _make_account(
    scene: Scene, step: Step, waited: tuple[Waited, ...]
) -> Iterator[dict[str, Raw]]:
    """The account of a pod whose gates ask the API, and what they may ask about."""
    if not waited:
        return
    name = name_service(step.service)
    metadata: Raw = {"name": name, "labels": {**scene.label(name)}}
    group = "rbac.authorization.k8s.io"
    rules: list[Raw] = [
        {
            "apiGroups": [each.group],
            "resources": [each.resource],
            "resourceNames": [each.name],
            "verbs": ["get", "list", "watch"],
        }
        for each in waited
    ]
    yield {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata,
        "automountServiceAccountToken": False,
    }
    yield {
        "apiVersion": f"{group}/v1",
        "kind": "Role",
        "metadata": metadata,
        "rules": rules,
    }
    yield {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": group, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name}],
    }


# The header


def _make_head(scene: Scene, steps: list[Step], output: str) -> dict[str, Any]:
    return {
        "source": scene.plan.stack.file,
        "flags": _write_flags(scene, output),
        "excluded": scene.plan.excluded,
        "optional_lines": [*_list_optional(scene, steps)],
        "images": [*_list_images(scene, steps)],
        "variables": [
            f"{each.service}: {each.name}" for each in list_variables(scene.plan)
        ],
        "has_secrets": bool(scene.plan.secrets or list_variables(scene.plan)),
    }


def _write_flags(scene: Scene, output: str) -> str:
    cluster = scene.cluster
    chosen = {
        "--registry": cluster.registry,
        "--tag": cluster.tag,
        "--wait-image": cluster.wait_image,
        "--pod-security": cluster.pod_security
        if cluster.pod_security != RESTRICTED
        else "",
    }
    common = write_flags(
        scene.plan.stack.file,
        output,
        usual=KUBERNETES_FILE,
        selection=scene.plan.selection.flags,
    )
    own = [f"{flag} {shlex.quote(value)}" for flag, value in chosen.items() if value]
    return " ".join(["--target kubernetes", *([common] if common else []), *own])


def _list_optional(scene: Scene, steps: list[Step]) -> Iterator[str]:
    """Each optional service with the longest time that those without it wait."""
    needing: dict[str, list[str]] = {}
    bounds: dict[str, int] = {}
    for step in steps:
        for gate in step.gates:
            if gate.is_optional and gate.waits_on_cluster:
                needing.setdefault(gate.service, []).append(step.name)
                bounds[gate.service] = find_bound(scene, gate)
    for name, names in needing.items():
        yield f"{name}, {bounds[name]} s: {', '.join(names)}"


def _list_images(scene: Scene, steps: list[Step]) -> Iterator[str]:
    """The images that are built, and have to be where the cluster pulls them."""
    for step in steps:
        if step.service.build is not None:
            yield choose_image(scene, step.service)
