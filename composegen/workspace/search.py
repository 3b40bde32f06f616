"""Which stack file a command speaks of when none is named: here, or in a parent folder.

A file in a parent folder was not named by anybody. It counts only where no other user
can have put it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from composegen.paths import exists, is_link

STACK_FILE = "stack.yaml"
_WRITE_FOR_ALL = 0o002


def find_stack_file(
    folder: Path, home: Path | None = None, user: int | None = None
) -> Path | None:
    """The stack file of a folder, else of the nearest parent folder that has one.

    The search ends with the first folder that holds ``.git``, and with the home
    folder. It never enters a parent folder that belongs to another user, or that
    every user may write to. None where there is no stack file. ``folder`` is
    absolute, without links; ``home`` and ``user`` are those of this process unless
    given.
    """
    last = _find_home() if home is None else home
    owner = _find_user() if user is None else user
    for parent in (folder, *folder.parents):
        if parent != folder and not _is_own(parent, owner):
            return None
        path = parent / STACK_FILE
        if exists(path) or is_link(path):
            return path
        if parent == last or exists(parent / ".git"):
            return None
    return None


def _find_home() -> Path | None:
    try:
        return Path(os.path.realpath(Path.home()))
    except (OSError, RuntimeError):
        return None  # this user has none


def _find_user() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0  # as files are owned there


def _is_own(folder: Path, owner: int) -> bool:
    try:
        found = folder.stat()
    except OSError:
        return False
    is_open = stat.S_IMODE(found.st_mode) & _WRITE_FOR_ALL
    return found.st_uid == owner and not is_open
