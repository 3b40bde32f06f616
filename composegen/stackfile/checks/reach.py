"""Networks: who can be reached from where."""

from __future__ import annotations

from collections.abc import Iterable

from composegen.errors import Level
from composegen.model import Raw, Service, Stack
from composegen.needs import Condition, Need
from composegen.planning.networks import list_networks, list_raw_networks
from composegen.planning.placeholders import PLACEHOLDER
from composegen.stackfile.checks.checked import Checked
from composegen.stackfile.hints.inline import write_inline
from composegen.values import guess_default

_ADDRESSES = frozenset({"url", "host", "port", "url_file"})
"""The placeholders that hold an address inside the stack."""


def check_networks(checked: Checked) -> None:
    """Networks do what their author thinks they do."""
    for service in checked.stack.services.values():
        if service.networks is not None and "networks" in service.compose:
            checked.add(
                "computed-key",
                f"`{service.name}` has `networks` twice: as a key and as a raw setting",
                ("services", service.name, "compose", "networks"),
                "write all of them in `networks`",
            )
        elif "networks" in service.compose:
            _check_raw(checked, service)
        else:
            _check_listed(checked, service)
        total = len(checked.list_networks(service))
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


# Networks of raw settings


def _check_raw(checked: Checked, service: Service) -> None:
    names = list_raw_networks(service)
    if names and service.is_store:
        checked.add(
            "store-network",
            f"the data store `{service.name}` is reachable on {', '.join(names)}",
            ("services", service.name, "compose", "networks"),
            "remove it: a data store shares a network with its dependent services",
        )
    if service.compose["networks"] is None:
        _check_kept(checked, service)
    _check_declared(checked, service, names)


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


def _check_declared(checked: Checked, service: Service, names: Iterable[str]) -> None:
    """A raw network is one that composegen makes or the top level declares."""
    known = {"default", *_list_declared(checked.stack)}
    for other in checked.stack.services.values():
        known.update(other.networks or ())
        known.update([other.name] if other.has_own_network else ())
    for name in names:
        if guess_default(name) not in ({*known, ""} if "$" in name else known):
            checked.add(
                "undeclared-network",
                f"`{service.name}` is on the network `{name}`, which is not declared",
                ("services", service.name, "compose", "networks"),
                "declare it at the top level:\n"
                f"networks: {{{name}: {{external: true}}}}",
            )


def _list_declared(stack: Stack) -> dict[str, Raw]:
    """The options of each network that the top level declares, raw ones over others."""
    raw = stack.compose.get("networks")
    return {**stack.networks, **(raw if isinstance(raw, dict) else {})}


# Networks of the key


def _check_listed(checked: Checked, service: Service) -> None:
    """A listed network is no data store's own, and no mode of Docker's."""
    declared = _list_declared(checked.stack)
    for name in service.networks or ():
        path = ("services", service.name, "networks", name)
        store = checked.stack.services.get(name)
        if store is not None and store.has_own_network:
            checked.add(
                "store-network",
                f"`{name}` is the network of the data store `{name}`, which "
                f"`{service.name}` joins by needing it",
                path,
                f"let it need the store:\nneeds: [{name}]",
                level=Level.ERROR,
            )
        elif name in {"host", "none"} and name not in declared:
            checked.add(
                "undeclared-network",
                f"`{service.name}` is on the network `{name}`, which is not declared",
                path,
                f"Docker's network of that name is a mode:\nnetwork_mode: {name}",
            )


def check_unused_networks(checked: Checked) -> None:
    """A network with options is one that a service is on."""
    used = {"default"}
    raw = ""
    for service in checked.stack.services.values():
        used.update(checked.list_networks(service))
        raw += str(service.compose.get("networks", ""))
    for name in checked.stack.networks:
        if name not in used and name not in raw and "$" not in raw:
            checked.add(
                "unused-network",
                f"no service is on the network `{name}`",
                ("networks", name),
                f"list it in a service (networks: [default, {name}]), or remove it",
            )


def check_store_networks(checked: Checked) -> None:
    """The top level's networks open no store's own one."""
    raw = checked.stack.compose.get("networks")
    places = dict.fromkeys(raw if isinstance(raw, dict) else (), ("compose",))
    own = {name: ("networks", name) for name in checked.stack.networks}
    for name, path in {**places, **own}.items():
        service = checked.stack.services.get(name)
        if service is not None and service.has_own_network:
            checked.add(
                "store-network",
                f"`{name}` is already the network of the data store `{name}`",
                path,
                "rename your network",
            )


# Who reaches whom


def check_common_networks(checked: Checked) -> None:
    """A service shares a network with each that it needs.

    A need that gets no address and waits for no health is about the order alone, as is
    one without an address where neither service chooses its networks.
    """
    for service, need, target in checked.needs():
        if {service.network_mode, target.network_mode} & {"host", "none"}:
            continue
        if checked.is_broken(service.name, "networks", "compose"):
            continue
        if checked.is_broken(target.name, "networks", "compose"):
            continue
        is_chosen = service.networks is not None or target.networks is not None
        is_asked = need.until is Condition.HEALTHY and is_chosen
        if not is_asked and not gets_address(need):
            continue
        names = checked.list_networks(service)
        others = checked.list_networks(target)
        if set(names).isdisjoint(others):
            checked.add(
                "no-common-network",
                f"`{service.name}` needs `{target.name}` and cannot reach it: "
                f"`{service.name}` is on {', '.join(names)}, `{target.name}` on "
                f"{', '.join(others)}",
                ("services", service.name, "needs", target.name),
                _suggest_networks(service, names, others),
            )


def _suggest_networks(
    service: Service, names: Iterable[str], others: tuple[str, ...]
) -> str:
    """The `networks` with which a service reaches another one."""
    if service.has_own_network:
        return (
            f"let `{service.name}` be on another network than its own, which its "
            f"dependent services share:\nnetworks: [{others[0]}]"
        )
    listed = write_inline([*names, others[0]])
    return f"let `{service.name}` join one of them:\nnetworks: {listed}"


def gets_address(need: Need) -> bool:
    """Whether a variable of a need holds the address of the service."""
    words = {word for text in need.env.values() for word in PLACEHOLDER.findall(text)}
    return not words.isdisjoint(_ADDRESSES)


def check_internal_ports(checked: Checked) -> None:
    """A service that publishes a port has a network that leads out."""
    declared = _list_declared(checked.stack)
    for service in checked.stack.services.values():
        names = checked.list_networks(service)
        if not service.publish or not names:
            continue
        if all(_is_internal(checked.stack, declared, name) for name in names):
            checked.add(
                "internal-port",
                f"`{service.name}` publishes a port, but all its networks are internal "
                f"({', '.join(names)}): the engine publishes nothing",
                ("services", service.name, "publish"),
                "let it join a network that is not internal, or remove `publish`",
            )


def _is_internal(stack: Stack, declared: dict[str, Raw], name: str) -> bool:
    service = stack.services.get(name)
    options = declared.get(name)
    if service is not None and service.has_own_network:
        return True
    return isinstance(options, dict) and options.get("internal") is True
