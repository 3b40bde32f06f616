"""Networks: who can be reached from where."""

from __future__ import annotations

from composegen.model import (
    Service,
)
from composegen.planning.networks import list_networks
from composegen.stackfile.checks.checked import Checked
from composegen.values import guess_default


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
        if guess_default(name) not in ({*known, ""} if "$" in name else known):
            checked.add(
                "undeclared-network",
                f"`{service.name}` is on the network `{name}`, which is not declared",
                ("services", service.name, "compose", "networks"),
                "declare it at the top level:\n"
                f"compose: {{networks: {{{name}: {{external: true}}}}}}",
            )
