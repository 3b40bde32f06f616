"""The files next to a stack: what may be read of them, and how to replace them whole.

Beyond the stack's folder only a named build context's Dockerfile and .dockerignore
and a named folder of recipes are read; what stands in them is never quoted.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from composegen.errors import FileRefused
from composegen.oserrors import describe_os_error, find_closed, is_shortage, may
from composegen.paths import exists, read_regular

_MOST = 1024 * 1024


def read_small_text(path: Path, *, most: int = _MOST) -> str | None:
    """The text of a regular file of at most 1 MB, or None.

    Raises OSError for a shortage: what could not be looked at is not missing.
    """
    try:
        data = read_regular(path, most + 1)
    except (OSError, ValueError) as error:
        if is_shortage(error):
            raise
        return None
    return None if len(data) > most else data.decode("utf-8", errors="replace")


def check_entered(path: Path, shown: str = "") -> None:
    """Raise FileRefused where a folder on the way to a path is closed to this user."""
    if find_closed(path) is not None:
        raise _refuse(path, shown)


def check_readable(path: Path, shown: str = "") -> None:
    """Raise FileRefused where what is there is closed to this user; else say nothing.

    What is not there at all is no error here.
    """
    check_entered(path, shown)
    if exists(path) and not may(path, os.R_OK):
        raise _refuse(path, shown)


def _refuse(path: Path, shown: str) -> FileRefused:
    denied = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    words, help = describe_os_error(denied, path)
    return FileRefused(shown or str(path), words, help=help)


def write_atomically(path: Path, text: str, *, mode: int | None = None) -> None:
    """Replace a file whole or not at all; a symbolic link is replaced, not followed.

    ``mode`` defaults to what the umask leaves of 0666. Raises FileRefused.
    """
    import tempfile  # many modules: only for those who write

    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise FileRefused.by_system(str(path), error) from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(name).chmod(_default_mode() if mode is None else mode)
        Path(name).replace(path)
    except BaseException as error:
        Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise FileRefused.by_system(str(path), error) from None
        raise


def _default_mode() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
