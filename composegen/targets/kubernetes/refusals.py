"""What a cluster is never given: each is a problem with its line and what to do."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from composegen.model import SecretKind, Service
from composegen.planning.plan import Step
from composegen.targets.kubernetes.naming import refuse_names
from composegen.targets.kubernetes.scene import Scene

CARRIED_RAW = frozenset({"restart", "container_name"})
"""Raw settings of a service that are not refused; null takes a default away."""

SAFE_SYSCTLS = frozenset(
    """kernel.shm_rmid_forced net.ipv4.ip_local_port_range
    net.ipv4.ip_unprivileged_port_start net.ipv4.tcp_syncookies
    net.ipv4.ping_group_range net.ipv4.ip_local_reserved_ports
    net.ipv4.tcp_keepalive_time net.ipv4.tcp_fin_timeout net.ipv4.tcp_keepalive_intvl
    net.ipv4.tcp_keepalive_probes""".split()
)
"""What Pod Security lets a pod set at every level."""


def refuse(scene: Scene) -> None:
    """Note what of the stack no cluster takes."""
    refuse_names(scene)
    _refuse_secret_files(scene)
    _refuse_top_level(scene)
    for step in scene.plan.steps:
        _refuse_service(scene, step)


def _refuse_secret_files(scene: Scene) -> None:
    for name, secret in scene.plan.secrets.items():
        if secret.kind is SecretKind.FILE and _leads_out(secret.file):
            scene.faults.add(
                "not-on-cluster",
                f"the file of the secret `{name}` is not in the stack's folder, and "
                "kustomize reads no other",
                ("secrets", name, "file"),
                "copy it there",
            )


def _leads_out(path: str) -> bool:
    if path.startswith(("/", "~")) or path[1:2] == ":" or "$" in path:
        return True
    return posixpath.normpath(path).split("/")[0] == ".."


def _refuse_top_level(scene: Scene) -> None:
    for key, value in scene.plan.stack.compose.items():
        if value is not None:
            scene.faults.add(
                "not-on-cluster",
                f"`{key}` below `compose` is a setting of Compose, which means nothing "
                "on a cluster",
                ("compose", key),
                "say it in another stack file, or patch the objects with kustomize",
            )


def _refuse_service(scene: Scene, step: Step) -> None:
    service = step.service
    base = ("services", service.name)
    for key, value in service.compose.items():
        if value is not None and key not in CARRIED_RAW:
            scene.faults.add(
                "not-on-cluster",
                f"`{key}` below `compose` of `{service.name}` is a setting of Compose, "
                "which means nothing on a cluster",
                (*base, "compose", key),
                "use a key of the stack file, or patch the objects with kustomize",
            )
    _refuse_network(scene, step)
    for key in ("devices", "gpus"):
        if key in service.passed:
            scene.faults.add(
                "not-on-cluster",
                f"`{service.name}` uses `{key}`, which a pod asks its cluster for",
                (*base, key),
                "exclude the service, or patch its pod with kustomize",
            )
    for name in _list_unsafe_sysctls(scene, service):
        scene.faults.add(
            "pod-security",
            f"`{service.name}` sets {name}: Pod Security "
            f"`{scene.cluster.pod_security}` refuses such a pod",
            (*base, "sysctls"),
            "render with --pod-security privileged, for a namespace that takes it",
        )


def _refuse_network(scene: Scene, step: Step) -> None:
    """Note a network that no pod has, and a gate that would need one."""
    service = step.service
    base = ("services", service.name)
    if service.uses_host_network or service.network_owner:
        owner = f"`{service.network_owner}`" if service.network_owner else "its host"
        scene.faults.add(
            "not-on-cluster",
            f"`{service.name}` uses the network of {owner}, and a pod has its own",
            (*base, "network_mode"),
            "leave `network_mode` out: pods reach each other by the names of services",
        )
    waiting = [gate.service for gate in step.gates if gate.waits_on_cluster]
    if service.is_isolated and waiting:
        scene.faults.add(
            "not-on-cluster",
            f"`{service.name}` has no network, and its gate needs one",
            (*base, "needs", waiting[0]),
            f"needs: {{{waiting[0]}: {{gate: none}}}}",
        )


def _list_unsafe_sysctls(scene: Scene, service: Service) -> Iterator[str]:
    written = service.passed.get("sysctls")
    if scene.cluster.pod_security != "privileged" and isinstance(written, dict):
        yield from (name for name in written if name not in SAFE_SYSCTLS)
