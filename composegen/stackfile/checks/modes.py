"""`network_mode`: what a service without networks of its own can have and be asked."""

from __future__ import annotations

from collections.abc import Iterator

from composegen.health import HealthKind
from composegen.model import Service
from composegen.needs import Condition, Need
from composegen.planning.asking import asks_a_port
from composegen.stackfile.checks.checked import Checked
from composegen.stackfile.checks.reach import gets_address
from composegen.text import list_some, suggest

_OF_NETWORKS = ("publish", "networks", "aliases")
_OF_OWNER = (*_OF_NETWORKS, "hostname", "dns", "extra_hosts")
"""What belongs to the service whose network another one shares."""


def check_modes(checked: Checked) -> None:
    """A service with a network mode has what goes with it, and what it can reach."""
    for service in checked.stack.services.values():
        if not service.network_mode or checked.is_broken(service.name, "network_mode"):
            continue
        place = ("services", service.name, "network_mode")
        if "network_mode" in service.compose and place in checked.stack.places:
            checked.add(
                "computed-key",
                f"`{service.name}` has `network_mode` twice: as a key and as a raw "
                "setting",
                ("services", service.name, "compose", "network_mode"),
                "remove the raw one",
            )
        owner = service.network_owner
        if owner and _check_owner(checked, service, owner):
            _check_shared(checked, service, owner)
        for key in _list_set(service, _OF_OWNER if owner else _OF_NETWORKS):
            _add_useless(checked, service, key)
    _check_isolated(checked)
    _check_shared_ports(checked)


def _list_set(service: Service, keys: tuple[str, ...]) -> Iterator[str]:
    values = {
        "publish": service.publish,
        "networks": service.networks is not None or service.compose.get("networks"),
        "aliases": service.aliases,
    }
    for key in keys:
        if values.get(key, service.passed.get(key)):
            yield key


def _add_useless(checked: Checked, service: Service, key: str) -> None:
    mode, owner = service.network_mode, service.network_owner
    help = f"remove `{key}`"
    if owner:
        help = f"move it to `{owner}`, whose network it shares"
    elif mode == "host" and key == "publish":
        help = "name the port of the host that it listens on:\nport: 8080"
    checked.add(
        "network-mode",
        f"`{service.name}` has `network_mode: {mode}`, and no `{key}` of its own",
        ("services", service.name, key),
        help,
    )


# The network of another service


def _check_owner(checked: Checked, service: Service, owner: str) -> bool:
    """Whether the network of the other service can be shared; notes why not."""
    services = checked.stack.services
    place = ("services", service.name, "network_mode")
    if owner not in services:
        checked.add(
            "unknown-service",
            f"`{service.name}` shares the network of `{owner}`, which is not in this "
            "stack",
            place,
            suggest(owner, services, f"there are {list_some(services)}"),
        )
        return False
    if owner == service.name or services[owner].network_mode:
        why = "is itself" if owner == service.name else "has no network of its own"
        checked.add(
            "network-mode",
            f"`{service.name}` cannot share the network of `{owner}`, which {why}",
            place,
            "name a service that is on networks",
        )
        return False
    return True


def _check_shared(checked: Checked, service: Service, owner: str) -> None:
    """It starts in the network of the other one, which therefore runs."""
    need = next((need for need in service.needs if need.service == owner), None)
    if need is not None and need.is_optional:
        checked.add(
            "network-mode",
            f"`{service.name}` cannot start without `{owner}`, whose network it shares",
            ("services", service.name, "needs", owner),
            "remove `otherwise`",
        )


def _check_shared_ports(checked: Checked) -> None:
    """Services that share a network listen on different ports."""
    taken: dict[tuple[str, int], str] = {}
    for service in checked.stack.services.values():
        network = service.network_owner or service.name
        if service.network_mode in {"host", "none"} or service.port is None:
            continue
        first = taken.setdefault((network, service.port), service.name)
        if first != service.name:
            checked.add(
                "port-twice",
                f"`{service.name}` and `{first}` share a network, and both listen on "
                f"port {service.port}",
                ("services", service.name, "network_mode"),
                "let one of them listen on another port",
            )


# No network


def _check_isolated(checked: Checked) -> None:
    """Nothing is asked of a service without a network, and it asks nothing."""
    for service, need, target in checked.needs():
        path = ("services", service.name, "needs", target.name)
        alone = next((each for each in (service, target) if each.is_isolated), None)
        if alone is None:
            continue
        if gets_address(need):
            checked.add(
                "network-mode",
                f"`{alone.name}` has `network_mode: none`: `{service.name}` cannot use "
                f"an address of `{target.name}`",
                path,
                f"needs: [{target.name}]     # without an address",
            )
        elif alone is target and _waits_for_port(need, target):
            checked.add(
                "network-mode",
                f"`{target.name}` has `network_mode: none`: nothing can connect to the "
                "port that its health check asks",
                path,
                f"wait until it has started, or give `{target.name}` a check that runs "
                "a program:\nhealth: {command: [..]}",
            )


def _waits_for_port(need: Need, target: Service) -> bool:
    health = target.health
    is_asked = health is not None and health.kind is not HealthKind.NONE
    return (
        need.until is Condition.HEALTHY
        and is_asked
        and health is not None
        and asks_a_port(health)
    )
