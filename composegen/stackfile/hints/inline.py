"""A value as one line of YAML, for a person to copy."""

from __future__ import annotations

import re

from composegen.model import Raw


def write_inline(value: Raw) -> str:
    """The value in flow style; texts are quoted where they have to be."""
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
    if re.fullmatch(r"[\w./-][\w./@+-]*(?::[\w./@+-]+)*", text, re.ASCII):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
