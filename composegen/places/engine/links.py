"""How containers are attached to networks: what is given back after a cut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from composegen.records import field, record

_SHORT_ID = 12


@record
class Link:
    """How a container is attached to a network: all that is given back with it."""

    network: str
    name: str
    aliases: tuple[str, ...] = ()
    address4: str = ""
    address6: str = ""
    local: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)


@record
class Links:
    """The networks of one container."""

    container: str
    links: tuple[Link, ...]


def read_links(data: Mapping[str, Any]) -> tuple[Link, ...]:
    """The networks of a container from what ``docker inspect`` says of it."""
    networks = (data.get("NetworkSettings") or {}).get("Networks") or {}
    return tuple(
        _read_link(name, each, data["Id"])
        for name, each in networks.items()
        if each.get("NetworkID") and name not in {"host", "none"}
    )


def _read_link(name: str, data: Mapping[str, Any], id: str) -> Link:
    config = data.get("IPAMConfig") or {}
    own = id[:_SHORT_ID]
    return Link(
        network=data["NetworkID"],
        name=name,
        aliases=tuple(each for each in data.get("Aliases") or () if each != own),
        address4=config.get("IPv4Address") or "",
        address6=config.get("IPv6Address") or "",
        local=tuple(config.get("LinkLocalIPs") or ()),
        links=tuple(data.get("Links") or ()),
        options=data.get("DriverOpts") or {},
    )


def describe_link(link: Link) -> dict[str, Any]:
    """A link in the words in which the engine takes it."""
    config = {
        "IPv4Address": link.address4,
        "IPv6Address": link.address6,
        "LinkLocalIPs": list(link.local),
    }
    return {
        "Aliases": list(link.aliases),
        "Links": list(link.links),
        "DriverOpts": dict(link.options) or None,
        "IPAMConfig": {key: each for key, each in config.items() if each} or None,
    }
