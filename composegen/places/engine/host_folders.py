"""Folders of this machine that a container mounts and its user may not write.

Docker makes a folder that is missing as root's, and the images of data stores start as
another user: then each store says in its own words that it may not write.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator

from composegen.patterns import make_pattern
from composegen.places.cause import Cause
from composegen.places.engine.cause import CauseName
from composegen.places.engine.containers import Container, Folder
from composegen.places.engine.data_help import suggest_folder_owner
from composegen.places.engine.evidence import Evidence

_REFUSED = make_pattern(
    r"permission ?denied|EACCES|operation not permitted|EPERM", re.IGNORECASE
)
_PATH = make_pattern(r"(?<![\w.:/])(/[\w.@%+~-]+(?:/[\w.@%+~-]*)*)")


def find_closed_folders(container: Container) -> dict[str, Folder]:
    """The folders of this machine that a container's user may not write, by target."""
    return dict(_find_closed(container))


def _find_closed(container: Container) -> Iterator[tuple[str, Folder]]:
    for mount in container.mounts:
        if mount.kind != "bind" or not mount.is_writable:
            continue
        try:
            found = os.stat(mount.source)  # noqa: PTH116 - of a text
            is_empty = not os.listdir(mount.source)  # noqa: PTH208
        except OSError:
            continue
        folder = Folder(
            user=found.st_uid,
            group=found.st_gid,
            mode=stat.S_IMODE(found.st_mode),
            is_empty=is_empty,
        )
        if folder.is_writable_by(container.user) is False:
            yield mount.target, folder


def look_at_host_folder(seen: Evidence) -> Cause | None:
    """It may not write a folder of this machine that it mounts."""
    line = seen.find_line(_REFUSED)
    if not line or not seen.closed_folders:
        return None
    target = _choose(seen, line)
    if target is None:
        return None
    folder = seen.closed_folders[target]
    container = seen.container
    source = next(each.source for each in container.mounts if each.target == target)
    return Cause(
        CauseName.HOST_FOLDER_CLOSED,
        f"it starts as user {container.user or '0'} and may not write {target}: "
        f"{source} on this machine belongs to {folder.user}:{folder.group} "
        f"(mode {folder.mode:04o})",
        suggest_folder_owner(container, source, target, folder),
    )


def _choose(seen: Evidence, line: str) -> str | None:
    """The folder that a log complains about: the one that it names, if it names one."""
    refused = [each for each in seen.lines if _REFUSED.search(each)]
    for target in seen.closed_folders:
        inside = re.compile(rf"{re.escape(target)}(?![\w.-])")
        if any(inside.search(each) for each in refused):
            return target
    return None if _PATH.search(line) else next(iter(seen.closed_folders))
