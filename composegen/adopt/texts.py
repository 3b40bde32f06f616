"""Texts with variables: which there are, and what they say under an environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from composegen.errors import MissingVariable
from composegen.values import (
    BadVariable,
    Variable,
    double_dollars,
    has_variables,
    parse_variables,
)
from composegen.workspace.dotenv import fill_variables

Path = tuple[str | int, ...]


def write_text(value: Any) -> str:
    """A scalar of JSON as Compose's text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def write_texts(value: Any) -> Any:
    """A value with every scalar as its text; null stays."""
    if isinstance(value, dict):
        return {key: write_texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [write_texts(item) for item in value]
    return None if value is None else write_text(value)


_SWITCHES = {
    **dict.fromkeys(("yes", "on", "y"), True),
    **dict.fromkeys(("no", "off", "n"), False),
}
"""Words that Compose takes for true or false where a switch must be, and warns of."""

_KEYS = frozenset(
    "tty stdin_open privileged read_only init internal external attachable "
    "enable_ipv4 enable_ipv6 oom_kill_disable use_api_socket disable required "
    "create_host_path nocopy no_cache pull".split()
)
"""Keys of Compose that are switches."""


def settle_switches(texts: Any, model: Any) -> Any:
    """Texts with `true` or `false` for each such word that a model takes for that."""
    if isinstance(texts, dict) and isinstance(model, dict):
        # A model does not show a switch that is off.
        off = dict.fromkeys(_KEYS - model.keys(), False)
        return {
            key: settle_switches(text, {**off, **model}.get(key))
            for key, text in texts.items()
        }
    is_list = isinstance(texts, list) and isinstance(model, list)
    if is_list and len(texts) == len(model):
        return [settle_switches(*pair) for pair in zip(texts, model, strict=True)]
    meant = _SWITCHES.get(texts.lower()) if isinstance(texts, str) else None
    return meant if isinstance(model, bool) and meant is model else texts


def is_off(value: Any) -> bool:
    """Whether a switch that the model does not show is off."""
    text = write_text(value).lower()
    return text == "false" or _SWITCHES.get(text) is False


def walk_texts(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every text with a variable in a model, keys included, with its path."""
    if isinstance(value, dict):
        for key, item in value.items():
            if has_variables(double_dollars(key)):
                yield (*path, key), key
            yield from walk_texts(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from walk_texts(item, (*path, index))
    elif isinstance(value, str) and has_variables(double_dollars(value)):
        yield path, value


def list_variables(text: str) -> Iterator[Variable]:
    """The variables of a text, those within another one's default included."""
    try:
        found = parse_variables(double_dollars(text))
    except BadVariable:
        return
    for variable in found:
        yield variable
        yield from list_variables(variable.argument)


def fill(text: str, values: Mapping[str, str]) -> str | None:
    """What a text says; None where a variable is required and not set."""
    try:
        return fill_variables(double_dollars(text), values)
    except (MissingVariable, BadVariable):
        return None


def undouble(text: str) -> str:
    """A value of a filled model without Compose's escapes."""
    return text.replace("$$", "$")
