"""The stack file as text: one service below the other, with the comments of its origin.

What fits on a line stands on one; `quoting` owns every scalar.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from composegen.adopt.seen import Sketch
from composegen.adopt.sharing import Alias, Shared, share_blocks
from composegen.patterns import make_pattern
from composegen.targets.quoting import quote_scalar, write_comment, write_key

_WIDTH = 88
_MOST_IN_LINE = 4
_BLOCKS = frozenset({"environment", "volumes", "labels"})
_BARE = make_pattern(r"true|false|no|\d{1,11}|\d{1,5}\.\d{1,3}", re.ASCII)
"""Texts that are read as they are, and need no quotes for a reader either."""

Comments = Mapping[tuple[str, ...], tuple[str, ...]]


def write_stack(
    top: Mapping[str, Any], services: Mapping[str, Sketch], head: list[str]
) -> str:
    """The text of a stack file."""
    lines = [f"# {write_comment(line)}".rstrip() for line in head]
    shared = share_blocks(services)
    for key, value in top.items():
        if lines:
            lines.append("")
        if key == "services":
            for anchor, block in shared.items():
                lines += [f"x-{anchor}: &{anchor}", *_write_block(block), ""]
            lines.append("services:")
            lines += _write_services(services)
        else:
            lines += _write_pair(key, value, 0, {}, (key,))
    return "\n".join(_join_scalars(lines)) + "\n"


def _write_block(block: Shared) -> list[str]:
    above = ("compose",) if block.is_raw else ()
    return [
        line
        for key, value in block.value.items()
        for line in _write_pair(key, value, 2, block.comments, (*above, key))
    ]


def _join_scalars(lines: list[str]) -> list[str]:
    """Single lines of the top level stand together."""
    kept: list[str] = []
    for index, line in enumerate(lines):
        following = lines[index + 1] if index + 1 < len(lines) else ""
        is_between = (
            not line and kept and _is_short_top(kept[-1]) and _is_short_top(following)
        )
        if not is_between:
            kept.append(line)
    return kept


def _is_short_top(line: str) -> bool:
    is_key = bool(line) and line[0] not in " #" and not line.startswith("x-")
    return is_key and not line.endswith(":")


def _write_services(services: Mapping[str, Sketch]) -> list[str]:
    lines: list[str] = []
    for name, sketch in services.items():
        if lines:
            lines.append("")
        lines += _write_comments(sketch.comments.get((), ()), 2)
        lines.append(f"  {write_key(name, 2).rstrip()}")
        for key, value in sketch.keys.items():
            lines += _write_pair(key, value, 4, sketch.comments, (key,))
        if sketch.raw:
            lines += _write_pair(
                "compose", sketch.raw, 4, sketch.comments, ("compose",)
            )
    return lines


def _write_comments(comment: tuple[str, ...], indent: int) -> list[str]:
    return [f"{' ' * indent}# {write_comment(text)}".rstrip() for text in comment]


def _write_pair(
    key: str, value: Any, indent: int, comments: Comments, path: tuple[str, ...]
) -> list[str]:
    """A key with its value, on one line where it fits."""
    above = _write_comments(comments.get(path, ()), indent)
    space = " " * indent
    begin = f"{space}{_write_name(key, indent)}"
    is_noted = any(each[: len(path)] == path and each != path for each in comments)
    is_raw = path[0] == "compose"
    line = begin if value is None else f"{begin} {_write_flow(value, is_raw)}"
    if _is_literal(value):
        return [*above, f"{begin} {_write_mark(value)}", *_indent(value, indent + 2)]
    if not isinstance(value, dict | list) or not value:
        return [*above, line]
    if not is_noted and _fits(key, value, line):
        return [*above, line]
    if isinstance(value, dict):
        inner = [
            text
            for name, item in value.items()
            for text in _write_pair(name, item, indent + 2, comments, (*path, name))
        ]
    else:
        inner = _write_items(value, indent + 2, comments, path)
    return [*above, begin, *inner]


def _write_items(
    items: list[Any], indent: int, comments: Comments, path: tuple[str, ...]
) -> list[str]:
    lines: list[str] = []
    space = " " * indent
    for item in items:
        name = str(item).partition("=")[0]
        lines += _write_comments(comments.get((*path, name), ()), indent)
        if _is_literal(item):
            lines += [f"{space}- {_write_mark(item)}", *_indent(item, indent + 2)]
            continue
        flow = f"{space}- {_write_flow(item, path[0] == 'compose')}"
        if isinstance(item, dict) and len(flow) > _WIDTH:
            inner = [
                text
                for key, value in item.items()
                for text in _write_pair(key, value, indent + 2, {}, path)
            ]
            lines.append(f"{space}- {inner[0].lstrip()}")
            lines += inner[1:]
        else:
            lines.append(flow)
    return lines


def _is_literal(value: Any) -> bool:
    """Whether a text of several lines can stand as it is, below a `|`."""
    if not isinstance(value, str) or "\n" not in value.rstrip("\n"):
        return False
    lines = value.split("\n")
    is_even = bool(lines[0]) and lines[0][0] not in " \t"
    return is_even and all(
        line.isprintable() and line == line.rstrip() for line in lines
    )


def _write_mark(text: str) -> str:
    ends = len(text) - len(text.rstrip("\n"))
    return ("|-", "|", "|+")[min(ends, 2)]


def _indent(text: str, indent: int) -> list[str]:
    lines = text.split("\n")
    if text.endswith("\n"):
        lines.pop()
    return [f"{' ' * indent}{line}".rstrip() for line in lines]


def _fits(key: str, value: Any, line: str) -> bool:
    if len(line) > _WIDTH or (isinstance(value, list | dict) and _is_deep(value)):
        return False
    if key == "needs" and isinstance(value, dict) and None in value.values():
        return False
    if isinstance(value, list) and any(map(_is_literal, value)):
        return False
    most = 1 if key in _BLOCKS else _MOST_IN_LINE
    return len(value) <= most or key in {"command", "entrypoint", "needs", "test"}


def _is_deep(value: Any) -> bool:
    """Whether a value holds more than one level of anything that is not empty."""
    items = value.values() if isinstance(value, dict) else value
    inner = [item for item in items if isinstance(item, dict | list) and item]
    return any(
        isinstance(each, dict | list) and each
        for item in inner
        for each in (item.values() if isinstance(item, dict) else item)
    )


def _write_name(key: str, indent: int = 0) -> str:
    return "<<:" if key == "<<" else write_key(key, indent).rstrip()


def _write_flow(value: Any, is_raw: bool) -> str:
    """A value on one line.

    A stack file reads every scalar as text, so a number needs no quotes there; a raw
    setting keeps its type.
    """
    if isinstance(value, list):
        if len(value) == 1 and isinstance(value[0], Alias):
            return _write_flow(value[0], is_raw)
        return f"[{', '.join(_write_flow(item, is_raw) for item in value)}]"
    if isinstance(value, Mapping):
        pairs = (
            f"{_write_name(key)} {_write_flow(item, is_raw)}"
            for key, item in value.items()
        )
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, Alias):
        return f"*{value.name}"
    is_bare = not is_raw and isinstance(value, str) and _BARE.fullmatch(value)
    return value if is_bare else quote_scalar(value)
