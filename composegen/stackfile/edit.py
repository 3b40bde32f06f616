"""Changing one value of a stack file; every other byte of the text stays.

Only the lines of a service's ``relax`` are written. What stands there in a form that
would change other services too, such as an anchor, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from composegen.errors import ProblemsFound
from composegen.model import RELAXABLE
from composegen.patterns import make_pattern
from composegen.records import record
from composegen.stackfile.hints.inline import write_inline
from composegen.stackfile.nodes import Source
from composegen.stackfile.problems import Problems
from composegen.stackfile.tree import find_aliased

_PLAIN_REASON = make_pattern(r"[A-Za-z0-9](?:[\w ./'()-]*[\w./')(])?", re.ASCII)
_ALIAS = make_pattern(r"\s*:\s*(\*[^\s,\]}]+)")
_COMMENT = make_pattern(r"[ \t]*(#[^\r\n]*)?(?=\r?\n|\r|\Z)")
_KEY = "relax"

Pair: TypeAlias = "tuple[ScalarNode, Node]"
Content: TypeAlias = "dict[str, Node | str | None]"


class CannotEdit(Exception):
    """The value stands where a change of it would change something else too."""


@record
class Edited:
    """The text after the change, and the line where the service's ``relax`` stands.

    ``written`` is the value that the service has there now, empty where it has none.
    """

    text: str
    line: int
    written: str = ""


def edit_relax(
    text: str,
    service: str,
    taken: Iterable[str],
    kept: Iterable[str] = (),
    reasons: Mapping[str, str] | None = None,
) -> Edited:
    """The text of a stack file with less in the ``relax`` of one service.

    ``taken`` are names that are no longer relaxed there; ``kept`` get ``false``, since
    something else than the service relaxes them. ``reasons`` are new ones for what
    stays there. A byte order mark is part of the text. Raises CannotEdit, and
    ProblemsFound where the text is no YAML.
    """
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    edit = _Edit(
        text.removeprefix(mark),
        service,
        frozenset(taken),
        frozenset(kept),
        reasons or {},
    )
    done = edit.carry_out()
    return Edited(text=mark + done.text, line=done.line, written=done.written)


class _Edit:
    """One edit: changes are collected by their places, then made from the end on."""

    def __init__(
        self,
        text: str,
        service: str,
        taken: frozenset[str],
        kept: frozenset[str],
        reasons: Mapping[str, str],
    ) -> None:
        self.text = text
        self.taken = taken
        self.kept = kept
        self.reasons = reasons
        problems = Problems()
        self.source = Source("stack.yaml", text.encode(), problems)
        if self.source.root is None:
            raise ProblemsFound(problems.found)
        self.shared = find_aliased(self.source.root)
        self.service = self._find_service(service)
        self.changes: list[tuple[int, int, str]] = []

    def _find_service(self, name: str) -> MappingNode:
        node: Node | None = self.source.root
        for key in ("services", name):
            found = _find_own(node, key)
            if found is None or found[1].start_mark.index < found[0].end_mark.index:
                raise CannotEdit(f"`{name}` is written elsewhere, through an anchor")
            node = found[1]
        if not isinstance(node, MappingNode):
            raise CannotEdit(f"`{name}` is no mapping")
        return node

    def carry_out(self) -> Edited:
        """Make the change in whichever form the value stands."""
        own = _find_own(self.service, _KEY)
        line = (own[0] if own else self.service).start_mark.line
        content = self._list_content(own)
        written = self._write_inline(content)
        if own is None:
            line = self._add_key(written)
        elif own[1].start_mark.index < own[0].end_mark.index:
            self._replace_alias(own, written)
        elif id(own[1]) in self.shared or self._slice(own[1]).startswith("&"):
            raise CannotEdit("its `relax` has an anchor")
        elif isinstance(own[1], MappingNode) and content:
            self._change_mapping(own[1], content)
        elif content:
            start, end = self._find_span(own[1])
            self.changes.append((start, end, written))
        else:
            self._remove_pair(self.service, own)
        return Edited(text=self._make_changes(), line=line + 1, written=written)

    def _list_content(self, own: Pair | None) -> Content:
        """The names of the new value, with what says why; None stands for ``false``."""
        value = own[1] if own is not None else None
        if value is None:
            # What a merge key brings is lost as soon as the service has its own.
            pairs = {key: node for key, _, node in self.source.pairs(self.service)}
            value = pairs.get(_KEY)
        content: Content = {}
        if isinstance(value, MappingNode):
            content = {key: node for key, _, node in self.source.pairs(value)}
        elif value is not None:
            content = dict.fromkeys(RELAXABLE, value)
        left = {
            key: self.reasons.get(key, node)
            for key, node in content.items()
            if key not in self.taken
        }
        return {
            **left,
            **dict.fromkeys(each for each in RELAXABLE if each in self.kept),
        }

    def _write_inline(self, content: Content) -> str:
        if not content:
            return ""
        if set(content) == set(RELAXABLE) and not any(content.values()):
            return "false"
        inside = ", ".join(
            f"{key}: {'false' if node is None else self._write_reason(node)}"
            for key, node in content.items()
        )
        return f"{{{inside}}}"

    def _write_reason(self, node: Node | str) -> str:
        if isinstance(node, str):
            return node if _PLAIN_REASON.fullmatch(node) else write_inline(node)
        written = self._slice(node)
        is_short = "\n" not in written and "\r" not in written
        if is_short and isinstance(node, ScalarNode) and node.style in {'"', "'"}:
            return written
        value = node.value if isinstance(node, ScalarNode) else ""
        return value if _PLAIN_REASON.fullmatch(value) else write_inline(value)

    # A value that is a mapping

    def _change_mapping(self, mapping: MappingNode, content: Content) -> None:
        """Take away, set or set to false, and add names; others stay unchanged."""
        own = {key.value: (key, value) for key, value in mapping.value}
        if "<<" in own or set(own) - set(RELAXABLE):
            start, end = self._find_span(mapping)
            self.changes.append((start, end, self._write_inline(content)))
            return
        for name, pair in own.items():
            if name not in content:
                self._remove_pair(mapping, pair)
                continue
            why = content[name]
            if why is None or isinstance(why, str):
                start, end = self._find_span(pair[1])
                gap = " " if start == pair[0].end_mark.index + 1 else ""
                written = "false" if why is None else self._write_reason(why)
                self.changes.append((start, max(start, end), f"{gap}{written}"))
        added = [name for name in content if name not in own]
        first = mapping.value[0][0].start_mark
        gap = ", " if mapping.flow_style else self._find_line_end() + " " * first.column
        for name in added:
            self.changes.append((first.index, first.index, f"{name}: false{gap}"))

    # Pairs of any mapping

    def _remove_pair(self, mapping: MappingNode, pair: Pair) -> None:
        key, value = pair
        if mapping.flow_style:
            self._remove_flow_pair(mapping, pair)
            return
        if isinstance(value, MappingNode) and not value.flow_style:
            for inner in value.value:
                self._remove_pair(value, inner)
            end = key.end_mark.index + self.text[key.end_mark.index :].index(":") + 1
        else:
            end = max(self._find_span(value)[1], key.end_mark.index + 1)
        self._remove_lines(key.start_mark.index, key.start_mark.column, end)

    def _remove_lines(self, start: int, column: int, end: int) -> None:
        """Remove the lines of a pair; a comment behind it stays, as a line."""
        rest = _COMMENT.match(self.text, end)
        if rest is None:
            raise CannotEdit("its `relax` does not stand alone on its lines")
        end = rest.end()
        if rest[1]:
            self.changes.append((start, end, rest[1]))
            return
        line_end = re.compile(r"\r?\n|\r").match(self.text, end)
        self.changes.append((start - column, line_end.end() if line_end else end, ""))

    def _remove_flow_pair(self, mapping: MappingNode, pair: Pair) -> None:
        """Remove a pair with one of its commas; comments around it stay."""
        start = pair[0].start_mark.index
        end = max(self._find_span(pair[1])[1], pair[0].end_mark.index)
        after = re.compile(r"\s*,[ \t]*").match(self.text, end)
        if after is not None:
            end = after.end()
        else:
            before = self.text[mapping.start_mark.index : start]
            comma = re.search(r",\s*\Z", before)
            if comma is not None:
                start = mapping.start_mark.index + comma.start()
        self.changes.append((start, end, ""))

    def _add_key(self, written: str) -> int:
        """Give the service a ``relax``; the line where it stands, from 0."""
        if not written:
            return self.service.start_mark.line
        last_key, last = self.service.value[-1]
        end = self._find_last_end(last_key.end_mark.index, last)
        if self.service.flow_style:
            self.changes.append((end, end, f", {_KEY}: {written}"))
            return self.source.locate_at(*self._count(end)).line - 1
        comment = _COMMENT.match(self.text, end)
        end = comment.end() if comment else end
        column = self.service.value[0][0].start_mark.column
        line = f"{self._find_line_end()}{' ' * column}{_KEY}: {written}"
        self.changes.append((end, end, line))
        return self._count(end)[0] + 1

    def _replace_alias(self, own: Pair, written: str) -> None:
        alias = _ALIAS.match(self.text, own[0].end_mark.index)
        if alias is None:
            raise CannotEdit("its `relax` is an alias")
        if written:
            self.changes.append((*alias.span(1), written))
        elif self.service.flow_style:
            raise CannotEdit("its `relax` is an alias")
        else:
            mark = own[0].start_mark
            self._remove_lines(mark.index, mark.column, alias.end(1))

    # Places in the text

    def _slice(self, node: Node) -> str:
        return self.text[node.start_mark.index : node.end_mark.index]

    def _find_span(self, node: Node) -> tuple[int, int]:
        """Where a value begins and where its last character ends."""
        start, end = node.start_mark.index, node.end_mark.index
        while end > start and self.text[end - 1].isspace():
            end -= 1
        return start, end

    def _find_last_end(self, after: int, node: Node) -> int:
        """Where the last leaf of a value ends that stands after an index."""
        start, end = self._find_span(node)
        if start < after:
            alias = _ALIAS.match(self.text, after)
            if alias is None:
                raise CannotEdit("it has no `relax`, and ends with an alias")
            return alias.end(1)
        if isinstance(node, MappingNode) and not node.flow_style and node.value:
            key, value = node.value[-1]
            return self._find_last_end(key.end_mark.index, value)
        if isinstance(node, SequenceNode) and not node.flow_style and node.value:
            return self._find_last_end(start, node.value[-1])
        return end if node.start_mark.index < end else after + 1

    def _find_line_end(self) -> str:
        found = re.search(r"\r?\n|\r", self.text)
        return found[0] if found else "\n"

    def _count(self, index: int) -> tuple[int, int]:
        before = re.split(r"\r\n|\n|\r", self.text[:index])
        return len(before) - 1, len(before[-1])

    def _make_changes(self) -> str:
        text = self.text
        for start, end, new in sorted(self.changes, reverse=True):
            text = text[:start] + new + text[end:]
        return text


def _find_own(node: Node | None, key: str) -> Pair | None:
    """The pair of a mapping that has a key of its own, not through a merge."""
    return next(_iterate_own(node, key), None)


def _iterate_own(node: Node | None, key: str) -> Iterator[Pair]:
    for name, value in node.value if isinstance(node, MappingNode) else ():
        if isinstance(name, ScalarNode) and name.value == key:
            yield name, value
