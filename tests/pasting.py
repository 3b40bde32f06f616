"""What a person does with a help: pastes its lines, and looks whether it answers."""

from __future__ import annotations

import http.client
import re
from typing import Any


def read_mend(said: str) -> list[str]:
    """The service and the lines that are to stand below it, as they were printed."""
    match = re.search(
        r"help: [^\n]*\n?[^\n]*under `([\w-]+)` in the stack file:\n"
        r"((?: {8}[^\n]*\n?)+)",
        said,
    )
    assert match, f"no lines to add in:\n{said}"
    lines = [line.strip() for line in match[2].splitlines()]
    others = (at for at, line in enumerate(lines) if re.match(r"(?:or|and)\b", line))
    return [match[1], *lines[: next(others, len(lines))]]


def _add_health(old: Any, new: dict[str, Any]) -> dict[str, Any]:
    """A long form is added to; a short form gives way, as it does to who pastes."""
    return {**old, **new} if isinstance(old, dict) else new


def merge(service: dict[str, Any], added: dict[str, Any]) -> None:
    for key, value in added.items():
        old = service.get(key)
        if key == "health":
            service[key] = _add_health(old, value)
        elif isinstance(old, dict) and isinstance(value, dict):
            service[key] = {**old, **value}
        elif isinstance(old, list) and isinstance(value, list) and key != "publish":
            service[key] = [*old, *value]
        else:
            service[key] = value


def read_page(port: int) -> None:
    """Ask for a page of this machine; whatever it is, it must come."""
    address = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        address.request("GET", "/")
        assert address.getresponse().status < 600
    finally:
        address.close()
