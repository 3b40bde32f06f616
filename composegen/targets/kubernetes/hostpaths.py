"""Looks at the files of the stack's folder that its services mount.

The rendering itself touches no disk: it gets what was found here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from composegen.oserrors import describe_os_error
from composegen.paths import exists, is_file, is_folder, is_link, leads_inside
from composegen.planning.plan import Plan
from composegen.targets.files import HostFile, HostPath
from composegen.values import guess_default

_MOST_FILES = 1000
_OWNER_EXECUTES = 0o100


def look_at_paths(plan: Plan, folder: Path) -> Mapping[str, HostPath]:
    """What lies at the source of each mount of the host, by that source.

    Variables are filled with their defaults. Nothing is read but names and sizes.
    """
    found: dict[str, HostPath] = {}
    for step in plan.steps:
        for mount in step.service.volumes:
            if mount.is_bind:
                long = mount.long or {}
                written = mount.source or str(long.get("source") or "")
                source = guess_default(written)
                if source not in found:
                    found[source] = _look(folder, source)
    return found


def _look(folder: Path, source: str) -> HostPath:
    if source.startswith(("/", "~")) or source[1:3] in {":\\", ":/"} or not source:
        return HostPath(fault="is not in the stack's folder")
    path = folder / source
    if not exists(path):
        return HostPath(fault="does not exist")
    if not leads_inside(path, folder):
        return HostPath(fault="is not in the stack's folder")
    try:
        if is_file(path):
            return HostPath(files=(_describe(folder, path, ""),))
        if not is_folder(path):
            return HostPath(fault="is neither a file nor a folder")
        return _look_into(folder, path)
    except OSError as error:
        return HostPath(fault=f"cannot be read: {describe_os_error(error, path)[0]}")


def _look_into(folder: Path, path: Path) -> HostPath:
    files = []
    for inner in _list_files(path, ""):
        if not leads_inside(path / inner, folder) or not is_file(path / inner):
            return HostPath(fault=f"holds `{inner}`, which is no file of it")
        files.append(_describe(folder, path / inner, inner))
        if len(files) > _MOST_FILES:
            return HostPath(fault=f"holds more than {_MOST_FILES} files")
    if not files:
        return HostPath(fault="is empty")
    return HostPath(files=tuple(files), is_folder=True)


def _list_files(path: Path, inner: str) -> Iterator[str]:
    """The files below a folder in one order on every machine; links are not entered."""
    for name in sorted(os.listdir(path / inner)):  # noqa: PTH208 - names are enough
        found = f"{inner}/{name}" if inner else name
        at = path / found
        if is_folder(at) and not is_link(at):
            yield from _list_files(path, found)
        else:
            yield found


def _describe(folder: Path, path: Path, inner: str) -> HostFile:
    stat = path.stat()
    shown = os.path.relpath(path, folder).replace(os.sep, "/")
    return HostFile(
        path=shown,
        inner=inner,
        size=stat.st_size,
        is_executable=bool(stat.st_mode & _OWNER_EXECUTES),
    )
