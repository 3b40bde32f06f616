"""What a service is made from as a digest: whether its stack file has changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from composegen.digest import hash_text
from composegen.model import Service
from composegen.records import list_fields, replace

_NO_PART = "drill"
"""What a drill asks: nothing is made from it."""


def digest_definition(services: Mapping[str, Service], name: str) -> str:
    """The digest of a service and of what it needs directly; it shows no value.

    It is the same on every machine and in every process. Services that are needed and
    not among ``services`` are passed over.
    """
    service = services[name]
    # What a choice is belongs to a selection, not to the stack file.
    needs = tuple(
        replace(need, service=need.choice, choice="") if need.choice else need
        for need in service.needs
    )
    needed = [services.get(need.service) for need in needs]
    spelled = _spell((replace(service, needs=needs), *needed))
    return hash_text(spelled)[:16]


def _spell(value: Any) -> str:
    if hasattr(value, "__record_fields__"):
        names = [name for name in list_fields(type(value)) if name != _NO_PART]
        inner = ", ".join(f"{name}={_spell(getattr(value, name))}" for name in names)
        return f"{type(value).__name__}({inner})"
    if isinstance(value, Mapping):
        pairs = (f"{_spell(key)}: {_spell(each)}" for key, each in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, frozenset):
        return f"{{{', '.join(sorted(map(_spell, value)))}}}"
    if isinstance(value, list | tuple):
        return f"({', '.join(map(_spell, value))})"
    return repr(value)
