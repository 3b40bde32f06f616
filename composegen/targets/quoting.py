"""The one function that turns a value into YAML text; everything rendered goes by it.

What is written plain is read as text by YAML 1.1 and 1.2 readers alike; everything
else is quoted, so that no value can change the structure of a file.
"""

from __future__ import annotations

import re
from functools import lru_cache

from composegen.model import Raw
from composegen.patterns import make_pattern
from composegen.text import escape_control

_PLAIN = make_pattern(
    r"(?:[A-Za-z/]|\.{1,2}/|\.(?=[A-Za-z])|--?(?=[A-Za-z]))[A-Za-z0-9_./@+=-]*(?::[A-Za-z0-9_./@+=-]+)*"
    r"(?: [A-Za-z0-9_./@+=][A-Za-z0-9_./@+=-]*(?::[A-Za-z0-9_./@+=-]+)*)*",
    re.ASCII,
)
_SINGLE = make_pattern(r"[ -&(-~]+")
_MEASURE = make_pattern(
    r"(?:\d+(?:ms|s|m|h)){1,3}|\d+(?:\.\d+)?[KMGTkmgt][Bb]?", re.ASCII
)
_WORDS = frozenset(
    "y n yes no true false on off null nan inf infinity .inf .nan".split()
)
_ESCAPED = make_pattern(
    '[\x00-\x1f"\\\\\x7f-\xa0\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f'
    "\ud800-\udfff\ufeff\ufff0-\uffff\U000e0000-\U000e0fff]"
)
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_LONGEST_KEY = 1000
_LISTS = (list, tuple)
_NESTED = (dict, list, tuple)


class Lines(str):
    """A text that is printed line by line: ASCII, whose last line ends like the others.

    Its first line is not indented. Only programs of our own are printed so.
    """

    __slots__ = ()


def quote_scalar(value: Raw) -> str:
    """One scalar as YAML: plain where every reader takes it as this very text."""
    if isinstance(value, str):
        return _quote_text(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


@lru_cache(maxsize=4096)
def _quote_text(text: str) -> str:
    if text in {".", ".."}:
        return text
    if _PLAIN.fullmatch(text):
        if text.lower() not in _WORDS:
            return text
    elif _MEASURE.fullmatch(text):
        return text
    if _SINGLE.fullmatch(text):
        return f"'{text}'"
    if text.isascii() and text.isprintable():
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    else:
        escaped = _ESCAPED.sub(_escape, text)
    return f'"{escaped}"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    known = _ESCAPES.get(character)
    if known:
        return known
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def is_nested(value: Raw) -> bool:
    """Whether a value is a mapping or a list with something in it."""
    return isinstance(value, _NESTED) and len(value) > 0


def write_flow(value: Raw) -> str:
    """A value on one line: lists in brackets, mappings in braces."""
    if isinstance(value, str):
        return _quote_text(value)
    if isinstance(value, _LISTS):
        return f"[{', '.join(map(write_flow, value))}]"
    if isinstance(value, dict):
        pairs = (f"{write_key(key)}{write_flow(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    return quote_scalar(value)


def write_key(key: str, indent: int = 0) -> str:
    """A key with its colon; one that is too long for a plain line gets a mark."""
    quoted = quote_scalar(key)
    if len(quoted) > _LONGEST_KEY:
        return f"? {quoted}\n{' ' * indent}: "
    return f"{quoted}: "


@lru_cache(maxsize=4096)
def begin_key(key: str, indent: int = 0) -> str:
    """A key with its colon, and no space behind it: what follows may be a block."""
    return write_key(key, indent).rstrip()


def write_block(value: Raw, indent: int) -> str:
    """What follows a key's colon: a scalar on its line, or an indented block."""
    # Most values are texts, and most others mappings: to ask so first is quicker.
    if isinstance(value, str):
        if isinstance(value, Lines):
            return f" {_write_lines(value, indent)}"
        return f" {_quote_text(value)}"
    if isinstance(value, dict) and value:
        return "\n" + "\n".join(_write_pairs(value, indent))
    if isinstance(value, _LISTS) and value:
        return "\n" + "\n".join(_write_items(value, indent))
    return " " + write_flow(value)


def _write_pairs(value: dict[str, Raw], indent: int) -> list[str]:
    space = " " * indent
    return [
        f"{space}{begin_key(key, indent)}"
        + ("" if item is None else write_block(item, indent + 2))
        for key, item in value.items()
    ]


def _write_items(value: list[Raw] | tuple[Raw, ...], indent: int) -> list[str]:
    space = " " * indent
    lines = []
    for item in value:
        if isinstance(item, Lines):
            lines.append(f"{space}- {_write_lines(item, indent + 2)}")
        elif isinstance(item, dict) and item:
            inner = "\n".join(_write_pairs(item, indent + 2))
            lines.append(f"{space}- {inner[indent + 2 :]}")
        else:
            lines.append(f"{space}- {write_flow(item)}")
    return lines


def _write_lines(text: Lines, indent: int) -> str:
    space = " " * indent
    return "|\n" + "\n".join(f"{space}{line}" for line in text.splitlines())


def write_comment(text: str) -> str:
    """A text as the rest of a comment line: nothing in it can end the comment."""
    return escape_control(text)
