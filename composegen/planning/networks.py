"""Which networks a service is in, so that a store is reached by those that need it."""

from __future__ import annotations

from composegen.model import Mount, Service, Stack, split_mount
from composegen.values import guess_default


def list_networks(stack: Stack, service: Service) -> tuple[str, ...]:
    """The networks a service is on by what it says, is and needs.

    Each data store that names none has one of its own, named after it, which its
    dependent services join; it is on the default network only when it publishes a port.
    A service with a network mode is on none; what shares its network is on the same.
    """
    if service.network_mode:
        return ()
    networks: list[str] = []
    if service.networks is not None:
        networks += service.networks
    elif not service.is_store or service.publish:
        networks.append("default")
    if service.has_own_network:
        networks.append(service.name)
    networks += [
        need.service
        for each in (service, *list_sharing(stack, service))
        for need in each.needs
        if need.service in stack.services
        and stack.services[need.service].has_own_network
    ]
    return tuple(dict.fromkeys(networks))


def list_sharing(stack: Stack, service: Service) -> tuple[Service, ...]:
    """The services that share the network of another one."""
    return tuple(
        stack.services[name] for name in service.sharing if name in stack.services
    )


def find_owner(stack: Stack, service: Service) -> Service:
    """The service whose networks one is on: itself, or the one it shares them with."""
    return stack.services.get(service.network_owner, service)


def needs_host(stack: Stack, service: Service) -> bool:
    """Whether a service, or what shares its network, needs one on the host's."""
    return not service.network_mode and any(
        need.service in stack.services
        and stack.services[need.service].uses_host_network
        for each in (service, *list_sharing(stack, service))
        for need in each.needs
    )


def list_all_networks(stack: Stack, service: Service) -> tuple[str, ...]:
    """The networks a service is on, raw ones by the defaults of their variables."""
    service = find_owner(stack, service)
    names = [*list_networks(stack, service), *list_raw_networks(service)]
    return tuple(dict.fromkeys(map(guess_default, names)))


def list_raw_networks(service: Service) -> tuple[str, ...]:
    """The networks of a service's raw settings, as they are written."""
    raw = service.compose.get("networks")
    return tuple(map(str, raw)) if isinstance(raw, dict | list) else ()


def list_raw_mounts(service: Service) -> tuple[Mount, ...]:
    """The volumes of a service's raw settings, in either form."""
    raw = service.compose.get("volumes")
    mounts = []
    for item in raw if isinstance(raw, list) else ():
        if isinstance(item, dict):
            source = str(item.get("source") or "")
            mounts.append(
                Mount(source=source, target=str(item.get("target")), long=item)
            )
        else:
            mount = split_mount(str(item))
            if mount is not None:
                mounts.append(mount)
    return tuple(mounts)
