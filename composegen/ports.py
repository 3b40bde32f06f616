"""Ports: a number, and what a service publishes in Compose's short form.

Every parser takes the text as it was written and raises ValueError with a sentence
that completes "this is wrong: ..".
"""

from __future__ import annotations

import re

from composegen.patterns import make_pattern
from composegen.records import field, record
from composegen.values import find_default, split_at_colons, split_outside

_LAST_PORT = 65535
_RANDOM = "0"
_IPV4 = make_pattern(r"\d{1,3}(?:\.\d{1,3}){3}", re.ASCII)
_IPV6 = make_pattern(r"\[[0-9a-fA-F:.%]*:[0-9a-fA-F:.%]*\]")
_RANGE = make_pattern(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)


def parse_port(text: str) -> int:
    """A port number between 1 and 65535."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(_LAST_PORT))
    if not is_number or not 1 <= int(text) <= _LAST_PORT:
        raise ValueError("a port is a number between 1 and 65535")
    return int(text)


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
        check_range(published)
    if target:
        check_range(target)
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
    if address and _IPV4.fullmatch(address):
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


def check_range(text: str) -> None:
    """Raises ValueError for what is neither a port nor a range; a default counts."""
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
