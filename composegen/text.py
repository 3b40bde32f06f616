"""Text for people: near names, short lists, what may be shown on a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from composegen.patterns import make_pattern

LINE_BREAK = make_pattern("[\n\r\x85\u2028\u2029]")
"""What ends a line, in YAML too."""

_NEAR = 0.6
_STEERS = "\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069"
_STEERING = make_pattern(f"[{_STEERS}]")
_COLOUR = r"\x1b\[[0-9;]*m"
_MOVE = r"\x1b\[(?:[0-9;]*[A-GJKm]|\?25[hl])|\r"
_SEQUENCE = (
    r"\x1b\[[0-?]*[ -/]*[@-~]?"
    r"|\x1b[]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?"
    r"|\x1b[ -/]*[0-~]?"
    f"|[{_STEERS}]"
)
_BUT_COLOURS = make_pattern(f"({_COLOUR})|{_SEQUENCE}")
_BUT_MOVES = make_pattern(f"({_MOVE})|{_SEQUENCE}")
_UNFINISHED = make_pattern(
    r"\x1b(?:\[[0-?]*[ -/]*|[]PX^_][^\x07\x1b\n]*\x1b?|[ -/]*)\Z"
)
_RESETS = ("\x1b[0m", "\x1b[m")
_LONGEST_SEQUENCE = 4096


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
    if not text.isprintable():
        text = LINE_BREAK.sub(" ", text)
    return text if len(text) <= limit else text[: limit - 2] + ".."


def cut_middle(text: str, limit: int) -> str:
    """The text, or its beginning and its end with an ellipsis between them."""
    if len(text) <= limit:
        return text
    kept = max(limit - 2, 2)
    return f"{text[: kept // 2]}..{text[len(text) - (kept + 1) // 2 :]}"


def wrap(text: str, width: int | None) -> str:
    """A line in as many as it needs; those after the first are indented below it."""
    if width is None or len(text) <= width:
        return text
    import textwrap

    indent = " " * (len(text) - len(text.lstrip()) + 2)
    lines = textwrap.wrap(
        text,
        width,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines)


def escape_control(text: str, keep: str = "") -> str:
    """The text with everything that could steer a terminal shown as an escape."""
    others = text
    for character in keep:
        others = others.replace(character, "")
    if others.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in keep
        else ascii(character)[1:-1]
        for character in text
    )


def can_steer(text: str) -> bool:
    """Whether a text holds anything that could steer a terminal, a colour too."""
    if text.replace("\n", "").isprintable():
        return False
    return _STEERING.search(text) is not None


def strip_control(text: str, *, colours: bool = False) -> str:
    """The text without anything that could steer a terminal, but tabs and line ends.

    Sequences go as a whole, also those that are left open, and marks that reverse the
    direction of text. With ``colours``, colours stay and end with their line.
    """
    if not can_steer(text):
        return text
    if not colours:
        return _BUT_COLOURS.sub("", text)
    kept = _BUT_COLOURS.sub(r"\1", text)
    if "\x1b" not in kept:
        return kept
    return "\n".join(map(_end_colour, kept.split("\n")))


def _end_colour(line: str) -> str:
    start = line.rfind("\x1b")
    is_plain = start < 0 or line.startswith(_RESETS, start)
    return line if is_plain else f"{line}\x1b[0m"


class ProgressFilter:
    """Filters what another program draws on a terminal, piece by piece.

    Colours, and moves of the cursor within what is drawn, stay. A sequence that is
    split over two pieces is looked at as a whole.
    """

    def __init__(self) -> None:
        self._rest = ""

    def filter(self, piece: str) -> str:
        """The next piece, without anything else that could steer a terminal."""
        text = self._rest + piece
        found = _UNFINISHED.search(text, max(0, len(text) - _LONGEST_SEQUENCE))
        end = len(text) if found is None else found.start()
        self._rest = text[end:]
        return _BUT_MOVES.sub(r"\1", text[:end])


def escape_steering(text: str) -> str:
    """JSON text with what could steer a terminal as JSON's own escapes."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


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
