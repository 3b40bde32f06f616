"""Texts with a grammar of their own: durations, sizes, names, variables.

Every parser takes the text as it was written and raises ValueError with a sentence
that completes "this is wrong: ..".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from composegen.patterns import make_pattern
from composegen.records import record

SERVICE_NAME = make_pattern(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", re.ASCII)
RESERVED_NAMES = frozenset({"default", "host", "none"})
SECRET_NAME = make_pattern(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", re.ASCII)
GROUP_NAME = make_pattern(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", re.ASCII)
VOLUME_NAME = make_pattern(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,}", re.ASCII)
PROJECT_NAME = make_pattern(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
ENV_NAME = make_pattern(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)
VARIABLE_NAME = make_pattern(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)

_DURATION_PART = make_pattern(
    r"(\d{1,15}(?:\.\d{0,15})?|\.\d{1,15})(ns|us|µs|ms|s|m|h)", re.ASCII
)
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
_LONGEST = 10 * 365 * 24 * 3600
_SIZE = make_pattern(
    r"(\d{1,15}(?:\.\d{1,15})?) ?([kmgtp]?)(i?b)?", re.ASCII | re.IGNORECASE
)
_SIZE_UNITS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_LONGEST_COUNT = 6
_DEEPEST_VARIABLE = 20


@record(kw_only=False)
class Duration:
    """A length of time: the text in Compose's form, and its seconds."""

    text: str
    seconds: float

    def __str__(self) -> str:
        return self.text


def parse_duration(text: str) -> Duration:
    """Compose's duration: ``30s``, ``1m30s``, ``500ms``; a unit is needed."""
    seconds, end = 0.0, 0
    while match := _DURATION_PART.match(text, end):
        seconds += float(match[1]) * _SECONDS[match[2]]
        end = match.end()
    if not text or end != len(text):
        raise ValueError("a duration is a number with a unit, such as 30s or 1m30s")
    if seconds > _LONGEST:
        raise ValueError("longer than ten years")
    return Duration(text, seconds)


def format_duration(seconds: float) -> str:
    """The usual form: ``300ms``, ``1.5s``, ``90s``, ``5m``, ``2h30m``."""
    if seconds < 1 and seconds > 0:
        return f"{round(seconds * 1000)}ms"
    if seconds != int(seconds):
        return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"
    whole = int(seconds)
    if whole < 120:
        return f"{whole}s"
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "m"), (left, "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count)


def make_duration(seconds: float) -> Duration:
    """A duration of so many seconds, in its shortest usual form."""
    return Duration(format_duration(seconds), seconds)


def parse_size(text: str) -> int:
    """Compose's byte size, ``512m``, ``2G``, ``64kb``, as a number of bytes."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError("a size is a number with a unit, such as 512M or 2G")
    return int(float(match[1]) * 1024 ** _SIZE_UNITS[match[2].lower()])


@record(kw_only=False)
class Number:
    """A whole number that a variable says: its text, and what its default says."""

    text: str
    value: int

    def __str__(self) -> str:
        return self.text


@record(kw_only=False)
class Restart:
    """When a container that has ended is started again; ``most`` is how often."""

    word: str
    most: int | None = None

    def applies(self, code: int | None) -> bool:
        """Whether it does after an exit with this code, which may not be known."""
        return self.word != "no" and (self.word != "on-failure" or code != 0)


RESTARTS = ("no", "always", "on-failure", "unless-stopped")


def parse_restart(text: str) -> Restart:
    """Compose's restart policy, ``on-failure:5`` included."""
    word, colon, most = text.partition(":")
    is_count = most.isascii() and most.isdigit() and len(most) < _LONGEST_COUNT
    if word not in RESTARTS or (colon and not (word == "on-failure" and is_count)):
        raise ValueError(f"one of {', '.join(RESTARTS)}, on-failure:3")
    return Restart(word, int(most) if colon and int(most) else None)


# Variables


@record(kw_only=False)
class Variable:
    """One ``$NAME`` or ``${NAME..}`` of a text, with where it begins and ends.

    ``operator`` is one of ``:- - :? ? :+ +`` or empty; ``argument`` is what follows
    it, variables within it not taken apart.
    """

    name: str
    operator: str
    argument: str
    start: int
    end: int


class BadVariable(ValueError):
    """A ``$`` that begins no variable; ``position`` is its place."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(reason)
        self.position = position


_DOLLAR = make_pattern(r"\$(\$|\{|[A-Za-z_])?")
_OPERATORS = (":-", ":?", ":+", "-", "?", "+")


def parse_variables(text: str) -> tuple[Variable, ...]:
    """The variables of a text in Compose's grammar, nested ones as their argument.

    ``$$`` is a plain dollar. Raises BadVariable for any other ``$``.
    """
    if "$" not in text:
        return ()
    return tuple(_find_variables(text, 0, len(text)))


def double_dollars(text: str) -> str:
    """The text with each ``$`` that is text doubled, as Compose wants it.

    That is one before anything but a name, ``{`` or another ``$``.
    """
    if "$" not in text:
        return text
    return _DOLLAR.sub(lambda match: match[0] if match[1] else "$$", text)


def remove_variables(text: str) -> str:
    """The text without its variables and all that stands in their braces."""
    parts, end = [], 0
    for variable in parse_variables(text):
        parts.append(text[end : variable.start])
        end = variable.end
    return "".join([*parts, text[end:]])


def has_variables(text: str) -> bool:
    """Whether a text holds variables, and every ``$`` of it is well-formed."""
    if "$" not in text:
        return False
    try:
        return bool(parse_variables(text))
    except BadVariable:
        return False


def _find_variables(text: str, start: int, end: int) -> Iterator[Variable]:
    while (start := text.find("$", start, end)) >= 0:
        if text.startswith("$$", start, end):
            start += 2
            continue
        variable = _read_variable(text, start, end)
        # The argument may hold variables: they must be well-formed too.
        parse_variables(variable.argument)
        yield variable
        start = variable.end


def _read_variable(text: str, start: int, end: int) -> Variable:
    if not text.startswith("{", start + 1, end):
        match = VARIABLE_NAME.match(text, start + 1, end)
        if match is None:
            raise BadVariable(start, "no variable follows this `$`")
        return Variable(match[0], "", "", start, match.end())
    match = VARIABLE_NAME.match(text, start + 2, end)
    if match is None:
        raise BadVariable(start, "`${` is followed by no name")
    close = _find_close(text, start, end)
    if close < 0:
        raise BadVariable(start, "`${` is not closed")
    rest = text[match.end() : close]
    if not rest:
        return Variable(match[0], "", "", start, close + 1)
    for operator in _OPERATORS:
        if rest.startswith(operator):
            argument = rest[len(operator) :]
            return Variable(match[0], operator, argument, start, close + 1)
    raise BadVariable(start, f"`${{{match[0]}` is followed by `{rest[0]}`")


def _find_close(text: str, start: int, end: int) -> int:
    """Where the brace that opens at ``start + 1`` is closed, or -1."""
    depth, position = 0, start
    while position < end:
        if text.startswith("${", position):
            depth, position = depth + 1, position + 2
            if depth > _DEEPEST_VARIABLE:
                raise BadVariable(start, "variables are nested too deep")
        elif text[position] == "}":
            depth, position = depth - 1, position + 1
            if depth == 0:
                return position - 1
        else:
            position += 1
    return -1


def find_undefaulted(text: str) -> str:
    """The name of the first variable without a default; empty where all have one."""
    for variable in parse_variables(text):
        if variable.operator not in {":-", "-"} or not find_default(variable.argument):
            return variable.name
        inner = find_undefaulted(variable.argument)
        if inner:
            return inner
    return ""


def split_at_colons(text: str, start: int = 0) -> list[str]:
    """Split at the colons outside ``${..}``, from ``start`` on."""
    return split_outside(text, ":", start)


def split_outside(text: str, separator: str, start: int = 0) -> list[str]:
    """Split at a character outside ``${..}``, from ``start`` on."""
    if text.find("${", start) < 0:
        first, *others = text[start:].split(separator)
        return [text[:start] + first, *others]
    parts, begin, position = [], 0, start
    while position < len(text):
        if text.startswith("${", position):
            close = _find_close(text, position, len(text))
            position = close + 1 if close >= 0 else position + 2
        elif text[position] == separator:
            parts.append(text[begin:position])
            position += 1
            begin = position
        else:
            position += 1
    return [*parts, text[begin:]]


def guess_default(text: str) -> str:
    """The text with defaults for its variables; empty where a dollar begins none."""
    try:
        return find_default(text)
    except BadVariable:
        return ""


def find_default(text: str) -> str:
    """The text with each variable replaced by its default, or by nothing."""
    if "$" not in text:
        return text
    parts, end = [], 0
    for variable in parse_variables(text):
        parts.append(text[end : variable.start])
        if variable.operator in {":-", "-"}:
            parts.append(find_default(variable.argument))
        end = variable.end
    parts.append(text[end:])
    return "".join(parts).replace("$$", "$")
