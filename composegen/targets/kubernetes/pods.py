"""The pod of a service, and the workload that keeps it: the kind follows from the plan.

A service with a volume of its own is a StatefulSet, a job is a Job, all else is a
Deployment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from composegen.model import Raw, Service
from composegen.patterns import make_pattern
from composegen.planning.hardening import Hardening, harden_service
from composegen.planning.plan import Step
from composegen.records import record
from composegen.targets.kubernetes.containers import (
    choose_image,
    make_container,
    make_resources,
)
from composegen.targets.kubernetes.gates import (
    Gates,
    Waited,
    make_gates,
    make_token_volume,
)
from composegen.targets.kubernetes.probes import make_probes
from composegen.targets.kubernetes.quantities import write_seconds
from composegen.targets.kubernetes.scene import Path, Scene, name_service
from composegen.targets.kubernetes.security import Security, make_security
from composegen.targets.kubernetes.volumes import (
    CLAIM_SIZE,
    Generated,
    PodVolumes,
    make_volumes,
)
from composegen.values import guess_default, parse_duration

_HOST_GATEWAY = "host-gateway"
_ANNOTATION = make_pattern(
    r"(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?"
    r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)


@record
class Workload:
    """The object that runs a service, and what belongs to it.

    ``comments`` say why it differs from the defaults, ``files`` are what its ConfigMap
    holds, ``waited`` the objects that its gates ask about.
    """

    body: Mapping[str, Raw]
    comments: tuple[str, ...]
    files: tuple[Generated, ...]
    waited: tuple[Waited, ...]


def make_workload(scene: Scene, step: Step) -> Workload:
    """The workload of a step; what a cluster cannot take is noted."""
    service = step.service
    hardening = harden_service(service)
    security = make_security(scene, service, hardening)
    volumes = make_volumes(scene, step, hardening, security.file_mode)
    image = choose_image(scene, service)
    gates = make_gates(scene, step, image)
    pod = _make_pod(scene, step, security, volumes, gates, image)
    head: dict[str, Raw] = {"labels": _label(scene, service)}
    annotations = _make_annotations(scene, service)
    if annotations:
        head["annotations"] = annotations
    template: dict[str, Raw] = {"metadata": head, "spec": pod}
    return Workload(
        body=_make_body(scene, step, volumes, gates, template),
        comments=tuple(_explain(hardening)),
        files=tuple(volumes.files),
        waited=gates.waited if scene.cluster.wait_image else (),
    )


def _label(scene: Scene, service: Service) -> dict[str, Raw]:
    return scene.label(name_service(service))


def _explain(hardening: Hardening) -> Iterator[str]:
    for name, reason in hardening.reasons.items():
        why = f": {reason.text}" if reason.text else ""
        yield f"{name}: {reason.source}{why}"


# The workload


def _make_body(
    scene: Scene,
    step: Step,
    volumes: PodVolumes,
    gates: Gates,
    template: dict[str, Raw],
) -> dict[str, Raw]:
    service = step.service
    name = name_service(service)
    metadata: Raw = {"name": name, "labels": _label(scene, service)}
    if service.job:
        spec: dict[str, Raw] = {"backoffLimit": 0}
        asking = [str(each["name"]) for each in gates.containers if "args" in each]
        if asking:
            spec["podFailurePolicy"] = _forgive(asking)
        spec["template"] = template
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": metadata,
            "spec": spec,
        }
    spec = {}
    if step.replicas > 1 and not volumes.claims:
        spec["replicas"] = step.replicas
    elif step.replicas > 1:
        scene.losses.note(
            f"replicas: {step.replicas}", "one, which holds the claim", service.name
        )
    if volumes.claims:
        spec["serviceName"] = name
        # One that is broken is replaced by the next apply; it is not waited for.
        spec["podManagementPolicy"] = "Parallel"
    elif volumes.is_shared:
        spec["strategy"] = {"type": "Recreate"}
    spec["selector"] = {"matchLabels": {**scene.select(name)}}
    spec["template"] = template
    if volumes.claims:
        spec["volumeClaimTemplates"] = [
            make_claim(claim, _label(scene, service), is_template=True)
            for claim in volumes.claims
        ]
    kind = "StatefulSet" if volumes.claims else "Deployment"
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}


def _forgive(containers: list[str]) -> dict[str, Raw]:
    """A job whose gate could not ask the API is tried again; it has not failed."""
    rules: list[Raw] = [
        {
            "action": "Ignore",
            "onExitCodes": {
                "containerName": name,
                "operator": "NotIn",
                "values": [0],
            },
        }
        for name in containers
    ]
    return {"rules": rules}


def make_claim(
    name: str, labels: dict[str, Raw], *, is_template: bool = False
) -> dict[str, Raw]:
    """A claim of a volume, as an object or as the template of one."""
    head: dict[str, Raw] = {}
    if not is_template:
        head = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    return {
        **head,
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": CLAIM_SIZE}},
        },
    }


# The pod


def _make_pod(
    scene: Scene,
    step: Step,
    security: Security,
    volumes: PodVolumes,
    gates: Gates,
    image: str,
) -> dict[str, Raw]:
    service = step.service
    resources = make_resources(scene, service)
    context: Raw = dict(security.container)
    common: dict[str, Raw] = {"resources": resources, "securityContext": context}
    pod: dict[str, Raw] = {}
    if gates.waited and scene.cluster.wait_image:
        pod["serviceAccountName"] = name_service(service)
        volumes.volumes.append(make_token_volume())
    pod |= {"automountServiceAccountToken": False, "enableServiceLinks": False}
    if service.job:
        pod["restartPolicy"] = "Never"
    pod |= _make_settings(scene, service)
    pod["securityContext"] = _add_sysctls(scene, service, security.pod)
    if gates.containers:
        pod["initContainers"] = [{**each, **common} for each in gates.containers]
    container = {
        **make_container(scene, step, image),
        **make_probes(scene, service),
        **common,
    }
    if volumes.mounts:
        container["volumeMounts"] = [*volumes.mounts]
    pod["containers"] = [container]
    if volumes.volumes:
        pod["volumes"] = [*volumes.volumes]
    return pod


def _make_settings(scene: Scene, service: Service) -> dict[str, Raw]:
    """Keys of Compose that a pod has under another name."""
    base = ("services", service.name)
    found: dict[str, Raw] = {}
    grace = service.passed.get("stop_grace_period")
    if grace is not None:
        text = scene.fill(str(grace), (*base, "stop_grace_period"))
        found["terminationGracePeriodSeconds"] = _read_grace(text)
    hostname = service.passed.get("hostname")
    facts = service.facts
    if hostname is not None:
        text = scene.fill(str(hostname), (*base, "hostname"))
        found["hostname"] = text.partition(".")[0].lower()
    elif facts is not None and facts.hostname:
        found["hostname"] = name_service(service)
    platform = service.passed.get("platform")
    if platform is not None:
        text = scene.fill(str(platform), (*base, "platform"))
        system, _, machine = text.partition("/")
        chosen: dict[str, Raw] = {"kubernetes.io/os": system}
        if machine:
            chosen["kubernetes.io/arch"] = machine.partition("/")[0]
        found["nodeSelector"] = chosen
    aliases = _list_host_aliases(scene, service)
    if aliases:
        found["hostAliases"] = aliases
    return found


def _read_grace(text: str) -> int:
    try:
        return write_seconds(parse_duration(text).seconds)
    except ValueError:
        return write_seconds(0)


def _list_host_aliases(scene: Scene, service: Service) -> list[Raw]:
    """What `extra_hosts` adds, by its addresses."""
    path: Path = ("services", service.name, "extra_hosts")
    listed = service.passed.get("extra_hosts")
    names: dict[str, list[Raw]] = {}
    for each in listed if isinstance(listed, list) else ():
        text = scene.fill(str(each), path)
        name, _, address = text.replace("=", ":", 1).partition(":")
        if address == _HOST_GATEWAY:
            scene.losses.note(
                f"the host as `{name}`", "a pod knows no host", service.name
            )
        else:
            names.setdefault(address.strip("[]"), []).append(name)
    return [{"ip": ip, "hostnames": hosts} for ip, hosts in names.items()]


def _add_sysctls(
    scene: Scene, service: Service, context: Mapping[str, Raw]
) -> dict[str, Raw]:
    written = service.passed.get("sysctls")
    if not isinstance(written, dict) or not written:
        return dict(context)
    path: Path = ("services", service.name, "sysctls")
    listed: list[Raw] = [
        {"name": guess_default(name), "value": scene.fill(str(value), path)}
        for name, value in written.items()
    ]
    return {**context, "sysctls": listed}


def _make_annotations(scene: Scene, service: Service) -> dict[str, Raw]:
    """The labels of a container, which may hold any text: annotations of its pod."""
    found: dict[str, Raw] = {}
    for name, text in service.labels.items():
        path = ("services", service.name, "labels", name)
        key = scene.fill(name, path)
        if _ANNOTATION.fullmatch(key):
            found[key] = scene.fill(str(text), path)
        else:
            scene.losses.note(
                f"the label `{key}`", "it cannot be an annotation", service.name
            )
    return found
