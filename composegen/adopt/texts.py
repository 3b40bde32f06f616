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
