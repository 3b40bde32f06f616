"""Ports and networks: who can be reached from where."""

from __future__ import annotations

from composegen.model import (
    Service,
)
from composegen.planning.asking import asks_a_port
from composegen.planning.networks import list_networks
from composegen.stackfile.checks.checked import Checked
from composegen.values import Port

_EVERYWHERE = ("0.0.0.0", "::")
_MOST_PORTS = 200_000
"""More than every port of a machine: who publishes as many does not mean it."""


def check_ports(checked: Checked) -> None:
    """One port of the host belongs to one service."""
    seen: dict[tuple[str, int], dict[str, Service]] = {}
    count = 0
    for service in checked.stack.services.values():
        path = ("services", service.name, "publish")
        for port in service.publish:
            if not port.is_loopback:
                checked.add(
                    "open-port",
                    f"`{service.name}` publishes {port.published} on {port.address}: "
                    "every host that reaches this machine can connect, past the "
                    "firewall",
                    path,
                    "remove the address to publish on 127.0.0.1 only",
                )
            count += len(port.host_ports)
            if count > _MOST_PORTS:
                return
            for number in port.host_ports:
                others = seen.setdefault((port.protocol, number), {})
                clash = _find_clash(others, port.address)
                if clash is not None:
                    first = checked.find("services", clash.name, "publish")
                    checked.add(
                        "port-twice",
                        f"port {number} of the host is published twice: by "
                        f"`{clash.name}` (at {first}) and by `{service.name}`",
                        path,
                        f"use another port for one of them:\npublish: "
                        f"{_suggest_port(number, port)}",
                    )
                    break
                others[port.address] = service


def check_led_to(checked: Checked) -> None:
    """A published port leads to the one that a service says it listens on."""
    for service in checked.stack.services.values():
        path = ("services", service.name, "port")
        if path not in checked.stack.places or service.recipe:
            continue
        if checked.is_broken(service.name, "port", "publish"):
            continue
        _check_led_to(checked, service, path)


def _check_led_to(checked: Checked, service: Service, path: tuple[str, ...]) -> None:
    published = [port for port in service.publish if port.protocol == "tcp"]
    health = service.health
    asked = health.port if health is not None and asks_a_port(health) else None
    wanted = {service.port, asked} - {None}
    if not published or any(wanted & {*port.targets} for port in published):
        return
    first = published[0]
    checked.add(
        "port-unpublished",
        f"`{service.name}` listens on port {service.port}, but no published port leads "
        f"there: {first.published} leads to {first.target}",
        path,
        f"let it lead there:\npublish: {_lead_to(service, published[0])}",
    )


def _lead_to(service: Service, moved: Port) -> str:
    """The published ports as they are written, one of them leading to `port`."""
    texts = []
    for port in service.publish:
        address = "" if port.address == "127.0.0.1" else f"{port.host}:"
        protocol = "" if port.protocol == "tcp" else f"/{port.protocol}"
        target = service.port if port is moved else port.target
        texts.append(f"{address}{port.published}:{target}{protocol}")
    quoted = [f'"{text}"' for text in texts]
    if len(texts) > 1:
        return f"[{', '.join(quoted)}]"
    return texts[0] if texts[0].count(":") == 1 else quoted[0]


def _find_clash(taken: dict[str, Service], address: str) -> Service | None:
    """Who has a port already, at this address or at all of them."""
    if address in _EVERYWHERE:
        return next(iter(taken.values()), None)
    return next((taken[at] for at in (address, *_EVERYWHERE) if at in taken), None)


def _suggest_port(number: int, port: Port) -> str:
    other = number + 1 if number < 65535 else number - 1
    return f"{other}:{port.target}"


def check_networks(checked: Checked) -> None:
    """Raw networks do what their author thinks they do."""
    for service in checked.stack.services.values():
        raw = service.compose.get("networks")
        names = list(raw) if isinstance(raw, dict | list) else []
        path = ("services", service.name, "compose", "networks")
        if names and service.is_store:
            checked.add(
                "store-network",
                f"the data store `{service.name}` is reachable on "
                f"{', '.join(map(str, names))}",
                path,
                "remove it: a data store shares a network with its dependent services",
            )
        if "networks" in service.compose and raw is None:
            _check_kept(checked, service)
        _check_declared(checked, service, [str(name) for name in names])
        if service.uses_host_network:
            _check_host_network(checked, service)
        total = len({*list_networks(checked.stack, service), *map(str, names)})
        if (
            total > 1
            and service.labels.get("traefik.enable", "").lower() == "true"
            and "traefik.docker.network" not in service.labels
        ):
            checked.add(
                "traefik-network",
                f"`{service.name}` is on {total} networks: traefik may choose one that "
                "it cannot reach",
                ("services", service.name, "labels", "traefik.enable"),
                "name the network that both share:\n"
                "labels: {traefik.docker.network: ..}",
            )


def _check_kept(checked: Checked, service: Service) -> None:
    """Raw settings do not take a service off the network of a data store."""
    stores = [
        name for name in list_networks(checked.stack, service) if name != "default"
    ]
    if stores:
        checked.add(
            "computed-key",
            f"`{service.name}` cannot leave its networks: it could not reach "
            f"`{stores[0]}`"
            if stores[0] != service.name
            else f"the data store `{service.name}` cannot leave its own network",
            ("services", service.name, "compose", "networks"),
            "remove the line",
        )


def check_store_networks(checked: Checked) -> None:
    """The top level's raw networks open no store's own one."""
    raw = checked.stack.compose.get("networks")
    for name in raw if isinstance(raw, dict) else ():
        service = checked.stack.services.get(str(name))
        if service is not None and service.is_store:
            checked.add(
                "store-network",
                f"`{name}` is already the network of the data store `{name}`",
                ("compose",),
                "rename your network",
            )


def _check_declared(checked: Checked, service: Service, names: list[str]) -> None:
    """A raw network is one that composegen makes or the top level declares."""
    if not names:
        return
    declared = checked.stack.compose.get("networks")
    known = {"default", *(declared if isinstance(declared, dict) else ())}
    known |= {s.name for s in checked.stack.services.values() if s.is_store}
    for name in names:
        if name not in known:
            checked.add(
                "undeclared-network",
                f"`{service.name}` is on the network `{name}`, which is not declared",
                ("services", service.name, "compose", "networks"),
                "declare it at the top level:\n"
                f"compose: {{networks: {{{name}: {{external: true}}}}}}",
            )


def _check_host_network(checked: Checked, service: Service) -> None:
    wanted = any(target.name == service.name for _, _, target in checked.needs())
    if wanted or service.needs or service.publish:
        reason = (
            "another service needs it"
            if wanted
            else "it needs others"
            if service.needs
            else "it publishes a port"
        )
        checked.add(
            "network-mode",
            f"`{service.name}` cannot use the host's network: {reason}",
            ("services", service.name, "compose", "network_mode"),
            "only a service without needs, dependent services and published ports can",
        )
