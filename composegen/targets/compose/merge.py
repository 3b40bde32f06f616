"""Raw Compose settings laid over rendered ones, key by key."""

from __future__ import annotations

from collections.abc import Mapping

from composegen.model import Raw, split_mount
from composegen.values import has_variables, split_outside

_REPLACED_LISTS = frozenset({"command", "entrypoint", "test"})


_MAPS = frozenset({"environment", "labels", "annotations", "sysctls", "args"})


def word_names(names: Mapping[str, Raw]) -> Raw:
    """Names with texts as Compose's mapping; its list where a name has a variable.

    Compose fills in the variables of a list's items, and reads a mapping's keys as they
    are, so a ``$`` is not doubled there.
    """
    if not any(has_variables(name) for name in names):
        return {name.replace("$$", "$"): value for name, value in names.items()}
    return [
        name if value is None else f"{name}={_word_value(value)}"
        for name, value in names.items()
    ]


def _word_value(value: Raw) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def merge_raw(base: Raw, own: Raw, key: str = "") -> Raw:
    """``own`` over ``base``: mappings merge, lists add up, everything else replaces.

    ``key`` is the Compose key of both: commands replace, lists of
    ``NAME=value`` merge by name, volumes and tmpfs by their path, networks as names.
    Within a key, null removes what is there.
    """
    if key in _REPLACED_LISTS or base is None or own is None:
        return own
    if key == "build":
        base = {"context": base} if isinstance(base, str) else base
        own = {"context": own} if isinstance(own, str) else own
    if key in _MAPS:
        return word_names({**_to_map(base), **_to_map(own)})
    if key == "extra_hosts":
        return [*dict.fromkeys([*_to_hosts(base), *_to_hosts(own)])]
    if key == "logging" and _find_driver(base) != _find_driver(own):
        return own
    if key == "networks":
        return _merge_networks(base, own)
    if isinstance(base, dict) and isinstance(own, dict):
        merged = {
            name: merge_raw(base[name], value, name) if name in base else value
            for name, value in own.items()
        }
        removed = {name for name in own if key and own[name] is None and name in base}
        return {
            name: value
            for name, value in {**base, **merged}.items()
            if name not in removed
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


def _merge_networks(base: Raw, own: Raw) -> Raw:
    """The networks of both; Compose fills in the variables of a list alone."""
    names = _to_names(base)
    for name, options in _to_names(own).items():
        names[name] = merge_raw(names.get(name), options or names.get(name))
    is_filled = isinstance(own, list) and any("$" in str(name) for name in own)
    return [*names] if is_filled else names


def _to_map(value: Raw) -> dict[str, Raw]:
    if isinstance(value, dict):
        return {name.replace("$", "$$"): item for name, item in value.items()}
    items = value if isinstance(value, list) else []
    texts = (split_outside(str(item), "=") for item in items)
    return {name: "=".join(rest) if rest else None for name, *rest in texts}


def _to_hosts(value: Raw) -> list[Raw]:
    if isinstance(value, dict):
        return [
            f"{name.replace('$', '$$')}={address}" for name, address in value.items()
        ]
    return value if isinstance(value, list) else []


def _find_driver(value: Raw) -> Raw:
    return value.get("driver", "json-file") if isinstance(value, dict) else None


def _to_names(value: Raw) -> dict[str, Raw]:
    if isinstance(value, dict):
        return dict(value)
    return {str(name): None for name in value} if isinstance(value, list) else {}


def _find_target(item: Raw) -> str:
    if isinstance(item, dict):
        return str(item.get("target", "")).rstrip("/")
    text = str(item)
    mount = split_mount(text)
    if mount is None or (mount.source and not mount.target.startswith("/")):
        return text.partition(":")[0].rstrip("/")
    return mount.target.rstrip("/")
