"""Where a run listens for other terminals: in its folder, or in one made for that."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from composegen.patterns import make_pattern

_LONGEST_PATH = 100
_FOLDER = make_pattern(r"composegen-\w{8}")
_PREFIX, _NAME = "composegen-", "run.sock"


def choose_socket(folder: Path, run: str) -> Path:
    """Where a run's socket goes; the kernel takes no long paths."""
    path = folder / _name_socket(run)
    if len(os.fsencode(path)) < _LONGEST_PATH:
        return path
    import tempfile

    temporary = tempfile.gettempdir()
    if len(os.fsencode(temporary)) > _LONGEST_PATH // 2:
        temporary = "/tmp"
    return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=temporary)) / _NAME


def find_socket_folder(path: Path) -> Path | None:
    """The folder that was made for a socket alone; None where it has none."""
    is_own = path.name == _NAME and _FOLDER.fullmatch(path.parent.name)
    return path.parent if is_own else None


def remove_socket(path: Path) -> None:
    """Remove a run's socket, and the folder that was made for it."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
        folder = find_socket_folder(path)
        if folder is not None:
            folder.rmdir()


def is_socket_of(run: str, socket: str, folder: Path) -> bool:
    """Whether a socket is where a run of this folder puts its own."""
    path = Path(socket)
    if path.name == _name_socket(run):
        return is_same_path(path, folder / path.name)
    own = find_socket_folder(path)
    return own is not None and path.is_absolute() and _is_private(own)


def is_same_path(path: Path, other: Path) -> bool:
    """Whether two paths have one name in one folder, however that is reached."""
    if not path.is_absolute() or path.name != other.name or ".." in path.parts:
        return False
    try:
        return os.path.realpath(path.parent) == os.path.realpath(other.parent)
    except (OSError, ValueError):
        return False


def _is_private(folder: Path) -> bool:
    """Whether a folder is this user's own, closed to others, or is gone."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False
    is_closed = not stat.S_IMODE(found.st_mode) & 0o077
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and is_closed


def _name_socket(run: str) -> str:
    return f"run-{run}.sock"
