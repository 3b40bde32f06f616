"""What a key of a service is: how it is read, merged, described and passed on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from composegen.records import record
from composegen.stackfile.nodes import Node
from composegen.stackfile.reader import REMOVED, Path, Reader

Draft: TypeAlias = dict[str, Any]
"""A service as typed values by key, in which REMOVED means null."""

Schema: TypeAlias = dict[str, Any]
"""A part of the JSON Schema of stack files."""


def take_own(_: Any, own: Any) -> Any:
    """What most keys do: the own value replaces the recipe's."""
    return drop_removed(own)


def merge_names(base: Draft, own: Draft) -> Any:
    """The names of both, the own value where both have one; null removes a name."""
    return drop_removed({**base, **own})


def add_items(base: list[str], own: list[str]) -> list[str]:
    """The items of both, each once."""
    return list(dict.fromkeys([*base, *own]))


def drop_removed(value: Any) -> Any:
    """A value without the names that null removes."""
    if isinstance(value, dict):
        return {
            key: drop_removed(item) if isinstance(item, dict) else item
            for key, item in value.items()
            if item is not REMOVED
        }
    return value


@record(kw_only=False)
class Key:
    """One key of a service.

    ``read`` makes a value of a node or notes what is wrong and returns None, ``merge``
    lays a stack's value over its recipe's, ``schema`` is for editors. A key that
    ``is_passed`` goes to Compose as it is, one that ``is_brought`` may be in a
    recipe.
    """

    name: str
    read: Callable[[Reader, Node, Path], Any]
    schema: Schema
    merge: Callable[[Any, Any], Any] = take_own
    is_passed: bool = False
    is_brought: bool = False

    @property
    def heading(self) -> str:
        """Where docs/stack-file.md explains it."""
        return f"### `{self.name}`"
