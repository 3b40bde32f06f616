"""Text for people: near names, short lists, what may be shown on a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable

LINE_BREAK = re.compile("[\n\r\x85\u2028\u2029]")
"""What ends a line, in YAML too."""

_NEAR = 0.6


def find_near(name: str, known: Iterable[str]) -> str:
    """The known name that is most like ``name``, or empty."""
    import difflib

    near = difflib.get_close_matches(name, list(known), n=1, cutoff=_NEAR)
    return near[0] if near else ""


def suggest(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """The help for a name that is not known: the one that is most like it."""
    near = find_near(name, known)
    return f"did you mean `{near}`?" if near else otherwise


def count(number: int, noun: str) -> str:
    """So many of something: 1 service, 2 services."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def format_size(size: int) -> str:
    """A number of bytes as people say it: 512 B, 1.2 kB, 45 MB."""
    amount, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    shown = f"{amount:.1f}" if unit != "B" and amount < 10 else f"{amount:.0f}"
    return f"{shown} {unit}"


def list_some(names: Iterable[str], limit: int = 20) -> str:
    """The names, or the first of them with an ellipsis."""
    listed = list(names)
    return ", ".join(listed[:limit]) + (", .." if len(listed) > limit else "")


def shorten(text: str, limit: int = 40) -> str:
    """The text, or its beginning with an ellipsis, on one line."""
    text = LINE_BREAK.sub(" ", text)
    return text if len(text) <= limit else text[: limit - 2] + ".."


def escape_control(text: str, keep: str = "") -> str:
    """The text with everything that could steer a terminal shown as an escape."""
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in keep
        else ascii(character)[1:-1]
        for character in text
    )


def measure_width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(
        0
        if unicodedata.combining(c)
        else 2
        if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in text
    )
