"""A value as one line of YAML, for a person to copy."""

from __future__ import annotations

from composegen.model import Raw
from composegen.patterns import make_pattern

_PLAIN = make_pattern(
    r"(?:[A-Za-z0-9_/.]|--?(?=[A-Za-z0-9_]))[A-Za-z0-9_./@+-]*(?::[A-Za-z0-9_./@+-]+)*"
)
_NOT_PLAIN = frozenset({"null", "Null", "NULL", "..."})
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def write_inline(value: Raw) -> str:
    """The value in flow style, which reads back as exactly this value.

    Texts are quoted where they have to be; a number or a word such as ``true`` is not.
    """
    if isinstance(value, dict):
        inside = ", ".join(
            f"{write_inline(key)}: {write_inline(item)}" for key, item in value.items()
        )
        return f"{{{inside}}}"
    if isinstance(value, list):
        return f"[{', '.join(write_inline(item) for item in value)}]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if _PLAIN.fullmatch(text) and text not in _NOT_PLAIN:
        return text
    quoted = "".join(map(_escape, text))
    return f'"{quoted}"'


def _escape(character: str) -> str:
    """One character within double quotes; what steers a terminal is escaped, too."""
    known = _ESCAPES.get(character)
    if known is not None:
        return known
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
