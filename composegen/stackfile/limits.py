"""What a YAML file may hold: a limit for each way to make a small file heavy to read.

The limits are checked before anything walks the nodes, and without recursion.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from composegen.patterns import make_pattern
from composegen.stackfile.tree import list_children

MAX_DEPTH = 50
MAX_ALIASED = 100_000
_SAFE_BRACKETS = 2_000
_SAFE_INDENTATION = 500

TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep"
FLATTEN = "a stack file is flat: take the nesting apart"

_Base: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class Loader(_Base):  # type: ignore[misc] # libyaml's, or the one without it
    """Resolves no types: every scalar stays the text that was written.

    A base loader does the same, but looks for a type by path and pattern each time.
    """

    def resolve(self, kind: type[Node], *_: Any) -> str:
        """The tag of a node's kind."""
        return _TAGS[kind]

    def descend_resolver(self, *_: Any) -> None:
        """Nothing depends on the path to a node."""

    def ascend_resolver(self) -> None:
        """Nothing depends on the path to a node."""


_TAGS: dict[type[Node], str] = {
    ScalarNode: _Base.DEFAULT_SCALAR_TAG,
    SequenceNode: _Base.DEFAULT_SEQUENCE_TAG,
    MappingNode: _Base.DEFAULT_MAPPING_TAG,
}
NOT_ALLOWED = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ud800-\udfff"
"""Control characters other than tab and line ends, and halves of characters."""
# Texts until they are used: most files have no line that one of them looks at.
_QUOTED = (
    r"""(?:(?<=[\[{,:])|(?<=[\[{,:] )|^[ -]*)(?:"[^"\\]*"|'[^']*')"""
    r"""|\$\{[^{}\[\]"'#]*\}"""
)
_TAKES_THOUGHT = frozenset("#\\\"'")
_INDENTATION = make_pattern(r" *(?:[-?:] +)*")

Add: TypeAlias = Callable[[str, str, Node, str], None]
"""Notes a problem with a node: its name, what is wrong, the node, what to do."""


def find_too_deep(text: str) -> Any:
    """The mark where a text is nested too deep for a parser that recurses, or None."""
    if not _may_be_deep(text):
        return None
    depth = 0
    for event in yaml.parse(text, Loader=Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                return event.start_mark
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return None


def _may_be_deep(text: str) -> bool:
    if text.count("[") + text.count("{") > _SAFE_BRACKETS and not _is_flat(text):
        return True
    long = [line for line in text.split("\n") if len(line) > _SAFE_INDENTATION]
    return any(
        len(match[0]) > _SAFE_INDENTATION
        for match in map(_INDENTATION.match, long)
        if match is not None
    )


def _is_flat(text: str) -> bool:
    """Whether every line surely closes, outside quotes, what it opens.

    No is the answer for a line that takes thought: a quote that spans lines, an
    escape, an apostrophe within a word, a comment.
    """
    quoted = re.compile(_QUOTED)
    for line in text.split("\n"):
        has_quotes = '"' in line or "'" in line
        if has_quotes and (line.count('"') % 2 or line.count("'") % 2):
            return False
        if "[" not in line and "{" not in line:
            continue
        bare = quoted.sub("", line) if has_quotes or "$" in line else line
        if not _TAKES_THOUGHT.isdisjoint(bare):
            return False
        opened = bare.count("["), bare.count("{")
        if opened != (bare.count("]"), bare.count("}")) or sum(opened) > MAX_DEPTH:
            return False
    return True


def check_tree(root: Node, text: str, add: Add) -> bool:
    """Tags, depth, characters and what aliases expand to, without recursion.

    Returns whether the tree can be walked.
    """
    has_anchors = "&" in text
    if has_anchors and not _check_aliases(root, text, add):
        return False
    has_tags = "!" in text
    has_escapes = "\\" in text
    if not (has_tags or has_escapes or has_anchors):
        return _check_depth(root, add)
    seen: set[int] = set()
    stack = [(root, 1)]
    while stack:
        node, depth = stack.pop()
        if has_tags:
            _check_tag(node, text, add)
        if isinstance(node, ScalarNode):
            if has_escapes and node.style == '"':
                _check_escapes(node, add)
            continue
        if id(node) in seen:
            continue
        seen.add(id(node))
        if depth > MAX_DEPTH:
            add("too-deep", TOO_DEEP, node, FLATTEN)
            return False
        stack.extend([(child, depth + 1) for child in list_children(node)])
    return True


def _check_depth(root: Node, add: Add) -> bool:
    """Whether a tree without aliases is not too deep, looked at level by level."""
    level = [root]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            for child in list_children(node)
            if not isinstance(child, ScalarNode)
        ]
        if not level:
            return True
    add("too-deep", TOO_DEEP, level[-1], FLATTEN)
    return False


def _check_aliases(root: Node, text: str, add: Add) -> bool:
    """Whether no collection contains itself and all together stay small."""
    sizes: dict[int, int] = {}
    depths: dict[int, int] = {}
    open_nodes: set[int] = set()
    stack: list[tuple[Node, bool]] = [(root, False)]
    while stack:
        node, is_done = stack.pop()
        key = id(node)
        if is_done:
            open_nodes.discard(key)
            children = list_children(node)
            sizes[key] = 1 + sum(sizes.get(id(child), 1) for child in children)
            depths[key] = 1 + max((depths.get(id(c), 1) for c in children), default=0)
            if depths[key] > MAX_DEPTH:
                add("too-deep", TOO_DEEP, node, FLATTEN)
                return False
        elif key in open_nodes:
            add(
                "recursive-alias",
                "this collection contains itself",
                node,
                "an alias cannot be inside the collection that it names",
            )
            return False
        elif key not in sizes and not isinstance(node, ScalarNode):
            open_nodes.add(key)
            stack.append((node, True))
            stack.extend((child, False) for child in list_children(node))
    if sizes.get(id(root), 1) - len(sizes) > MAX_ALIASED + text.count("\n"):
        add(
            "alias-expansion",
            f"aliases expand this to {sizes[id(root)]:,} values",
            root,
            "use fewer aliases of aliases",
        )
        return False
    return True


def _check_tag(node: Node, text: str, add: Add) -> None:
    is_foreign = node.tag and not node.tag.startswith("tag:yaml.org,2002:")
    # A block mapping begins where its first key does, whose tag is not its own.
    is_block = isinstance(node, MappingNode) and not node.flow_style
    starts = text.startswith("!", node.start_mark.index)
    if is_foreign or (starts and not is_block):
        _add_tag(node, node.tag, add)


def _check_escapes(node: ScalarNode, add: Add) -> None:
    found = re.search(f"[{NOT_ALLOWED}]", node.value)
    if found:
        add(
            "bad-character",
            f"this value holds U+{ord(found[0]):04X}",
            node,
            "control characters other than tab and line ends are refused",
        )


def _add_tag(node: Node, tag: str, add: Add) -> None:
    shown = tag.replace("tag:yaml.org,2002:", "!!")
    add(
        "yaml-tag",
        f"`{shown}` is a tag; a stack file has none",
        node,
        "remove it: a value is read as the type its key wants",
    )
