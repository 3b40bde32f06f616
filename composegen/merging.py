"""Lays drafts over each other as the language says: recipe, then own keys.

Also merges raw settings the way Compose merges override files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from composegen.composekeys import Draft, split_mount
from composegen.model import Mount, Raw
from composegen.reading import REMOVED, Path, Reader

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

_REPLACED_LISTS = frozenset({"command", "entrypoint", "test"})
_MAPS = frozenset({"environment", "labels", "annotations", "sysctls", "args"})


def merge_raw(base: Raw, own: Raw, key: str = "") -> Raw:
    """``own`` over ``base``: mappings merge, lists add up, everything else replaces.

    ``key`` is the Compose key that both stand under: commands replace, lists of
    ``NAME=value`` merge by name, volumes and tmpfs by their path, networks as names.
    """
    if key in _REPLACED_LISTS or base is None or own is None:
        return own
    if key == "build":
        base = {"context": base} if isinstance(base, str) else base
        own = {"context": own} if isinstance(own, str) else own
    if key in _MAPS:
        return {**_to_map(base), **_to_map(own)}
    if key == "extra_hosts":
        return [*dict.fromkeys([*_to_hosts(base), *_to_hosts(own)])]
    if key == "logging" and _find_driver(base) != _find_driver(own):
        return own
    if key == "networks":
        return {**_to_names(base), **_to_names(own)}
    if isinstance(base, dict) and isinstance(own, dict):
        return {
            **base,
            **{
                name: merge_raw(base[name], value, name) if name in base else value
                for name, value in own.items()
            },
        }
    if isinstance(base, list) and key in {"volumes", "tmpfs"}:
        mounts = {_find_target(item): item for item in base}
        listed = own if isinstance(own, list) else [own]
        mounts.update((_find_target(item), item) for item in listed)
        return list(mounts.values())
    if isinstance(base, list) or isinstance(own, list):
        first = base if isinstance(base, list) else [base]
        added = own if isinstance(own, list) else [own]
        return [*first, *(item for item in added if item not in first)]
    return own


def _to_map(value: Raw) -> dict[str, Raw]:
    if isinstance(value, dict):
        return value
    items = value if isinstance(value, list) else []
    texts = (str(item).partition("=") for item in items)
    return {name: text if equals else None for name, equals, text in texts}


def _to_hosts(value: Raw) -> list[Raw]:
    if isinstance(value, dict):
        return [f"{name}={address}" for name, address in value.items()]
    return value if isinstance(value, list) else []


def _find_driver(value: Raw) -> Raw:
    return value.get("driver", "local") if isinstance(value, dict) else None


def _to_names(value: Raw) -> dict[str, Raw]:
    if isinstance(value, dict):
        return value
    return {str(name): None for name in value} if isinstance(value, list) else {}


def _find_target(item: Raw) -> str:
    if isinstance(item, dict):
        return str(item.get("target", "")).rstrip("/")
    text = str(item)
    mount = split_mount(text)
    if mount is None or (mount.source and not mount.target.startswith("/")):
        return text.partition(":")[0].rstrip("/")
    return mount.target.rstrip("/")
