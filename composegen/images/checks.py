"""The health check of an image without a recipe, in the words of a stack file."""

from __future__ import annotations

import yaml

from composegen.model import Facts


def list_known_check(facts: Facts) -> dict[str, str]:
    """The keys of ``health`` for an image; empty where no check is known.

    A port is asked from outside where the image has no tool for it.
    """
    check = dict(facts.health)
    if {"http", "tcp"} & check.keys() and not facts.tools:
        check["from"] = "outside"
    return check


def write_known_check(facts: Facts, port: int | None) -> str:
    """The line that gives a service its check; its own port need not be named."""
    check: dict[str, object] = dict(list_known_check(facts))
    if "image" in check:
        return "health: image     # its image has a HEALTHCHECK"
    if "port" in check:
        check["port"] = int(facts.health["port"])
        if check["port"] == port:
            del check["port"]
    if "tcp" in check:
        check["tcp"] = True
    flow = yaml.safe_dump(check, default_flow_style=True, sort_keys=False, width=1000)
    return f"health: {flow.strip()}     # known for the image"
