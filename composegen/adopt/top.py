"""The top level of a stack file: volumes, networks, secrets and what is raw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from composegen.adopt.reading import Read
from composegen.adopt.report import Entry, Notes
from composegen.adopt.seen import Seen
from composegen.adopt.texts import fill, write_text, write_texts
from composegen.model import COMPOSE_FILES
from composegen.paths import exists
from composegen.values import SECRET_NAME, has_variables

_RAW = ("configs", "models")
OUTPUT = "compose.gated.yaml"


def make_top(read: Read, services: Mapping[str, Seen], notes: Notes) -> dict[str, Any]:
    """The keys of the top level around `services`, which stays empty here."""
    top: dict[str, Any] = {}
    if read.texts.get("name"):
        top["name"] = write_text(read.model.get("name"))
    if any(exists(read.project.folder / name) for name in COMPOSE_FILES):
        top["output"] = OUTPUT
    top["resources"] = "none"
    top["services"] = {}
    _add(top, "networks", _make_networks(read, services, notes))
    _add(top, "volumes", _make_volumes(read, services, notes))
    _add(top, "secrets", _make_secrets(read, services, notes))
    raw = {key: read.texts[key] for key in _RAW if read.texts.get(key)}
    for key in raw:
        notes.keep_raw(key, "top level")
    _add(top, "compose", raw)
    extensions = [key for key in read.texts if key.startswith("x-")]
    if extensions:
        notes.remarks.append(
            f"{', '.join(extensions)}: what services take from it stands in them now"
        )
    return top


def _add(top: dict[str, Any], key: str, value: Any) -> None:
    if value:
        top[key] = value


def _make_volumes(
    read: Read, services: Mapping[str, Seen], notes: Notes
) -> dict[str, Any]:
    """Options of volumes; a plain one needs no declaration."""
    declared = read.texts.get("volumes") or {}
    used: set[str] = set()
    for seen in services.values():
        for mount in seen.model.get("volumes") or []:
            if mount.get("type") == "volume":
                used.add(write_text(mount.get("source")))
    is_variable = any(
        has_variables(write_text(mount.get("source")))
        for seen in services.values()
        for mount in seen.text.get("volumes") or []
    )
    kept: dict[str, Any] = {}
    for name in read.written.sort(declared, "volumes"):
        options = write_texts(declared[name] or {})
        if name in used or is_variable:
            if options or name not in used:
                kept[name] = options or None
        else:
            _lose(read, notes, "volumes", name, "no service mounts it")
    return kept


def _make_networks(
    read: Read, services: Mapping[str, Seen], notes: Notes
) -> dict[str, Any]:
    """Options of networks; a plain one needs no declaration."""
    declared = read.texts.get("networks") or {}
    used = {
        name for seen in services.values() for name in seen.model.get("networks") or {}
    }
    kept: dict[str, Any] = {}
    for name in read.written.sort(declared, "networks"):
        options = write_texts(declared[name] or {})
        if name not in used:
            _lose(read, notes, "networks", name, "no service is on it")
        elif options:
            kept[name] = options
    return kept


def _make_secrets(
    read: Read, services: Mapping[str, Seen], notes: Notes
) -> dict[str, Any]:
    """Where each secret comes from."""
    declared = read.texts.get("secrets") or {}
    used = {
        name
        for seen in services.values()
        for name in seen.sketch.keys.get("secrets") or {}
    }
    kept: dict[str, Any] = {}
    for name in read.written.sort(declared, "secrets"):
        options = declared[name] or {}
        if name not in used or not SECRET_NAME.fullmatch(name):
            _lose(read, notes, "secrets", name, "no service has it")
        elif options.get("environment"):
            kept[name] = {"env": write_text(options["environment"])}
        elif options.get("file"):
            path = fill(write_text(options["file"]), read.values) or ""
            kept[name] = {"file": path}
        else:
            _lose(read, notes, "secrets", name, "it has no file and no variable")
    return kept


def _lose(read: Read, notes: Notes, kind: str, name: str, why: str) -> None:
    spot = read.written.find(kind, name)
    notes.lose(Entry(service=None, key=f"{kind}.{name}", what=why, spot=spot))
