"""A YAML file as nodes that know their place; nothing in it is implicitly typed.

Owns decoding, places, duplicate keys and merge keys. ``syntax`` knows what an error of
the parser means, ``limits`` how much a file may hold, ``keys`` what the keys mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from composegen.errors import FileRefused, Location
from composegen.paths import read_regular
from composegen.patterns import make_pattern
from composegen.stackfile.limits import (
    FLATTEN,
    NOT_ALLOWED,
    TOO_DEEP,
    Loader,
    check_tree,
    find_too_deep,
)
from composegen.stackfile.problems import Problems
from composegen.stackfile.tree import is_null

__all__ = ["MappingNode", "Node", "ScalarNode", "SequenceNode", "Source", "is_null"]

Pair: TypeAlias = tuple[str, Node, Node]
"""Key, key node and value node of a mapping."""

MAX_BYTES = 1024 * 1024
_MASKED_VARIABLES = 50

_LINE_END = make_pattern("\r\n|[\n\r\x85\u2028\u2029]")
_NOT_YAML = make_pattern(f"[{NOT_ALLOWED}\ufffe\uffff\ufeff]")


class Source:
    """One YAML document: its root node, and the place of every node.

    ``root`` is None where the file is empty or cannot be parsed; what is wrong has
    been added to ``problems`` then.
    """

    def __init__(self, file: str, data: bytes, problems: Problems) -> None:
        self.file = file
        self.problems = problems
        self._text = ""
        self._lines: list[str] | None = None
        self._before: dict[int, dict[int, Node | None]] = {}
        self._pairs: dict[int, list[Pair]] = {}
        self.root: Node | None = None
        if self._decode(data):
            self.root = self._compose()

    # Places

    def locate(self, node: Node) -> Location:
        """The place of a node, as wide as its first line."""
        start, end = node.start_mark, node.end_mark
        width = end.column - start.column if end.line == start.line else 0
        return self.locate_at(start.line, start.column, width)

    def locate_at(self, line: int, column: int, width: int = 1) -> Location:
        """A place by line and column, both counted from 0."""
        if self._lines is None:
            self._lines = _split_lines(self._text)
        text = self._lines[line] if line < len(self._lines) else ""
        rest = len(text) - column
        return Location(
            file=self.file,
            line=line + 1,
            column=column + 1,
            text=text,
            width=max(1, min(width or rest, rest)),
        )

    def add(self, name: str, message: str, node: Node, help: str) -> None:
        """Note a problem with a node."""
        self.problems.add(name, message, self.locate(node), help)

    # Reading

    def _decode(self, data: bytes) -> bool:
        if len(data) > MAX_BYTES:
            self.problems.add(
                "file-too-large",
                f"the file has more than {MAX_BYTES:,} bytes",
                Location(file=self.file),
                "a stack file describes services: keep data in files of its own",
            )
            return False
        try:
            self._text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self._text = data[: error.start].decode("utf-8-sig", errors="replace")
            line, column = self._count_to_end(self._text)
            self.problems.add(
                "not-utf-8",
                f"byte 0x{data[error.start]:02x} is not UTF-8",
                self.locate_at(line, column),
                "save the file as UTF-8",
            )
            return False
        return self._check_characters()

    def _check_characters(self) -> bool:
        fine = True
        if _is_plain(self._text):
            return fine
        for match in _NOT_YAML.finditer(self._text):
            line, column = self._count_to_end(self._text[: match.start()])
            self.problems.add(
                "bad-character",
                f"U+{ord(match[0]):04X} is not allowed in a stack file",
                self.locate_at(line, column),
                "remove it: tab and line ends are the only control characters allowed",
            )
            fine = False
        return fine

    @staticmethod
    def _count_to_end(text: str) -> tuple[int, int]:
        lines = _split_lines(text)
        return len(lines) - 1, len(lines[-1])

    def _compose(self) -> Node | None:
        if not self._text.strip() and "\t" not in self._text:
            self._add_empty()
            return None
        root, text = None, self._text
        for _ in range(_MASKED_VARIABLES):
            try:
                root = self._parse(text)
                break
            except yaml.MarkedYAMLError as error:
                masked = self._mask_variable(text, error)
                if masked is None:
                    self._add_syntax_error(error)
                    return None
                text = masked
        self._text = text
        if root is None or is_null(root):
            if not self.problems.has_errors:
                self._add_empty()
            return None
        return root if check_tree(root, self._text, self.add) else None

    def _add_empty(self) -> None:
        self.problems.add(
            "empty-file",
            "there is nothing in this file",
            Location(file=self.file),
            "`composegen init --bare` writes a small stack to begin with",
        )

    def _parse(self, text: str) -> Node | None:
        """The one document of the text; depth is checked before C code recurses."""
        mark = find_too_deep(text)
        if mark is not None:
            where = self.locate_at(mark.line, mark.column)
            self.problems.add("too-deep", TOO_DEEP, where, FLATTEN)
            return None
        loader = Loader(text)
        try:
            root: Node | None = loader.get_single_node()
        finally:
            loader.dispose()
        return root

    # Syntax errors

    def _mask_variable(self, text: str, error: yaml.MarkedYAMLError) -> str | None:
        """The text with an unquoted ``${..}`` in ``{ }`` or ``[ ]`` made harmless.

        Then the next one of the same kind is found too. None: that is not the fault.
        """
        mark = error.problem_mark
        if mark is None:
            return None
        line_start = mark.index - mark.column
        start = text.rfind("${", line_start, mark.index + 2)
        if start < 0 or _is_quoted(text[line_start:start]):
            return None
        if "," not in text[line_start:start] and not re.search(
            r"[\[{]", text[line_start:start]
        ):
            return None
        close = text.find("}", start)
        close = len(text) if close < 0 else close + 1
        written = text[start:close].partition("\n")[0]
        self.problems.add(
            "unquoted-variable",
            "a `${VAR}` inside `{ }` or `[ ]` ends the value unless it is quoted",
            self.locate_at(mark.line, start - line_start, len(written)),
            f'write "{written}"',
        )
        masked = re.sub(r"[^\n]", "_", text[start:close])
        self.problems.pass_over(self.file, mark.line + 1)
        return text[:start] + masked + text[close:]

    def _add_syntax_error(self, error: yaml.MarkedYAMLError) -> None:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        last, end = self._count_to_end(self._text)
        if line > last:
            # Behind the last line there is nothing to show: its end is.
            line, column = last, end
        from composegen.stackfile.syntax import describe_error

        fault = describe_error(error, self.locate_at(line, column))
        self.problems.add(fault.name, fault.message, fault.location, fault.help)

    # Mappings

    def pairs(self, mapping: MappingNode) -> list[Pair]:
        """Key, key node and value node of a mapping, with ``<<`` merged in.

        Duplicate keys and keys that are no text are noted once, and skipped.
        """
        known = self._pairs.get(id(mapping))
        if known is None:
            known = self._pairs[id(mapping)] = self._read_pairs(mapping)
        return known

    def _read_pairs(self, mapping: MappingNode) -> list[Pair]:
        own: dict[str, Pair] = {}
        merged: dict[str, Pair] = {}
        for key, value in mapping.value:
            if not isinstance(key, ScalarNode):
                self.add("bad-key", "a key must be a text", key, "write a plain name")
                continue
            name = key.value
            if name == "<<" and not key.style:
                for pair in self._read_merge(value):
                    merged.setdefault(pair[0], pair)
            elif name in own:
                self._add_duplicate(own[name], key, value)
            else:
                own[name] = (name, key, value)
        inherited = [pair for name, pair in merged.items() if name not in own]
        return [*inherited, *own.values()]

    def _add_duplicate(self, first: Pair, key: ScalarNode, value: Node) -> None:
        name, first_key, first_value = first
        are_mappings = all(isinstance(n, MappingNode) for n in (first_value, value))
        self.add(
            "duplicate-key",
            f"`{name}` is a duplicate (first at {self.locate(first_key)})",
            key,
            "put what both hold below one of them"
            if are_mappings
            else "keep one of the two",
        )

    def _read_merge(self, value: Node) -> Iterator[Pair]:
        if isinstance(value, MappingNode):
            yield from self.pairs(value)
        elif isinstance(value, SequenceNode) and all(
            isinstance(item, MappingNode) for item in value.value
        ):
            for item in value.value:
                yield from self.pairs(item)
        else:
            self.add(
                "bad-merge",
                "`<<` takes a mapping or a list of mappings",
                value,
                "write `<<: *anchor`, where the anchor names a mapping",
            )

    def find_lost_comma(self, mapping: MappingNode, key: Node, value: Node) -> bool:
        """Whether ``key`` looks like the rest of a value that a comma cut off.

        So it looks where ``{a: some text, and more}`` makes ``and more`` a key.
        """
        if not mapping.flow_style or not is_null(value):
            return False
        between = self._text[key.end_mark.index : value.end_mark.index]
        if ":" in between:
            return False
        before = self._before.get(id(mapping))
        if before is None:
            values = [None, *(other_value for _, other_value in mapping.value)]
            keys = [id(other) for other, _ in mapping.value]
            before = dict(zip(keys, values, strict=False))
            self._before[id(mapping)] = before
        previous = before.get(id(key))
        return (
            isinstance(previous, ScalarNode)
            and not previous.style
            and previous.value != ""
        )


def _is_plain(text: str) -> bool:
    """Whether a text has no control characters but the usual line ends."""
    return text.replace("\n", "").isprintable()


def _split_lines(text: str) -> list[str]:
    return text.split("\n") if _is_plain(text) else _LINE_END.split(text)


def _is_quoted(before: str) -> bool:
    bare = re.sub(r"""\\.""", "", before)
    return bare.count('"') % 2 == 1 or bare.count("'") % 2 == 1


def read_bytes(path: Path, shown: str) -> bytes:
    """The bytes of a regular file, at most one more than a stack file may have.

    Raises FileRefused where it cannot be read.
    """
    try:
        return read_regular(path, MAX_BYTES + 1)
    except FileNotFoundError:
        raise FileRefused(shown, "there is no such file") from None
    except OSError as error:
        raise FileRefused.by_system(shown, error) from None
