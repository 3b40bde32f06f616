"""Which networks a service is in, so that a store is reached by those that need it."""

from __future__ import annotations

from composegen.model import Mount, Service, Stack, split_mount


def list_networks(stack: Stack, service: Service) -> tuple[str, ...]:
    """The networks a service is on by what it is and needs, ``default`` first.

    Each data store has one of its own, named after it; it is on the default network
    only when it publishes a port.
    """
    networks = []
    if not service.is_store or service.publish:
        networks.append("default")
    if service.is_store:
        networks.append(service.name)
    networks += [
        need.service
        for need in service.needs
        if need.service in stack.services and stack.services[need.service].is_store
    ]
    return tuple(dict.fromkeys(networks))


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
