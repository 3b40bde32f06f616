"""Which volumes of a project belong to this folder: data is removed on evidence alone.

The engine keeps a project's name with a volume, and no folder. Two folders can have one
name, so `up` and `down` note which volumes were made here. What was there before the
first `up` of this folder is another folder's.
"""

from __future__ import annotations

import shlex
from collections.abc import Container as Names
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from composegen.errors import EngineUnreachable
from composegen.places.engine.containers import Container, Maker
from composegen.places.engine.containers import Volume as Found
from composegen.places.engine.endpoint import Endpoint
from composegen.places.engine.notes import Notes
from composegen.places.engine.ownership import Whose, find_whose
from composegen.places.place import Volume, Volumes
from composegen.records import as_dict, field, record
from composegen.text import escape_control, format_size
from composegen.workspace.state import NotTrusted, make_state_folder
from composegen.workspace.statefile import load_state, write_state
from composegen.workspace.stateform import expect, make_harmless, read_record

FILE = "volumes.json"
_FORM = 1
_COMPARED = frozenset({"host", "context", "settings"})


class Engine(Protocol):
    """What is asked of an engine to find out whose volumes are."""

    @property
    def is_here(self) -> bool:
        """Whether the folders of its containers are those of this machine."""
        ...

    def list_containers(self, project: str) -> tuple[Container, ...]:
        """A project's containers."""
        ...

    def list_volumes(self, project: str) -> tuple[str, ...]:
        """The names of a project's volumes."""
        ...

    def find_volume(self, name: str) -> Found | None:
        """A volume."""
        ...

    def list_users(self, volume: str) -> tuple[Maker, ...]:
        """Who made the containers that mount a volume."""
        ...

    def ask_api(self, method: str, path: str, /, **params: str) -> Any:
        """The response to a request that has no method here."""
        ...


@record
class KnownVolume:
    """A volume as it was seen here; one that was made later is another one."""

    name: str
    created_at: float | None
    is_own: bool


@record
class Known:
    """The volumes of a project on an engine, as far as this folder knows them."""

    project: str
    host: str
    context: str
    settings: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[KnownVolume, ...] = ()

    @property
    def endpoint(self) -> Endpoint:
        """The engine that they are on."""
        return Endpoint(host=self.host, context=self.context, settings=self.settings)


# What is known


def read_known(folder: Path) -> Known | None:
    """What a folder knows of its volumes; None where that is nothing to trust."""
    try:
        return load_known(folder)
    except NotTrusted:
        return None


def load_known(folder: Path) -> Known | None:
    """What a folder knows of its volumes; None where there is no file.

    Raises NotTrusted. Nothing may be connected to by it.
    """
    return load_state(folder, FILE, parse=_parse)


def _parse(data: dict[str, Any]) -> Known:
    expect(data.pop("form", None) == _FORM, "form", f"{_FORM}, the one of this version")
    return read_record(Known, make_harmless(data, keep=_COMPARED))


def note_volumes(
    engine: Engine, notes: Notes, folder: Path, *, is_before: bool = False
) -> None:
    """Note which volumes of a project were made here, next to those noted before.

    Called when the containers are known to be this folder's: with ``is_before`` when
    `up` has changed nothing yet, and after it. Raises FileRefused.
    """
    before = _find_known(notes, folder)
    names = engine.list_volumes(notes.project)
    mounted = _list_mounted(engine, notes.project) if names else set()
    found = []
    for name in names:
        volume = engine.find_volume(name)
        if volume is None:
            continue
        known = before.get(name)
        if known is not None and known.created_at == volume.created_at:
            found.append(known)
        elif is_before or name in mounted:
            is_own = name in mounted
            found.append(_make_known(volume, is_own=is_own))
    if not found and not before:
        return
    noted = Known(
        project=notes.project,
        host=notes.host,
        context=notes.context,
        settings=notes.settings,
        volumes=tuple(found),
    )
    _write(folder, noted)


def _make_known(volume: Found, *, is_own: bool) -> KnownVolume:
    return KnownVolume(name=volume.name, created_at=volume.created_at, is_own=is_own)


def _write(folder: Path, known: Known) -> None:
    data = {**as_dict(known), "form": _FORM}
    write_state(make_state_folder(folder) / FILE, data)


def _find_known(notes: Notes, folder: Path) -> dict[str, KnownVolume]:
    """The known volumes of the same project on the same engine, by name."""
    known = read_known(folder)
    is_same = known is not None and (known.project, known.endpoint) == (
        notes.project,
        notes.endpoint,
    )
    return {each.name: each for each in known.volumes} if known and is_same else {}


def _list_mounted(engine: Engine, project: str) -> set[str]:
    """The volumes that the containers of a project mount."""
    return {
        mount.name
        for container in engine.list_containers(project)
        for mount in container.mounts
        if mount.kind == "volume"
    }


# What may be removed


def list_volumes(
    engine: Engine,
    notes: Notes,
    folder: Path,
    external: Names[str] = (),
    *,
    take_over: bool = False,
    measures: bool = True,
) -> Volumes:
    """The volumes of a project that were made from this folder, and why others stay.

    With ``take_over`` those of another folder with the same project count as well.
    """
    known = _find_known(notes, folder)
    mounted = _list_mounted(engine, notes.project)
    own, stay = [], []
    for name in engine.list_volumes(notes.project):
        volume = engine.find_volume(name)
        if volume is None:
            continue
        if name in external:
            stay.append(f"{name} stays: it is external in the stack file")
            continue
        others = _list_others(engine, name, folder)
        noted = known.get(name)
        if noted is not None and noted.created_at != volume.created_at:
            noted = None
        is_own = noted.is_own if noted is not None else name in mounted
        if take_over or (is_own and not others):
            own.append(name)
        elif others:
            folders = ", ".join(others)
            stay.append(f"{name} stays: the containers of {folders} use it")
        else:
            stay.append(
                f"{name} stays: nothing shows that it was made from this folder; to "
                f"remove it: docker volume rm {shlex.quote(name)}"
            )
    sizes = _measure(engine) if own and measures else {}
    return Volumes(
        own=tuple(
            Volume(
                name=name,
                size=format_size(sizes[name]) if name in sizes else "",
                folder=str(folder.resolve()),
            )
            for name in own
        ),
        notes=tuple(stay),
    )


def _list_others(engine: Engine, name: str, folder: Path) -> tuple[str, ...]:
    """The other folders whose containers mount a volume."""
    return tuple(
        dict.fromkeys(
            escape_control(maker.folder)
            for maker in engine.list_users(name)
            if find_whose(maker, folder, is_here=engine.is_here) is Whose.OTHER
        )
    )


def _measure(engine: Engine) -> dict[str, int]:
    """The sizes of all volumes in bytes; without those that are not known.

    The engine adds up files for this; where that takes too long none is known.
    """
    try:
        answer = engine.ask_api("GET", "/system/df", type="volume")
        listed = answer.json().get("Volumes") or ()
    except (EngineUnreachable, ValueError):
        return {}
    usage = {each["Name"]: each.get("UsageData") or {} for each in listed}
    sizes = {name: int(each.get("Size", -1)) for name, each in usage.items()}
    return {name: size for name, size in sizes.items() if size >= 0}
