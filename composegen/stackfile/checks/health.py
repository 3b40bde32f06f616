"""Health checks: a port to ask on, a tool that asks, time enough."""

from __future__ import annotations

from composegen.model import (
    Health,
    HealthKind,
    Service,
)
from composegen.planning.asking import can_ask
from composegen.stackfile.checks.checked import Checked
from composegen.values import format_duration


def check_health(checked: Checked) -> None:
    """A health check has a port, a tool and the time it takes."""
    for service in checked.stack.services.values():
        health = service.health
        if health is None or checked.is_broken(service.name, "health"):
            continue
        path = ("services", service.name, "health")
        if health.kind is HealthKind.NONE:
            continue
        if health.boot.seconds < health.timeout.seconds:
            checked.add(
                "boot-too-short",
                f"`{service.name}` has {format_duration(health.boot.seconds)} to "
                f"become ready, less than one probe may take "
                f"({format_duration(health.timeout.seconds)})",
                path,
                "a longer `boot`, or a shorter `timeout`",
            )
        if health.kind in {HealthKind.HTTP, HealthKind.TCP}:
            _check_network_health(checked, service, health, path)


def _check_network_health(
    checked: Checked, service: Service, health: Health, path: tuple[str, ...]
) -> None:
    if checked.is_broken(service.name, "port", "publish"):
        return
    if health.port is None:
        checked.add(
            "no-port",
            f"nobody knows the port of `{service.name}` to ask on",
            path,
            "say which port it listens on:\nport: 8080",
        )
        return
    udp = {port.first_target for port in service.publish if port.protocol == "udp"}
    tcp = {port.first_target for port in service.publish if port.protocol != "udp"}
    if health.port in udp - tcp:
        checked.add(
            "udp-health",
            f"port {health.port} of `{service.name}` is UDP, which cannot be asked",
            path,
            "name a TCP port in `health`, or ask with {command: ..}",
        )
        return
    if not can_ask(health) and not checked.is_broken(
        service.name, "image", "build", "use"
    ):
        if health.tools:
            known = f"{', '.join(health.tools)} cannot do that"
        elif service.facts is not None:
            known = "there is nothing in its image that could"
        else:
            known = "nothing is known about its image"
        checked.add(
            "no-probe-tool",
            f"nobody can ask `{service.name}` whether it is ready: {known}",
            path,
            "name what is in the image:\nhealth: {.., tool: curl}     # or python3 "
            "python node wget bash php\nor a program of its own:\n"
            "health: {command: [..]}",
        )
