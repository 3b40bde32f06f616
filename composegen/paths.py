"""What stands at a path: nothing here waits, or trips over what was put there.

A stranger's folder may hold pipes, devices, links in a cycle and names that no file
can have.
"""

from __future__ import annotations

import errno
import os
import stat
from fnmatch import fnmatchcase
from pathlib import Path

from composegen.oserrors import is_shortage


def is_folder(path: Path) -> bool:
    """Whether there is such a folder; a path that cannot be is none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def is_file(path: Path) -> bool:
    """Whether there is such a regular file; a path that cannot be is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def exists(path: Path) -> bool:
    """Whether something is there that can be seen."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def is_link(path: Path) -> bool:
    """Whether a symbolic link is there that can be seen."""
    try:
        return path.is_symlink()
    except (OSError, ValueError):
        return False


def list_matching(folder: Path, pattern: str) -> list[Path]:
    """What a folder holds whose name matches, in order; nothing where it is closed.

    Raises OSError for a shortage: what could not be looked at is not missing.
    """
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names are enough
    except (OSError, ValueError) as error:
        if is_shortage(error):
            raise
        return []
    return sorted(folder / name for name in names if fnmatchcase(name, pattern))


def leads_inside(path: Path, folder: Path) -> bool:
    """Whether a path, its links followed, ends in the folder; loops are no error.

    A path that cannot be leads nowhere.
    """
    try:
        return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
    except ValueError:
        return False


def read_regular(path: Path, most: int, *, follow: bool = True) -> bytes:
    """The first bytes of a regular file; raises OSError where there is none to read.

    It never waits: not for a pipe's other end, and not for more of one of the
    kernel's files that look regular and are none.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0)
    handle = os.open(path, flags if follow else flags | getattr(os, "O_NOFOLLOW", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "is no file")
    with os.fdopen(handle, "rb", buffering=0) as file:
        parts: list[bytes] = []
        while most > 0 and (part := file.read(most)):
            parts.append(part)
            most -= len(part)
    return b"".join(parts)
