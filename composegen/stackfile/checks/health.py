"""Health checks: a port, enough time, and a tool where the target needs one."""

from __future__ import annotations

from composegen.health import Health, HealthKind
from composegen.model import Service
from composegen.planning.asking import asks_a_port, choose_tool, find_helper
from composegen.stackfile.checks.checked import Checked
from composegen.stackfile.checks.paths import check_build
from composegen.text import shorten
from composegen.values import find_undefaulted, format_duration


def check_health(checked: Checked) -> None:
    """A health check has a port and the time it takes."""
    for service in checked.stack.services.values():
        health = service.health
        if health is None or checked.is_broken(service.name, "health"):
            continue
        path = ("services", service.name, "health")
        if health.is_outside:
            _check_outside(checked, service, health, path)
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
        if asks_a_port(health):
            _check_port(checked, service, health, path)


def _check_port(
    checked: Checked, service: Service, health: Health, path: tuple[str, ...]
) -> None:
    if checked.is_broken(service.name, "port", "publish"):
        return
    if health.port is None and (name := _find_undefaulted(service)):
        checked.add(
            "variable-without-default",
            f"`${{{name}}}` has no default, and the health check of `{service.name}` "
            "asks that port",
            ("services", service.name, "publish"),
            f"give it one, as in ${{{name}:-8080}}, or name the port:\nport: 8080",
        )
    elif health.port is None:
        checked.add(
            "no-port",
            f"the port of `{service.name}` is not known",
            path,
            "name the port it listens on:\nport: 8080",
        )
    elif _is_udp(service, health.port):
        checked.add(
            "udp-health",
            f"port {health.port} of `{service.name}` is UDP, which cannot be probed",
            path,
            "name a TCP port in `health`, or use {command: ..}",
        )


def _check_outside(
    checked: Checked, service: Service, health: Health, path: tuple[str, ...]
) -> None:
    """A check from outside asks a port, by a name that the service has."""
    if not asks_a_port(health):
        checked.add(
            "outside-health",
            f"the check of `{service.name}` runs in its container: only `http` and "
            "`tcp` can ask from outside",
            path,
            "ask a port, or remove `from: outside`:\n"
            "health: {tcp: true, from: outside}",
        )
    elif service.uses_host_network or service.is_isolated:
        checked.add(
            "outside-health",
            f"`{service.name}` has `network_mode: {service.network_mode}`: no other "
            "container reaches it by a name",
            path,
            "remove `from: outside`",
        )
    helper = find_helper(service)
    if helper in checked.stack.services:
        checked.add(
            "name-taken",
            f"`{helper}` is the container that checks `{service.name}` from outside",
            ("services", helper),
            "give this service another name",
        )


def _find_undefaulted(service: Service) -> str:
    """The variable without a default that says where a published port leads."""
    names = (find_undefaulted(port.target) for port in service.publish)
    return next(filter(None, names), "")


def _is_udp(service: Service, asked: int) -> bool:
    udp = {port.first_target for port in service.publish if port.protocol == "udp"}
    tcp = {port.first_target for port in service.publish if port.protocol != "udp"}
    return asked in udp - tcp


def check_probe_tool(checked: Checked) -> None:
    """The image has a tool for the probe, for a target that runs probes in it."""
    for service in checked.stack.services.values():
        health = service.health
        if health is None or not asks_a_port(health) or choose_tool(health):
            continue
        if health.is_outside:
            continue
        if health.port is None or _is_udp(service, health.port):
            continue
        if checked.is_broken(
            service.name, "health", "port", "publish", "image", "build", "use"
        ):
            continue
        if service.build is not None and service.build.lacks_file:
            check_build(checked, service)  # that is the problem to solve first
            continue
        known = _describe_known(service, health)
        checked.add(
            "no-probe-tool",
            f"no tool is known that can run the health check of `{service.name}` "
            f"inside its image: {known}",
            ("services", service.name, "health"),
            "name a tool of the image:\nhealth: {.., tool: curl}     # or python3 "
            "python node wget bash php\nor use a command:\n"
            "health: {command: [..]}\nor, without a tool, ask over the network:\n"
            "health: {.., from: outside}",
        )


def _describe_known(service: Service, health: Health) -> str:
    """Why no tool is known, with the image that was read."""
    build = service.build
    if health.tools:
        return f"{', '.join(health.tools)} cannot run it"
    if build is not None and not build.base_image:
        return "its Dockerfile does not say which image it begins with"
    whose = "the image" if build is None else "its base image"
    image = service.image if build is None else build.shown_base
    shown = f"{whose} `{shorten(image)}`" if image else whose
    if service.facts is not None:
        return f"{shown} has no such tool"
    return f"there are no facts about {shown}"
