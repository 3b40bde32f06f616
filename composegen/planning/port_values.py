"""Ports that a variable says: whether its value of now, or its default, is one."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator

from composegen.errors import MissingVariable, Problem
from composegen.model import Service, Stack
from composegen.ports import check_range, parse_port
from composegen.records import record
from composegen.text import shorten
from composegen.values import BadVariable, parse_variables

Fill = Callable[[str], str]
"""Fills the variables of a text."""


@record(kw_only=False)
class _Said:
    """A text in the place of a port or an address, and what reads it."""

    key: str
    use: str
    text: str
    parse: Callable[[str], object]


def list_bad_ports(
    stack: Stack, services: Iterable[Service], fill: Fill
) -> Iterator[Problem]:
    """Each variable that holds no port where one must be; what is empty is not judged.

    Raises what ``fill`` raises, but for a variable that is required and not set.
    """
    for service in services:
        # What is written once may be published and be the port of the service, too.
        texts = {said.text: said for said in reversed([*_list_said(service)])}
        for said in reversed(texts.values()):
            place = ("services", service.name, said.key)
            if "$" not in said.text or place not in stack.places:
                continue
            try:
                filled = fill(said.text)
            except MissingVariable:
                continue
            try:
                if filled:
                    said.parse(filled)
            except ValueError as error:
                name = _find_name(said.text, fill)
                yield Problem(
                    name="bad-port",
                    message=f"`{service.name}` {said.use} `{shorten(said.text)}`, and "
                    f"{name} makes that `{shorten(filled)}`: {error}",
                    location=stack.places[place],
                    help=f"correct {name} in .env or in the environment",
                )


def _list_said(service: Service) -> Iterator[_Said]:
    for port in service.publish:
        yield _Said("publish", "publishes", port.address, _check_address)
        yield _Said("publish", "publishes", port.published, _check_published)
        yield _Said("publish", "publishes", port.target, check_range)
    yield _Said("port", "listens on", service.texts.get("port", ""), parse_port)
    health = service.health
    text = health.texts.get("port", "") if health is not None else ""
    yield _Said("health", "is asked on", text, parse_port)


def _check_published(text: str) -> None:
    if text != "0":
        check_range(text)


def _check_address(text: str) -> None:
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        raise ValueError("an address is a number, such as 127.0.0.1") from None


def _find_name(text: str, fill: Fill) -> str:
    """The variable that says something, the first one if none is set."""
    names = [variable.name for variable in parse_variables(text)]
    try:
        return next((name for name in names if fill(f"${{{name}}}")), names[0])
    except (BadVariable, MissingVariable):
        return names[0]
