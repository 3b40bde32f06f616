"""What a state file may hold: plain data becomes records, every field of its own kind.

A file that composegen could not have written is refused, with the field that is wrong.
"""

from __future__ import annotations

import json
import math
from collections.abc import Container, Mapping
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from composegen.patterns import make_pattern
from composegen.text import escape_control

_MOST = 1 << 63
_DEEPEST = 20
_COLOUR = make_pattern(r"(\x1b\[[0-9;]*m)")

Kind = TypeVar("Kind")


class BadForm(ValueError):
    """Data that is not what composegen writes; the message names the field."""


def read_json(text: str) -> dict[str, Any]:
    """The object that a text holds. Raises BadForm."""
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise BadForm("it is not JSON") from None
    if not isinstance(data, dict):
        raise BadForm("it does not hold an object")
    return data


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def read_record(kind: type[Kind], data: object, where: str = "") -> Kind:
    """A record made of plain data; ``where`` names the data. Raises BadForm."""
    value: Kind = _read(kind, data, where)
    return value


def _read(kind: Any, data: Any, where: str) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return data
    if origin is UnionType:
        if data is None and NoneType in inner:
            return None
        return _read(inner[0], data, where)
    if origin is tuple:
        expect(isinstance(data, list), where, "a list")
        return tuple(_read(inner[0], each, where) for each in data)
    if origin is Mapping:
        expect(isinstance(data, dict), where, "a mapping")
        return {
            key: _read(inner[1], each, f"{where}.{key}") for key, each in data.items()
        }
    if hasattr(kind, "__record_fields__"):
        return _read_fields(kind, data, where)
    return _read_scalar(kind, data, where)


def _read_scalar(kind: type, data: Any, where: str) -> Any:
    is_number = isinstance(data, int | float) and not isinstance(data, bool)
    if issubclass(kind, StrEnum):
        is_known = isinstance(data, str) and data in list(kind)
        expect(is_known, where, "a known word")
        return kind(data)
    if kind is float:
        is_whole = is_number and abs(data) < _MOST and math.isfinite(data)
        expect(is_whole, where, "a number")
        return float(data)
    if kind is int:
        is_whole = is_number and isinstance(data, int) and abs(data) < _MOST
        expect(is_whole, where, "a whole number")
        return data
    expect(isinstance(data, kind), where, "text" if kind is str else "true or false")
    return data


def _read_fields(kind: Any, data: Any, where: str) -> Any:
    expect(isinstance(data, dict), where, "a mapping")
    hints = _find_hints(kind)
    for name in data:
        expect(name in hints, _join(where, name), "known")
    values = {
        name: _read(hints[name], each, _join(where, name))
        for name, each in data.items()
    }
    try:
        return kind(**values)
    except TypeError:
        missing = next(name for name in hints if name not in values)
        raise BadForm(f"`{_join(where, missing)}` is missing") from None


@cache
def _find_hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    names: tuple[str, ...] = vars(kind)["__record_fields__"]
    return {name: hints[name] for name in names}


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def expect(is_so: bool, where: str, wanted: str) -> None:
    """Refuse a field that is not what is wanted. Raises BadForm."""
    if not is_so:
        raise BadForm(f"`{where}` is not {wanted}")


def as_list(data: Any) -> list[Any]:
    """Data that must be a list. Raises BadForm."""
    if not isinstance(data, list):
        raise BadForm("a list is missing")
    return data


def make_harmless(data: Any, *, keep: Container[str] = (), depth: int = 0) -> Any:
    """The same data, its texts without what steers a terminal; colours stay.

    ``keep`` names fields at the top that are compared, not shown. Raises BadForm where
    data is nested deeper than composegen nests it.
    """
    if depth > _DEEPEST:
        raise BadForm("it is nested too deeply")
    if isinstance(data, str):
        return "".join(
            part if _COLOUR.fullmatch(part) else escape_control(part, keep="\n\t")
            for part in _COLOUR.split(data)
        )
    if isinstance(data, dict):
        return {
            make_harmless(key): each
            if key in keep
            else make_harmless(each, depth=depth + 1)
            for key, each in data.items()
        }
    if isinstance(data, list):
        return [make_harmless(each, depth=depth + 1) for each in data]
    return data
