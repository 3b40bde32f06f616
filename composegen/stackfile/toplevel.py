"""The top level of a stack file: each key read, services as drafts of their keys."""

from __future__ import annotations

from collections.abc import Mapping

from composegen.errors import ProblemsFound
from composegen.model import Raw
from composegen.records import record
from composegen.stackfile.file import File
from composegen.stackfile.keys.key import Draft
from composegen.stackfile.keys.top import TOP_KEYS, Services
from composegen.stackfile.nodes import MappingNode, Node
from composegen.stackfile.reader import Reader
from composegen.stackfile.tree import find_aliased, to_plain, walk


@record
class Parts:
    """What the file says, key by key, before anything is put together.

    ``top`` holds the value of each key of the top level that could be read,
    ``extensions`` those that begin with ``x-``; ``broken`` holds (service, key) of
    what could not be read.
    """

    top: Draft
    drafts: Mapping[str, Draft]
    broken: frozenset[tuple[str, str]]
    extensions: Mapping[str, Raw]


def parse_parts(file: File) -> Parts:
    """Read every key; raises ProblemsFound where the file is no mapping."""
    reader = file.reader
    problems = reader.source.problems
    root = reader.source.root
    if not isinstance(root, MappingNode):
        assert root is not None
        reader.add_type(root, "a mapping", "a stack file begins with `services:`")
        raise ProblemsFound(problems.found)
    top: Draft = {}
    extensions: dict[str, Raw] = {}
    aliased: set[int] | None = None
    for key, key_node, value in reader.source.pairs(root):
        reader.nodes[key,] = key_node
        if key in TOP_KEYS:
            top[key] = TOP_KEYS[key].read(reader, value, (key,))
        elif key.startswith("x-"):
            raw = reader.read_raw(value)
            aliased = find_aliased(root) if aliased is None else aliased
            if not _is_fragment(value, aliased):
                extensions[key] = raw
        elif reader.source.find_lost_comma(root, key_node, value):
            reader.add_lost_comma(key, key_node)
        else:
            _add_strange_key(reader, key, key_node, value)
    if "services" not in top:
        problems.add(
            "no-services",
            "there are no services in this file",
            reader.source.locate_at(0, 0),
            "begin with:\nservices:\n  web:\n    build: .\n    publish: 8080\n"
            "    health: /",
        )
    services: Services = top.get("services") or Services()
    return Parts(
        top={key: value for key, value in top.items() if value is not None},
        drafts=services.drafts,
        broken=frozenset(services.broken),
        extensions=extensions,
    )


def _add_strange_key(reader: Reader, key: str, key_node: Node, value: Node) -> None:
    from composegen.stackfile.hints.keys import TOP_LEVEL, translate_top_key

    if key in TOP_LEVEL:
        help = translate_top_key(key, to_plain(value))
        reader.add("compose-key", f"`{key}` is not read here", key_node, help)
    else:
        reader.add_unknown_key(key, key_node, "a stack", [*TOP_KEYS, "x-"])


def _is_fragment(value: Node, aliased: set[int]) -> bool:
    """Whether an ``x-`` key only holds an anchor that is used elsewhere."""
    return any(id(node) in aliased for node in walk(value))
