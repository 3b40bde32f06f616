"""Writes a state file as JSON, and reads it back only where composegen wrote it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from composegen.records import as_dict
from composegen.system.files import write_atomically
from composegen.workspace.state import STATE_FOLDER, NotTrusted, read_state
from composegen.workspace.stateform import BadForm, read_json

_MODE = 0o600

Value = TypeVar("Value")


def write_state(path: Path, data: Mapping[str, Any]) -> None:
    """Write a state file, records in it as mappings. Raises FileRefused."""
    text = json.dumps(_as_plain(data), indent=1) + "\n"
    write_atomically(path, text, mode=_MODE)


def _as_plain(value: Any) -> Any:
    if hasattr(value, "__record_fields__"):
        value = as_dict(value)
    if isinstance(value, Mapping):
        return {name: _as_plain(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [_as_plain(each) for each in value]
    return value


def load_state(
    folder: Path, *names: str, parse: Callable[[dict[str, Any]], Value]
) -> Value | None:
    """What a state file of a stack's folder holds; None where there is none.

    ``parse`` raises BadForm for what composegen does not write. Raises NotTrusted.
    """
    text = read_state(folder, *names)
    if text is None:
        return None
    try:
        return parse(read_json(text))
    except BadForm as error:
        path = folder.joinpath(STATE_FOLDER, *names)
        raise NotTrusted(path, str(error)) from None
