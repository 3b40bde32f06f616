"""Names with texts: a mapping, or a list of ``NAME=text``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from composegen.stackfile.nodes import (
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    is_null,
)
from composegen.stackfile.reader import REMOVED, Path, Reader
from composegen.text import shorten
from composegen.values import double_dollars, has_variables, split_outside


def read_text_map(
    reader: Reader,
    node: Node,
    path: Path,
    *,
    name_of: re.Pattern[str] | None = None,
    is_filled: bool = False,
    may_pass: bool = False,
) -> dict[str, Any] | None:
    """Names with texts: a mapping, or a list of ``NAME=text``.

    A null value is REMOVED. In a list that ``may_pass`` variables on, a name alone
    does so, and is None. ``name_of`` is what a name must look like; of a list
    that ``is_filled`` by Compose, names may hold variables. Names are texts that
    Compose fills in: a ``$`` of a mapping's key, which it does not, is doubled.
    """
    if isinstance(node, MappingNode):
        return _read_mapping(reader, node, path, name_of)
    if not isinstance(node, SequenceNode):
        reader.add_type(node, "a mapping or a list of NAME=value")
        return None
    texts: dict[str, Any] = {}
    for name, item, text in [*_split_items(reader, node, path, may_pass=may_pass)]:
        reader.nodes[*path, name] = item
        is_variable = is_filled and has_variables(name)
        if name_of is not None and not (is_variable or name_of.fullmatch(name)):
            reader.add_bad_env_name(name, item)
        elif reader.check_variables(item):
            texts[name] = text
    return texts


def _read_mapping(
    reader: Reader, node: MappingNode, path: Path, name_of: re.Pattern[str] | None
) -> dict[str, Any]:
    texts: dict[str, Any] = {}
    for key, key_node, value in reader.source.pairs(node):
        name = key.replace("$", "$$")
        reader.nodes[*path, name] = key_node
        if name_of is not None and not name_of.fullmatch(name):
            reader.add_bad_env_name(name, key_node)
        elif reader.source.find_lost_comma(node, key_node, value):
            reader.add_lost_comma(name, key_node)
        elif is_null(value):
            texts[name] = REMOVED
        else:
            text = reader.read_text(value)
            if text is not None:
                texts[name] = text
    return texts


def _split_items(
    reader: Reader, node: SequenceNode, path: Path, *, may_pass: bool
) -> Iterator[tuple[str, ScalarNode, str | None]]:
    seen: dict[str, Node] = {}
    for item in node.value:
        if not isinstance(item, ScalarNode) or is_null(item):
            reader.add_type(item, "NAME=value")
            continue
        name, *rest = split_outside(double_dollars(item.value), "=")
        if name in seen:
            first = reader.source.locate(seen[name])
            reader.add(
                "duplicate-key",
                f"`{shorten(name)}` is a duplicate (first at {first})",
                item,
                "keep one of the two",
            )
            continue
        seen[name] = item
        if rest:
            yield name, item, "=".join(rest)
        elif may_pass:
            yield name, item, None
        else:
            reader.add(
                "null-value",
                f"`{shorten(name)}` has no value",
                item,
                f"an empty text is written {name}="
                if path[-1:] in {("labels",), ("sysctls",)}
                else f"to pass on the variable of that name: {name}=${{{name}}}",
            )
