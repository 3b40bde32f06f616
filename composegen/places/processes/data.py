"""The data that runs of a folder keep: folders in it, and volumes of stores in Docker.

Docker labels a volume with the folder whose run has made it. One without a label is of
an older version: it counts as this folder's where that has run the service.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from composegen.errors import VolumesLeft
from composegen.model import Stack
from composegen.oserrors import describe_os_error
from composegen.paths import exists, is_folder, is_link
from composegen.places.place import Volume, Volumes
from composegen.places.processes.records import RunFolder
from composegen.places.processes.stores import FOLDER_LABEL, name_volume
from composegen.system.docker import ask_docker
from composegen.text import escape_control, format_size
from composegen.values import SERVICE_NAME
from composegen.workspace.state import STATE_FOLDER, NotTrusted, is_trusted

_DATA = f"{STATE_FOLDER}/data"
_DOCKER_TIMEOUT = 60.0


def list_data(
    folder: Path,
    project: str,
    stack: Stack | None,
    external: Container[str] = (),
    *,
    measures: bool = True,
) -> Volumes:
    """The data of a folder's runs; volumes only where the stack file can be read."""
    own = [
        Volume(
            name=f"{_DATA}/{path.name}",
            size=format_size(_measure(path)) if measures else "",
            folder=str(folder.resolve()),
        )
        for path in _list_folders(folder)
    ]
    names = _list_names(folder, project, stack) if stack is not None else {}
    found = _inspect(name for name in names if name not in external)
    sizes = _measure_volumes() if found and measures else {}
    stay = []
    for name, label in found.items():
        if label and not _is_gone_or_same(label, folder):
            stay.append(f"{name} stays: a run of {escape_control(label)} has made it")
        elif label or names[name]:
            size = sizes.get(name, "")
            own.append(Volume(name=name, size=size, folder=str(folder.resolve())))
        else:
            stay.append(
                f"{name} stays: nothing shows that a run of this folder has made it; "
                f"to remove it: docker volume rm {name}"
            )
    return Volumes(own=tuple(own), notes=tuple(stay))


def remove_data(folder: Path, volumes: Iterable[Volume]) -> Iterator[str]:
    """Remove data for good; a sentence for each that is gone. Raises VolumesLeft."""
    left = {}
    for volume in volumes:
        if volume.name.startswith(f"{_DATA}/"):
            reason = _remove_folder(folder / volume.name)
        else:
            gone = ask_docker("volume", "rm", volume.name, timeout=_DOCKER_TIMEOUT)
            reason = "" if gone is not None else "docker cannot remove it"
        if reason:
            left[volume.name] = reason
        else:
            yield f"removed {volume.name}"
    if left:
        raise VolumesLeft(left)


# Folders


def _list_folders(folder: Path) -> list[Path]:
    """The folders that `{data}` has named, where they are this user's own."""
    try:
        if not is_trusted(folder, "data"):
            return []
        names = sorted(os.listdir(folder / _DATA))  # noqa: PTH208 - names are enough
    except (NotTrusted, OSError):
        return []
    paths = [folder / _DATA / name for name in names if SERVICE_NAME.fullmatch(name)]
    return [path for path in paths if is_folder(path) and not is_link(path)]


def _measure(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(parent) / name).lstat().st_size
    return total


def _remove_folder(path: Path) -> str:
    try:
        import shutil

        shutil.rmtree(path)
    except OSError as error:
        return describe_os_error(error, error.filename or path)[0]
    return ""


# Volumes of stores in Docker


def _list_names(folder: Path, project: str, stack: Stack) -> dict[str, bool]:
    """The volumes that stores may have; whether this folder has run the store."""
    runs = RunFolder.find(folder)
    found: dict[str, bool] = {}
    for service in stack.services.values():
        has_run = runs is not None and exists(runs.path / f"{service.name}.lock")
        for mount in service.volumes:
            if mount.volume_name:
                name = name_volume(project, mount.volume_name)
                found[name] = found.get(name, False) or has_run
    return found


def _inspect(names: Iterable[str]) -> dict[str, str]:
    """The volumes that are there, with the folder on the label that runs write."""
    wanted = list(names)
    listed = (ask_docker("volume", "ls", "--quiet") or "").split() if wanted else []
    there = [name for name in wanted if name in listed]
    text = ask_docker("volume", "inspect", *there) if there else None
    return {
        each["Name"]: (each.get("Labels") or {}).get(FOLDER_LABEL, "")
        for each in json.loads(text or "[]")
    }


def _measure_volumes() -> dict[str, str]:
    form = ("--format", "{{json .Volumes}}")
    text = ask_docker("system", "df", "--verbose", *form, timeout=_DOCKER_TIMEOUT)
    try:
        return {each["Name"]: each["Size"] for each in json.loads(text or "[]")}
    except (ValueError, KeyError, TypeError):
        return {}


def _is_gone_or_same(noted: str, folder: Path) -> bool:
    """Whether a folder on a label is this one, which may have been moved since."""
    return not is_folder(Path(noted)) or os.path.realpath(noted) == os.path.realpath(
        folder
    )
