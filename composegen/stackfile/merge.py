"""Lays drafts over each other as the language says: recipe, then own keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from composegen.stackfile.keys.key import Draft, drop_removed
from composegen.stackfile.keys.service import KEYS
from composegen.stackfile.reader import REMOVED, Path, Reader


def merge_drafts(base: Mapping[str, Any], own: Mapping[str, Any]) -> Draft:
    """``own`` over ``base``; REMOVED removes, and none is left in the result."""
    merged: Draft = dict(base)
    for key, value in own.items():
        if value is REMOVED:
            merged.pop(key, None)
        elif key in merged:
            merged[key] = KEYS[key].merge(merged[key], value)
        else:
            merged[key] = drop_removed(value)
    return merged


def check_removals(reader: Reader, name: str, base: Draft, own: Draft) -> None:
    """Note each null that removes nothing, since the recipe brought nothing."""
    for key, value in own.items():
        path = ("services", name, key)
        if value is REMOVED and key not in base:
            reader.add(
                "null-value",
                f"`{key}` has no value, and no recipe brought one to remove",
                reader.nodes[path],
                "write a value, or remove the line",
            )
        elif isinstance(value, dict) and key in {"environment", "labels"}:
            _check_inner(reader, path, base.get(key, {}), value)
        elif isinstance(value, dict) and key == "local":
            inner, brought = value.get("env", {}), base.get(key, {}).get("env", {})
            _check_inner(reader, (*path, "env"), brought, inner)


def _check_inner(
    reader: Reader, path: Path, brought: Mapping[str, Any], own: Mapping[str, Any]
) -> None:
    for key, value in own.items():
        if value is REMOVED and key not in brought:
            help = f"to pass on the variable of that name: {key}: ${{{key}}}"
            if path[-1] == "environment":
                help += (
                    f"\nor, only where it is set, in a list: environment: [{key}, ..]"
                )
            if path[-1] == "labels":
                help = f'an empty text is written {key}: ""'
            reader.add(
                "null-value", f"`{key}` has no value", reader.nodes[*path, key], help
            )
