"""Names with texts: `environment`, `labels`, build arguments and the like."""

from __future__ import annotations

from typing import Any

from composegen.adopt.seen import Seen
from composegen.adopt.texts import undouble, write_text
from composegen.values import ENV_NAME, has_variables, split_outside

Pairs = list[tuple[str, str | None]]


def read_pairs(value: Any) -> Pairs:
    """Names with texts of either form; None is a name alone.

    Compose fills in a list's items, and reads the keys of a mapping as they are.
    """
    if isinstance(value, dict):
        return [
            (name.replace("$", "$$"), None if text is None else write_text(text))
            for name, text in value.items()
        ]
    items = value if isinstance(value, list) else []
    pairs: Pairs = []
    for item in items:
        name, *rest = split_outside(write_text(item), "=")
        pairs.append((name, "=".join(rest) if rest else None))
    return pairs


def write_pairs(pairs: Pairs) -> Any:
    """A mapping, or the list form where a name has a variable or stands alone."""
    if all(text is not None and not has_variables(name) for name, text in pairs):
        return {name.replace("$$", "$"): text for name, text in pairs}
    return [name if text is None else f"{name}={text}" for name, text in pairs]


def adopt_environment(seen: Seen) -> None:
    """Every variable as it was written, in the order of the file."""
    pairs = read_pairs(seen.text.get("environment"))
    resolved = seen.model.get("environment") or {}
    order = seen.read.written.order
    last = len(order)
    above = ("services", seen.name, "environment")
    pairs.sort(key=lambda pair: order.get((*above, pair[0]), last))
    kept: Pairs = []
    odd: Pairs = []
    for name, text in pairs:
        filled = seen.fill(name)
        value = resolved.get(filled)
        settled = text
        if text is not None and value is not None:
            settled = _settle(seen, filled, text, value)
        is_plain = has_variables(name) or ENV_NAME.fullmatch(name)
        (kept if is_plain else odd).append((name, settled))
    if kept:
        seen.set("environment", write_pairs(kept))
    if odd:
        seen.set_raw("environment", write_pairs(odd))


def _settle(seen: Seen, name: str, text: str, value: Any) -> str:
    if seen.fill(text) == undouble(write_text(value)):
        return text
    seen.change(
        "environment",
        f"{name} is written with its value: an included project fills it",
    )
    return write_text(value)


def adopt_names(seen: Seen, key: str) -> None:
    """A mapping of names with texts, such as labels."""
    pairs = read_pairs(seen.text.get(key))
    settled: Pairs = [(name, "" if text is None else text) for name, text in pairs]
    if settled:
        seen.set(key, write_pairs(settled))
