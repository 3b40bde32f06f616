"""The stack file as text: one service below the other, with the comments of its origin.

What fits on a line stands on one; `quoting` owns every scalar.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from composegen.adopt.seen import Sketch
from composegen.targets.quoting import quote_scalar, write_comment, write_key

_WIDTH = 88
_MOST_IN_LINE = 4
_BLOCKS = frozenset({"environment", "volumes", "labels"})
_NUMBERS = frozenset("0123456789")

Comments = Mapping[tuple[str, ...], tuple[str, ...]]


def write_stack(
    top: Mapping[str, Any], services: Mapping[str, Sketch], head: list[str]
) -> str:
    """The text of a stack file."""
    lines = [f"# {write_comment(line)}".rstrip() for line in head]
    for key, value in top.items():
        if lines:
            lines.append("")
        if key == "services":
            lines.append("services:")
            lines += _write_services(services)
        else:
            lines += _write_pair(key, value, 0, {}, (key,))
            if lines and key != "services" and not isinstance(value, dict | list):
                continue
    return "\n".join(_join_scalars(lines)) + "\n"


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
    return bool(line) and line[0] not in " #" and not line.endswith(":")


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
    begin = f"{space}{write_key(key, indent).rstrip()}"
    is_noted = any(each[: len(path)] == path and each != path for each in comments)
    line = begin if value is None else f"{begin} {_write_flow(value)}"
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
        flow = f"{space}- {_write_flow(item)}"
        if isinstance(item, dict) and len(flow) > _WIDTH:
            inner = [
                text
                for key, value in item.items()
                for text in _write_pair(key, value, indent + 2, {}, ())
            ]
            lines.append(f"{space}- {inner[0].lstrip()}")
            lines += inner[1:]
        else:
            lines.append(flow)
    return lines


def _fits(key: str, value: Any, line: str) -> bool:
    if len(line) > _WIDTH or (isinstance(value, list | dict) and _is_deep(value)):
        return False
    if key == "needs" and isinstance(value, dict) and None in value.values():
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


def _write_flow(value: Any) -> str:
    """A value on one line; a number and a plain word are not quoted."""
    if isinstance(value, list):
        return f"[{', '.join(map(_write_flow, value))}]"
    if isinstance(value, Mapping):
        pairs = (
            f"{write_key(key).rstrip()} {_write_flow(item)}"
            for key, item in value.items()
        )
        return f"{{{', '.join(pairs)}}}"
    if value is None:
        return "null"
    text = str(value)
    if text in {"true", "false"} or (text and set(text) <= _NUMBERS and len(text) < 12):
        return text
    return quote_scalar(text)
