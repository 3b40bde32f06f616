"""Texts with a grammar of their own: durations, sizes, ports, names, variables.

Every parser takes the text as it was written and raises ValueError with a sentence
that completes "this is wrong: ..".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from composegen.records import field, record

SERVICE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", re.ASCII)
RESERVED_NAMES = frozenset({"default", "host", "none"})
SECRET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", re.ASCII)
GROUP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", re.ASCII)
VOLUME_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,}", re.ASCII)
PROJECT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)
VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)

_DURATION_PART = re.compile(
    r"(\d{1,15}(?:\.\d{0,15})?|\.\d{1,15})(ns|us|µs|ms|s|m|h)", re.ASCII
)
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
_LONGEST = 10 * 365 * 24 * 3600
_SIZE = re.compile(
    r"(\d{1,15}(?:\.\d{1,15})?) ?([kmgtp]?)(i?b)?", re.ASCII | re.IGNORECASE
)
_SIZE_UNITS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_LAST_PORT = 65535
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


def parse_port(text: str) -> int:
    """A port number between 1 and 65535."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(_LAST_PORT))
    if not is_number or not 1 <= int(text) <= _LAST_PORT:
        raise ValueError("a port is a number between 1 and 65535")
    return int(text)


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


_DOLLAR = re.compile(r"\$(\$|\{|[A-Za-z_])?")
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
    parts, end = [], 0
    for variable in parse_variables(text):
        parts.append(text[end : variable.start])
        if variable.operator in {":-", "-"}:
            parts.append(find_default(variable.argument))
        end = variable.end
    parts.append(text[end:])
    return "".join(parts).replace("$$", "$")


# Ports


@record
class Port:
    """One published port; each part may be a text with variables.

    ``published`` is a number or a range, or empty where the engine chooses. ``target``
    is a number or a range; empty means the service's own. ``is_filled`` says that the
    target was not written.
    """

    address: str = "127.0.0.1"
    published: str
    target: str = ""
    protocol: str = "tcp"
    is_filled: bool = field(default_factory=bool, compare=False, repr=False)

    @property
    def is_random(self) -> bool:
        """Whether the engine chooses the port of the host."""
        return not self.published

    @property
    def shown(self) -> str:
        """The published port as a stack file writes it."""
        return self.published or _RANDOM

    @property
    def first_target(self) -> int | None:
        """The port in the container, the first one of a range.

        Of a variable, the default; None where it has none.
        """
        first = find_default(self.target).partition("-")[0]
        return int(first) if first else None

    @property
    def default_address(self) -> str:
        """The address with defaults for its variables, without brackets."""
        return find_default(self.address).strip("[]")

    @property
    def targets(self) -> range:
        """The ports in the container that it leads to."""
        first, _, last = find_default(self.target).partition("-")
        return range(int(first), int(last or first) + 1) if first else range(0)

    @property
    def host_ports(self) -> range:
        """The ports it takes on the host, defaults of variables counted."""
        first, _, last = find_default(self.published).partition("-")
        if not first.isdigit() or (last and not last.isdigit()):
            return range(0)
        return range(int(first), int(last or first) + 1)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        address = self.default_address
        return address.startswith("127.") or address == "::1"

    @property
    def host(self) -> str:
        """The address as it is written in a URL or before a port."""
        is_bare = ":" in self.address and "$" not in self.address
        return f"[{self.address}]" if is_bare else self.address


_RANDOM = "0"
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}", re.ASCII)
_IPV6 = re.compile(r"\[[0-9a-fA-F:.%]*:[0-9a-fA-F:.%]*\]")
_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)


def parse_published_port(text: str) -> Port:
    """Compose's short form, ``[ADDRESS:][PUBLISHED:]TARGET[/PROTOCOL]``.

    A single number or variable is the published port, with no target. With an address
    and one number, that number is the published one. 0 is a port that the
    engine chooses.
    """
    rest, *protocols = split_outside(text, "/")
    protocol = "/".join(protocols)
    if protocols and protocol not in {"tcp", "udp", "sctp"}:
        raise ValueError(f"`{protocol}` is not a protocol: use tcp, udp or sctp")
    address, parts = _split_address(rest)
    if len(parts) > 2:
        raise ValueError("too many colons for ADDRESS:PUBLISHED:TARGET")
    published = parts[0]
    target = parts[1] if len(parts) > 1 else ""
    if len(parts) > 1 and not target:
        raise ValueError("there is nothing after the colon")
    if target and not published:
        raise ValueError(
            f"there is nothing before the colon; a random port is {_RANDOM}"
        )
    is_random = published == _RANDOM
    published = "" if is_random else published
    if not is_random:
        _check_range(published)
    if target:
        _check_range(target)
        many = _count_ports(target)
        if many > 1 and published and _count_ports(published) != many:
            raise ValueError("the two ranges differ in length")
    return Port(
        address=address or "127.0.0.1",
        published=published,
        target=target,
        protocol=protocol or "tcp",
    )


def _split_address(text: str) -> tuple[str, list[str]]:
    if text.startswith("["):
        address, closed, rest = text[1:].partition("]")
        if not closed or not rest.startswith(":") or ":" not in address:
            raise ValueError("an IPv6 address is written as [::1]:8080")
        return address, split_at_colons(rest[1:])
    parts = split_at_colons(text)
    address = find_default(parts[0]) if len(parts) > 1 else ""
    is_variable = "$" in parts[0]
    if _IPV4.fullmatch(address):
        if any(int(number) > 255 for number in address.split(".")):
            raise ValueError(f"`{address}` is not an IPv4 address")
        return parts[0], parts[1:]
    if is_variable and (len(parts) == 3 or _IPV6.fullmatch(address)):
        if address and not _IPV6.fullmatch(address):
            raise ValueError(f"`{address}` is not an address: write 127.0.0.1")
        return parts[0], parts[1:]
    if len(parts) > 1 and parts[0] == "localhost":
        raise ValueError("an address is a number: write 127.0.0.1")
    return "", parts


def _check_range(text: str) -> None:
    if "$" in text:
        text = find_default(text)
        if not text:
            return
        if ":" in text:
            raise ValueError("a variable holds one part: ${ADDRESS}:${PUBLISHED}:80")
    match = _RANGE.fullmatch(text)
    if match is None:
        raise ValueError("a port is a number between 1 and 65535")
    first = parse_port(match[1])
    if match[2] and parse_port(match[2]) < first:
        raise ValueError("the range ends before it begins")


def _count_ports(text: str) -> int:
    if "$" in text:
        text = find_default(text) or "1"
    first, _, last = text.partition("-")
    return int(last or first) - int(first) + 1
