"""Reads single values out of nodes: text, numbers, lists, mappings, raw settings.

A reader returns what it read, or None after it has noted what is wrong; it never
raises, so that one pass finds every problem.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from composegen.model import Raw
from composegen.patterns import make_pattern
from composegen.ports import parse_port
from composegen.stackfile.hints.inline import write_inline
from composegen.stackfile.hints.types import suggest_type
from composegen.stackfile.nodes import (
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    Source,
    is_null,
)
from composegen.text import LINE_BREAK, shorten, suggest
from composegen.values import (
    BadVariable,
    Duration,
    Number,
    double_dollars,
    find_default,
    find_undefaulted,
    has_variables,
    parse_duration,
    parse_size,
    parse_variables,
)

Value = TypeVar("Value")
Path = tuple[str, ...]

_LONGEST_HELP = 160
_INTEGER = make_pattern(r"-?(?:0|[1-9]\d{0,17})", re.ASCII)
_DECIMAL = make_pattern(r"-?(?:0|[1-9]\d{0,14})\.\d{1,15}", re.ASCII)


class Removed:
    """``null`` in a draft: remove what the recipe brought."""

    def __repr__(self) -> str:
        return "REMOVED"


REMOVED = Removed()


def describe(node: Node) -> str:
    """What a node is, for a sentence."""
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, SequenceNode):
        return "a list"
    return "an empty value" if is_null(node) else f"`{shorten(node.value)}`"


def _simplify(node: Node) -> str | list[str] | None:
    """The text of a node, or of its one item; None where it is empty, else no text."""
    if isinstance(node, ScalarNode):
        return None if is_null(node) else node.value
    if isinstance(node, SequenceNode):
        return [item.value for item in node.value if isinstance(item, ScalarNode)]
    return []


class Reader:
    """Reads values from one source and remembers the place of each path."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.nodes: dict[Path, Node] = {}

    def add(self, name: str, message: str, node: Node, help: str) -> None:
        """Note a problem with a node."""
        self.source.add(name, message, node, help)

    def add_type(self, node: Node, wanted: str, help: str = "") -> None:
        """Note that a node is not of the type its key wants, with an example of it."""
        help = help or suggest_type(wanted, _simplify(node))
        if is_null(node):
            self.add("null-value", f"the value is empty; it needs {wanted}", node, help)
        else:
            self.add("wrong-type", f"{describe(node)} is not {wanted}", node, help)

    # Scalars

    def read_text(
        self, node: Node, wanted: str = "a text", *, variables: bool = True
    ) -> str | None:
        """A text as it was written, a ``$`` that is text doubled as Compose wants it.

        Any other ``$`` must begin a variable, where variables are allowed.
        """
        if not isinstance(node, ScalarNode) or is_null(node):
            self.add_type(node, wanted)
            return None
        if "$" in node.value and not self.check_variables(node, variables=variables):
            return None
        return double_dollars(node.value)

    def check_variables(self, node: ScalarNode, *, variables: bool = True) -> bool:
        """Whether every ``${`` of the text is a variable of Compose."""
        try:
            found = parse_variables(double_dollars(node.value))
        except BadVariable as error:
            doubled = write_inline(re.sub(r"(?<!\$)\$(?!\$)", "$$", node.value))
            shown = f"; with every dollar plain:\n{doubled}"
            self.add(
                "bad-variable",
                f"{error} in {describe(node)}",
                node,
                "a plain dollar before a brace is written `$$`, a variable `${NAME}`"
                + shown * (len(doubled) <= _LONGEST_HELP),
            )
            return False
        if found and not variables:
            self.add(
                "variable-here",
                f"`${{{found[0].name}}}` is not allowed here: composegen computes with "
                "this value",
                node,
                "write the value itself",
            )
            return False
        return True

    def read_line(self, node: Node, wanted: str) -> str | None:
        """A text of one line in which ``$`` means nothing: a reason, a note."""
        if not isinstance(node, ScalarNode):
            self.add_type(node, wanted)
            return None
        text = "" if is_null(node) else node.value.strip()
        if LINE_BREAK.search(text):
            self.add(
                "not-one-line", f"{wanted} is one line", node, "write it as one line"
            )
            return None
        return text

    def read_bool(self, node: Node) -> bool | None:
        """``true`` or ``false``."""
        if isinstance(node, ScalarNode):
            if "$" in node.value and not self.check_variables(node, variables=False):
                return None
            if node.value in {"true", "True", "TRUE"}:
                return True
            if node.value in {"false", "False", "FALSE"}:
                return False
            if node.value.lower() in {"yes", "on", "y"}:
                self.add_type(node, "true or false", "write `true`")
                return None
            if node.value.lower() in {"no", "off", "n"}:
                self.add_type(node, "true or false", "write `false`")
                return None
        self.add_type(node, "true or false")
        return None

    def read_integer(
        self, node: Node, *, least: int = 0, most: int = 1_000_000
    ) -> int | None:
        """A whole number within bounds."""
        number = self.read_number(node, least=least, most=most, may_vary=False)
        return number.value if isinstance(number, Number) else number

    def read_number(
        self, node: Node, *, least: int, most: int, may_vary: bool = True
    ) -> int | Number | None:
        """A whole number within bounds, or a variable whose default is one."""
        wanted = f"a whole number from {least} to {most:,}"
        read = self._read_varying(node, wanted, str(max(least, 2)), may_vary=may_vary)
        if read is None:
            return None
        text, default = read
        if not _INTEGER.fullmatch(default) or not least <= int(default) <= most:
            self.add_type(node, wanted)
            return None
        return _make_number(text, int(default))

    def _read_varying(
        self, node: Node, wanted: str, example: str, *, may_vary: bool = True
    ) -> tuple[str, str] | None:
        """A text as it was written, and what the defaults of its variables say."""
        text = self.read_text(node, wanted, variables=may_vary)
        if text is None:
            return None
        name = find_undefaulted(text)
        is_alone = text in {f"${name}", f"${{{name}}}"}
        if name:
            self.add(
                "variable-without-default",
                f"`${{{name}}}` has no default, and composegen computes with "
                f"{wanted} here",
                node,
                "give it one, which counts where the variable is not set"
                + f":\n{write_inline(f'${{{name}:-{example}}}')}" * is_alone,
            )
            return None
        return text, find_default(text)

    def read_parsed(
        self,
        node: Node,
        wanted: str,
        name: str,
        parse: Callable[[str], Value],
        *,
        example: str = "",
    ) -> tuple[str, Value] | None:
        """A text, and what ``parse`` makes of it; its ValueError is problem ``name``.

        With an ``example`` it may be a variable, whose default is parsed.
        """
        read = self._read_varying(node, wanted, example, may_vary=bool(example))
        if read is None:
            return None
        text, default = read
        try:
            return text, parse(default)
        except ValueError as error:
            self.add(name, f"`{shorten(text)}` is not {wanted}", node, str(error))
            return None

    def read_duration(self, node: Node) -> Duration | None:
        """Compose's duration; of a variable its text and its default's seconds."""
        read = self.read_parsed(
            node, "a duration", "bad-duration", parse_duration, example="10s"
        )
        return None if read is None else Duration(read[0], read[1].seconds)

    def read_size(self, node: Node) -> str | None:
        """Compose's size, as it was written."""
        read = self.read_parsed(node, "a size", "bad-size", parse_size, example="512M")
        return None if read is None else read[0]

    def read_port(self, node: Node) -> int | None:
        """A port number."""
        read = self.read_parsed(node, "a port", "bad-port", parse_port)
        return None if read is None else read[1]

    def read_any_port(self, node: Node) -> int | Number | None:
        """A port number, or a variable whose default is one."""
        read = self.read_parsed(node, "a port", "bad-port", parse_port, example="8080")
        return None if read is None else _make_number(*read)

    # Collections

    def read_pairs(
        self, node: Node, wanted: str
    ) -> list[tuple[str, Node, Node]] | None:
        """Key, key node and value node of a mapping."""
        if not isinstance(node, MappingNode):
            self.add_type(node, wanted)
            return None
        return self.source.pairs(node)

    def read_known(
        self,
        node: Node,
        wanted: str,
        where: str,
        known: Mapping[str, Any] | tuple[str, ...],
    ) -> dict[str, tuple[Node, Node]] | None:
        """A mapping's pairs by key; keys that are not known are noted."""
        pairs = self.read_pairs(node, wanted)
        if pairs is None:
            return None
        found: dict[str, tuple[Node, Node]] = {}
        for key, key_node, value in pairs:
            if key in known:
                found[key] = (key_node, value)
            elif isinstance(node, MappingNode) and self.source.find_lost_comma(
                node, key_node, value
            ):
                self.add_lost_comma(key, key_node)
            else:
                self.add_unknown_key(key, key_node, where, known)
        return found

    def read_items(self, node: Node, wanted: str) -> list[Node] | None:
        """The items of a list."""
        if not isinstance(node, SequenceNode):
            self.add_type(node, wanted)
            return None
        return list(node.value)

    def read_texts(
        self, node: Node, wanted: str = "a list of texts"
    ) -> list[str] | None:
        """A list of texts."""
        items = self.read_items(node, wanted)
        if items is None:
            return None
        texts = [self.read_text(item) for item in items]
        return [text for text in texts if text is not None]

    def read_text_or_texts(self, node: Node) -> list[str] | None:
        """One text or a list of texts, as a list."""
        if isinstance(node, ScalarNode):
            text = self.read_text(node)
            return None if text is None else [text]
        return self.read_texts(node, "a text or a list of texts")

    def add_bad_env_name(self, name: str, node: Node) -> None:
        """Note a name that no environment variable can have."""
        self.add(
            "bad-name",
            f"`{shorten(name)}` cannot be the name of a variable",
            node,
            "letters, digits and _ . - , beginning with a letter or _",
        )

    def add_lost_comma(self, name: str, node: Node) -> None:
        """Note that a comma within braces ended a value."""
        self.add(
            "comma-in-braces",
            f"a comma ended the value before `{shorten(name)}`",
            node,
            "inside `{ }` a text that contains a comma needs quotes",
        )

    def add_unknown_key(
        self, key: str, node: Node, where: str, known: Iterable[str]
    ) -> None:
        """Note an unknown key, with the name it may have meant."""
        known = sorted(known)
        help = suggest(key, known, f"known here: {', '.join(known)}")
        self.add("unknown-key", f"{where} has no key `{shorten(key)}`", node, help)

    # Raw settings

    def read_raw(self, node: Node, path: Path = ()) -> Raw:
        """A value that is passed on: true, false, null and plain numbers are typed.

        Only an unquoted scalar in JSON's own notation is typed; everything else is
        the text that was written. Below ``path``, where one is given, the keys of
        mappings and the texts of values are remembered.
        """
        if isinstance(node, MappingNode):
            result: dict[str, Raw] = {}
            for key, key_node, value in self.source.pairs(node):
                if self.source.find_lost_comma(node, key_node, value):
                    self.add_lost_comma(key, key_node)
                inner = (*path, key) if path else ()
                if path:
                    self.nodes[inner] = key_node
                result[key] = self.read_raw(value, inner)
            return result
        if isinstance(node, SequenceNode):
            return [self.read_raw(item, path) for item in node.value]
        assert isinstance(node, ScalarNode)
        if path:
            self.nodes[*path, double_dollars(node.value)] = node
        if "$" in node.value:
            self.check_variables(node)
        text = double_dollars(node.value)
        return text if node.style else type_raw(text)


def _make_number(text: str, value: int) -> int | Number:
    return Number(text, value) if has_variables(text) else value


def type_raw(text: str) -> Raw:
    """An unquoted scalar of a raw setting: JSON's words and numbers are typed."""
    if text in {"", "~", "null", "Null", "NULL"}:
        return None
    if text in {"true", "false"}:
        return text == "true"
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text) and repr(float(text)) == text:
        return float(text)
    return text
