"""Trees of YAML nodes: the nodes below a node, and a node as plain data."""

from __future__ import annotations

from collections.abc import Iterator

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from composegen.model import Raw

_NULL = frozenset({"", "~", "null", "Null", "NULL"})


def is_null(node: Node) -> bool:
    """Whether the node is an unquoted null or nothing at all."""
    return isinstance(node, ScalarNode) and not node.style and node.value in _NULL


def list_children(node: Node) -> list[Node]:
    """The nodes within a collection, keys before their values; none in a scalar."""
    if isinstance(node, MappingNode):
        return [child for pair in node.value for child in pair]
    return node.value if isinstance(node, SequenceNode) else []


def walk(node: Node) -> Iterator[Node]:
    """A node and all nodes below it, once for each way to it."""
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(list_children(node))


def find_aliased(root: Node) -> set[int]:
    """The ids of nodes that are in more than one place, without empty scalars."""
    seen: set[int] = set()
    aliased: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            if not isinstance(node, ScalarNode) or node.value:
                aliased.add(id(node))
            continue
        seen.add(id(node))
        stack.extend(list_children(node))
    return aliased


def to_plain(node: Node) -> Raw:
    """A node as plain data: every scalar the text that was written, nothing noted.

    Merge keys are merged.
    """
    if isinstance(node, MappingNode):
        own: dict[str, Raw] = {}
        merged: dict[str, Raw] = {}
        for key, value in node.value:
            plain = to_plain(value)
            if key.value == "<<" and not key.style:
                for each in plain if isinstance(plain, list) else [plain]:
                    merged = {**(each if isinstance(each, dict) else {}), **merged}
            else:
                own[str(key.value)] = plain
        return {**merged, **own}
    if isinstance(node, SequenceNode):
        return [to_plain(item) for item in node.value]
    return None if is_null(node) else str(node.value)
