"""Networks of a service, and modes that stand in their place."""

from __future__ import annotations

from typing import Any

from composegen.adopt.seen import Seen
from composegen.adopt.texts import write_text
from composegen.values import has_variables


def adopt_networks(seen: Seen) -> None:
    """The listed networks; the default one alone needs no word."""
    written = seen.text.get("networks")
    named = _read_named(written)
    if not named or (set(named) == {"default"} and not named["default"]):
        return
    is_plain = not any(named.values())
    seen.set("networks", list(named) if is_plain else named)


def _read_named(written: Any) -> dict[str, Any]:
    if isinstance(written, dict):
        return {name: options or None for name, options in written.items()}
    return {write_text(name): None for name in written or []}


def adopt_network_mode(seen: Seen) -> None:
    """`none`, `host` and `service:NAME` have a word; others are lost."""
    text = write_text(seen.text["network_mode"])
    mode = seen.fill(text)
    if mode in {"", "bridge", "default"}:
        if mode == "bridge":
            seen.lose("network_mode", "bridge: it is on the stack's network")
            seen.lose("networks", "network_mode: bridge has none; it is on `default`")
        return
    if mode in {"none", "host"} or mode.startswith("service:"):
        if has_variables(text):
            seen.change("network_mode", f"`{text}` is written with its value")
        seen.set("network_mode", mode)
        return
    seen.lose("network_mode", f"{mode}: it is on the stack's network")
    seen.lose("networks", f"network_mode: {mode} is on another container's network")
