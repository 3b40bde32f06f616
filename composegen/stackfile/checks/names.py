"""Names: of services among each other, of the images built of them, and aliases."""

from __future__ import annotations

import re

from composegen.errors import Level
from composegen.model import Service
from composegen.patterns import make_pattern
from composegen.planning.networks import list_raw_networks
from composegen.stackfile.checks.checked import Checked
from composegen.stackfile.hints.inline import write_inline

_REPOSITORY = make_pattern(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*", re.ASCII)
"""What a part of an image's name can be."""


def check_cases(checked: Checked) -> None:
    """No two names differ only in case: DNS takes them for one."""
    known: dict[str, str] = {}
    for name in checked.stack.services:
        first = known.setdefault(name.lower(), name)
        if first != name:
            place = checked.find("services", first)
            checked.add(
                "name-case",
                f"`{name}` and `{first}` (at {place}) differ only in case, and reach "
                "each other by one name",
                ("services", name),
                "give one of them another name",
            )


def check_built_names(checked: Checked) -> None:
    """An image that Compose names after a service can have that name."""
    for service in checked.stack.services.values():
        is_named = service.image or service.compose.get("image")
        if service.build is None or is_named or (service.name, "") in checked.broken:
            continue
        if not _REPOSITORY.fullmatch(f"x-{service.name}"):
            plain = re.sub(r"[^a-z0-9]+", "-", service.name.lower()).strip("-")
            checked.add(
                "bad-name",
                f"the image that is built for `{service.name}` would have its name, "
                "which no image can have",
                ("services", service.name),
                f"name the image:\nimage: {plain or 'app'}:dev",
            )


def check_aliases(checked: Checked) -> None:
    """An alias is not the name of another service on the same network."""
    services = checked.stack.services
    known = {name.lower(): service for name, service in services.items()}
    for service in services.values():
        _check_reach(checked, service)
        for alias in service.aliases:
            other = known.get(alias.lower())
            if other is None or other.name == service.name:
                continue
            networks = checked.list_networks(service)
            if not set(networks).isdisjoint(checked.list_networks(other)):
                checked.add(
                    "name-taken",
                    f"`{alias}` is an alias of `{service.name}` and the name of "
                    "another service: requests reach one or the other",
                    ("services", service.name, "aliases", alias),
                    "choose another alias",
                    level=Level.WARNING,
                )


def _check_reach(checked: Checked, service: Service) -> None:
    """Compose takes aliases for each network by its name, without variables."""
    hidden = [name for name in list_raw_networks(service) if "$" in name]
    if service.aliases and hidden:
        checked.add(
            "variable-here",
            f"`{service.name}` has aliases on each network, and the name of one is a "
            f"variable, {hidden[0]}: Compose reads no variable there",
            ("services", service.name, "aliases"),
            "name the network at the top level, under a name of the stack:\n"
            f"networks: {{other: {{name: {write_inline(hidden[0])}}}}}",
        )
