"""How pods are reached: a Service for each port, a policy for each service.

A policy lets in only those that need the service. What is published beyond this host
is open to everyone; what is published on loopback is reached by a forwarded port.
"""

from __future__ import annotations

from collections.abc import Iterator

from composegen.model import Raw, Service
from composegen.patterns import make_pattern
from composegen.planning.addressing import name_on_cluster
from composegen.planning.plan import Step
from composegen.ports import Port
from composegen.targets.kubernetes.scene import Scene, name_service

_LABEL = make_pattern(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")


def list_ports(service: Service) -> tuple[tuple[int, str], ...]:
    """The ports of a service, its own first: numbers and protocols."""
    ports = [(service.port, "TCP")] if service.port is not None else []
    ports += [
        (t, port.protocol.upper()) for port in service.publish for t in port.targets
    ]
    return tuple(dict.fromkeys(ports))


def make_services(scene: Scene, step: Step) -> Iterator[dict[str, Raw]]:
    """The Services of a step: its name, that of its choice, its aliases."""
    service = step.service
    ports = list_ports(service)
    if not ports or service.is_isolated:
        return
    own = name_service(service)
    names = [own]
    if service.choice:
        names.append(name_on_cluster(service.choice))
    for alias in service.aliases:
        text = scene.fill(alias, ("services", service.name, "aliases"))
        if _LABEL.fullmatch(text):
            names.append(text)
        else:
            scene.losses.note(
                f"the alias `{text}`", f"the name is `{own}` alone", service.name
            )
    for name in dict.fromkeys(names):
        yield {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "labels": scene.label(own)},
            "spec": {
                "selector": scene.select(own),
                "ports": [
                    {
                        "name": f"{protocol.lower()}-{port}",
                        "port": port,
                        "targetPort": port,
                        "protocol": protocol,
                    }
                    for port, protocol in ports
                ],
            },
        }


def make_policy(scene: Scene, step: Step) -> dict[str, Raw]:
    """Who may connect to the pods of a step."""
    service = step.service
    name = name_service(service)
    spec: dict[str, Raw] = {
        "podSelector": {"matchLabels": {**scene.select(name)}},
        "policyTypes": ["Ingress"],
    }
    rules = [] if service.is_isolated else _list_rules(scene, service)
    if service.is_isolated:
        scene.losses.note(
            "no network at all",
            "a policy that lets nothing in or out, where the cluster enforces policies",
            service.name,
        )
        spec["policyTypes"] = ["Ingress", "Egress"]
    if rules:
        spec["ingress"] = rules
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "labels": scene.label(name)},
        "spec": spec,
    }


def _list_rules(scene: Scene, service: Service) -> list[Raw]:
    ports = list_ports(service)
    dependents = scene.dependents.get(service.name, ())
    rules: list[Raw] = []
    if ports and dependents:
        selectors: list[Raw] = [
            {"podSelector": {"matchLabels": {**scene.select(name_on_cluster(name))}}}
            for name in dependents
        ]
        rules.append({"from": selectors, "ports": _list_targets(ports)})
    opened = [
        (target, port.protocol.upper())
        for port in service.publish
        if not port.is_loopback
        for target in port.targets
    ]
    if opened:
        rules.append({"ports": _list_targets(tuple(dict.fromkeys(opened)))})
    return rules


def _list_targets(ports: tuple[tuple[int, str], ...]) -> list[Raw]:
    return [{"port": port, "protocol": protocol} for port, protocol in ports]


def note_published(scene: Scene, step: Step) -> None:
    """Note what is published: a cluster has no host that it would be published on."""
    for port in step.service.publish:
        instead = "a Service inside the cluster; add an Ingress or a LoadBalancer"
        if port.is_loopback and port.protocol == "tcp":
            instead = "`composegen up --on kubernetes --forward` forwards it"
        elif port.is_loopback:
            instead = "a Service inside the cluster; only tcp can be forwarded"
        scene.losses.note(f"published on {_show(port)}", instead, step.name)


def _show(port: Port) -> str:
    suffix = f"/{port.protocol}" if port.protocol != "tcp" else ""
    return f"{port.host}:{port.shown}{suffix}"
