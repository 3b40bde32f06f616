"""Texts in a shell command: quoted as the place needs it where they are put."""

from __future__ import annotations

import shlex

from composegen.patterns import make_pattern

_IN_DOUBLE = make_pattern(r'["\\$`]')


def quote_inside(before: str, text: str) -> str:
    """A text for a shell, after ``before``, in whose open quote it may stand."""
    quote = find_open_quote(before)
    if quote == "'":
        return text.replace("'", "'\\''")
    if quote == '"':
        return _IN_DOUBLE.sub(lambda match: f"\\{match[0]}", text)
    return shlex.quote(text)


def find_open_quote(text: str) -> str:
    """The quote that is open at the text's end, or empty."""
    quote = ""
    characters = iter(text)
    for character in characters:
        if character == "\\" and quote != "'":
            next(characters, "")
        elif character == quote:
            quote = ""
        elif character in "'\"" and not quote:
            quote = character
    return quote
