"""The key `networks`, of a service and of the top level."""

from __future__ import annotations

import re
from typing import Any

from composegen.model import Raw
from composegen.patterns import make_pattern
from composegen.stackfile.hints.inline import write_inline
from composegen.stackfile.keys import compose, shapes
from composegen.stackfile.keys.key import Schema
from composegen.stackfile.nodes import (
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    is_null,
)
from composegen.stackfile.reader import Path, Reader
from composegen.text import shorten
from composegen.values import SERVICE_NAME

_NAME = make_pattern(r"[A-Za-z0-9._-]+", re.ASCII)
_OPTIONS = (
    "aliases driver_opts gw_priority interface_name ipv4_address ipv6_address "
    "link_local_ips mac_address priority"
).split()
"""What Compose lets a service say about one of its networks."""
_SWITCHES = "attachable enable_ipv4 enable_ipv6 external internal".split()
"""The options of a network of the stack that are true or false."""
_MODES = ("host", "none")
"""Names that Docker gives a meaning of its own."""


def read_networks(reader: Reader, node: Node, path: Path) -> Any:
    """The networks of a service with their options, None where there are none."""
    if isinstance(node, ScalarNode):
        reader.add_type(
            node,
            "a list of networks or a mapping",
            f"networks: {write_inline([node.value])}",
        )
        return None
    assert isinstance(node, SequenceNode | MappingNode)
    if isinstance(node, SequenceNode):
        networks = _read_list(reader, node, path)
    else:
        networks = _read_mapping(reader, node, path)
    if not node.value:
        reader.add(
            "wrong-type",
            "the list of networks is empty",
            node,
            "name the networks of the service, or switch them off:\nnetwork_mode: none",
        )
        return None
    return networks


def _read_list(reader: Reader, node: SequenceNode, path: Path) -> dict[str, Raw]:
    networks: dict[str, Raw] = {}
    for item in node.value:
        name = reader.read_text(item, "the name of a network", variables=False)
        if name is None or not _check_name(reader, name, item):
            continue
        if name in networks:
            first = reader.source.locate(reader.nodes[*path, name])
            reader.add(
                "duplicate-key",
                f"`{name}` is a duplicate (first at {first})",
                item,
                "keep one of the two",
            )
            continue
        reader.nodes[*path, name] = item
        networks[name] = None
    return networks


def _read_mapping(reader: Reader, node: MappingNode, path: Path) -> dict[str, Raw]:
    networks: dict[str, Raw] = {}
    for name, key_node, value in reader.source.pairs(node):
        reader.nodes[*path, name] = key_node
        if not _check_name(reader, name, key_node):
            continue
        if is_null(value):
            networks[name] = None
        elif isinstance(value, MappingNode):
            networks[name] = _read_options(reader, value, (*path, name))
        else:
            reader.add_type(value, "a mapping of options")
    return networks


def _read_options(reader: Reader, node: MappingNode, path: Path) -> Raw:
    for key, key_node, value in reader.source.pairs(node):
        if key not in _OPTIONS and not key.startswith("x-"):
            reader.add_unknown_key(key, key_node, "a network of a service", _OPTIONS)
        elif key == "aliases" and not isinstance(value, SequenceNode):
            reader.add_type(value, "a list of names")
    return reader.read_raw(node, path)


def _check_name(reader: Reader, name: str, node: Node) -> bool:
    if _NAME.fullmatch(name):
        return True
    reader.add(
        "bad-name",
        f"`{shorten(name)}` cannot be the name of a network",
        node,
        "letters, digits and _ . -",
    )
    return False


def read_aliases(reader: Reader, node: Node, path: Path) -> Any:
    """Further names of a service."""
    if isinstance(node, ScalarNode):
        help = f"aliases: {write_inline([node.value])}"
        reader.add_type(node, "a list of names", help)
        return None
    aliases: list[str] = []
    for item in reader.read_items(node, "a list of names") or ():
        name = reader.read_text(item, "a name", variables=False)
        if name is None:
            continue
        reader.nodes[*path, name] = item
        if not SERVICE_NAME.fullmatch(name):
            reader.add(
                "bad-name",
                f"`{shorten(name)}` cannot be an alias",
                item,
                "letters, digits and _ . - , a letter or a digit first, at most 63",
            )
        elif name not in aliases:
            aliases.append(name)
    return aliases


def read_network_mode(reader: Reader, node: Node, _: Path) -> Any:
    """The mode of a service that is on no network."""
    text = reader.read_text(node, "a network mode", variables=False)
    if text is None or is_network_mode(text):
        return text
    help = "none, host or service:NAME; without the key it is on networks"
    if text in {"bridge", "default"}:
        help = "remove it: the service is on the default network"
    elif text.startswith("container:"):
        help = "name the service of the stack:\nnetwork_mode: service:NAME"
    reader.add("network-mode", f"`{shorten(text)}` is no network mode", node, help)
    return None


def is_network_mode(text: str) -> bool:
    """Whether it is one that a service can have."""
    name = text.removeprefix("service:")
    return text in _MODES or (name != text and bool(SERVICE_NAME.fullmatch(name)))


def read_top_networks(reader: Reader, node: Node, path: Path) -> Any:
    """Options by the name of a network."""
    networks: dict[str, Raw] = {}
    pairs = reader.read_pairs(node, "a mapping of networks") or ()
    for name, key_node, value in pairs:
        reader.nodes[*path, name] = key_node
        if not _check_name(reader, name, key_node):
            continue
        if is_null(value):
            networks[name] = None
        elif isinstance(value, MappingNode):
            networks[name] = compose.read_options(reader, value, *_SWITCHES)
        else:
            reader.add_type(value, "a mapping of options")
    return networks


_OPTIONS_SCHEMA: Schema = {
    "type": ["object", "null"],
    "additionalProperties": False,
    "patternProperties": {"^x-": {}},
    "properties": {
        key: {"type": "array", "items": {"type": "string"}} if key == "aliases" else {}
        for key in _OPTIONS
    },
}
SCHEMA: Schema = shapes.say(
    {
        "anyOf": [
            {**shapes.TEXTS, "minItems": 1},
            {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": _OPTIONS_SCHEMA,
            },
        ]
    },
    "The networks that it is on, instead of the default one",
)
TOP_SCHEMA: Schema = shapes.say(
    {"type": "object", "additionalProperties": {"type": ["object", "null"]}},
    "Options of networks; a network needs no declaration",
)
MODE_SCHEMA: Schema = shapes.say(
    {"type": "string", "pattern": "^(none|host|service:.+)$"},
    "On no network: none, the one of the host, or that of another service",
)
