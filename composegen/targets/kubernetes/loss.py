"""What is lost on the way to a cluster, each with what replaces it.

A raw setting of null says that its default is not wanted: then nothing is lost.
"""

from __future__ import annotations

from composegen.model import Service
from composegen.needs import Later
from composegen.planning.hardening import Hardening
from composegen.planning.plan import Step
from composegen.planning.restarts import find_policy, guess_restart
from composegen.targets.kubernetes.scene import Scene

_OWN_KEYS = {
    "ulimits": "those of the node hold",
    "dns": "the DNS of the cluster answers",
    "stop_signal": "the signal of the image, SIGTERM by default",
    "develop": "nothing follows changes of the sources",
}


def note_losses(scene: Scene, step: Step, hardening: Hardening) -> None:
    """Note what a service has in Compose and not in its pod."""
    service = step.service
    for key, instead in _OWN_KEYS.items():
        if key in service.passed:
            scene.losses.note(f"`{key}`", instead, service.name)
    if service.resources.pids and service.compose.get("pids_limit", 0) is not None:
        scene.losses.note(
            f"pids: {service.resources.pids}",
            "the limit that the kubelet sets for a pod",
            service.name,
        )
    if "init" in hardening.protections and service.compose.get("init", 0) is not None:
        scene.losses.note(
            "init", "process 1 of the image has to reap its children", service.name
        )
    if "logging" not in service.compose:
        scene.losses.note(
            "log rotation of 3 files of 10 MB",
            "that of the kubelet, by default 5 files of 10 MiB",
            service.name,
        )
    _note_restart(scene, service)
    _note_names(scene, service)
    for gate in step.gates:
        if gate.later is Later.RESTART:
            scene.losses.note(
                f"`later: restart` of `{gate.service}`",
                "it is not restarted when that one fails",
                service.name,
            )


def _note_names(scene: Scene, service: Service) -> None:
    """Note the name of a container, and the networks that a service lists."""
    if service.compose.get("container_name") is not None:
        scene.losses.note(
            f"container_name: {service.compose['container_name']}",
            "the cluster names the pods",
            service.name,
        )
    if service.networks is not None:
        names = ", ".join(service.networks)
        scene.losses.note(
            f"networks: {names}",
            "a policy lets in those that need it, where the cluster enforces policies",
            service.name,
        )


def note_shared(scene: Scene) -> None:
    """Note what volumes and networks of the stack have, and no service of it."""
    stack = scene.plan.stack
    for volume in scene.mounting:
        options = stack.volumes.get(volume)
        names = [*options] if isinstance(options, dict) else []
        if names and "external" not in names:
            scene.losses.note(
                f"{', '.join(names)} of the volume `{volume}`",
                "the storage class of the cluster",
            )
    for network in scene.plan.networks:
        if stack.networks.get(network):
            scene.losses.note(
                f"options of the network `{network}`", "the network of the cluster"
            )


def _note_restart(scene: Scene, service: Service) -> None:
    policy = find_policy(service)
    word = guess_restart(service).word
    if not service.job and word not in {"always", "unless-stopped"}:
        scene.losses.note(f"restart: {policy}", "it is always restarted", service.name)
