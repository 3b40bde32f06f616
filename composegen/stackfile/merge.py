"""Lays drafts over each other as the language says: recipe, then own keys.

Also merges raw settings the way Compose merges override files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from composegen.model import Mount
from composegen.stackfile.keys.compose import Draft
from composegen.stackfile.reader import REMOVED, Path, Reader

_HEALTH_KIND_KEYS = frozenset({"kind", "path", "command", "reason"})


def merge_drafts(base: Mapping[str, Any], own: Mapping[str, Any]) -> Draft:
    """``own`` over ``base``; REMOVED removes, and none is left in the result."""
    merged: Draft = dict(base)
    for key, value in own.items():
        if value is REMOVED:
            merged.pop(key, None)
        elif key in merged and key in _MERGERS:
            merged[key] = _MERGERS[key](merged[key], value)
        else:
            merged[key] = _drop_removed(value)
    return merged


def _drop_removed(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _drop_removed(item)
            for key, item in value.items()
            if item is not REMOVED
        }
    return value


def _merge_local(base: Draft, own: Draft) -> Draft:
    env = _drop_removed({**base.get("env", {}), **own.get("env", {})})
    return {**base, **own, **({"env": env} if env else {})}


def _merge_health(base: Draft, own: Draft) -> Draft:
    kept = base
    if "kind" in own:
        kept = {
            key: value for key, value in base.items() if key not in _HEALTH_KIND_KEYS
        }
    return {**kept, **own}


def _merge_keys(base: Draft, own: Draft) -> Any:
    return _drop_removed({**base, **own})


def _add_items(base: list[str], own: list[str]) -> list[str]:
    return list(dict.fromkeys([*base, *own]))


def merge_mounts(base: Iterable[Mount], own: Iterable[Mount]) -> list[Mount]:
    """The mounts of both, the later one where two have the same path."""
    merged = {mount.target.rstrip("/") or "/": mount for mount in base}
    for mount in own:
        merged[mount.target.rstrip("/") or "/"] = mount
    return list(merged.values())


def merge_tmpfs(base: Iterable[str], own: Iterable[str]) -> list[str]:
    """The tmpfs mounts of both, the later one where two have the same path."""
    merged = {text.partition(":")[0].rstrip("/"): text for text in base}
    merged.update((text.partition(":")[0].rstrip("/"), text) for text in own)
    return list(merged.values())


_MERGERS: Mapping[str, Callable[[Any, Any], Any]] = {
    "cap_add": _add_items,
    "environment": _merge_keys,
    "health": _merge_health,
    "labels": _merge_keys,
    "local": _merge_local,
    "relax": _merge_keys,
    "resources": _merge_keys,
    "secrets": _merge_keys,
    "sysctls": _merge_keys,
    "tmpfs": merge_tmpfs,
    "volumes": merge_mounts,
}
"""How a key of both is made one; every other key replaces."""


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
            if path[-1] == "labels":
                help = f'an empty text is written {key}: ""'
            reader.add(
                "null-value", f"`{key}` has no value", reader.nodes[*path, key], help
            )


# Raw settings, as Compose merges override files
