"""``.composegen``, the state folder next to a stack file, and which files to trust.

A checkout or an archive may bring a state folder of its own. A state file is read only
where composegen can have written it: as this user, for this user alone.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shlex
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from composegen.errors import FileRefused
from composegen.paths import exists, is_link
from composegen.system.files import write_atomically

STATE_FOLDER = ".composegen"
_FOLDER_MODE = 0o700
_LOCK_MODE = 0o600
_FOR_OTHERS = 0o077
_WRITE_FOR_OTHERS = 0o022
_MOST = 1024 * 1024
_FOLDER_FLAGS = (
    # A folder that may be entered and not listed is opened all the same.
    getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
)
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class NotTrusted(Exception):
    """A state file, or a folder of them, that is not used; ``help`` says what to do."""

    def __init__(self, path: Path, reason: str, *, help: str = "") -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason
        self.help = help or f"rm {shlex.quote(show_path(path))}"


def show_path(path: Path) -> str:
    """A path as a person would type it: relative below the working folder."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (OSError, ValueError):
        return str(path)


# Reading


def read_state(folder: Path, *names: str) -> str | None:
    """The text of a state file of a stack's folder; None where there is none.

    The file and its folders are checked by their handles, so that nothing can be put
    in their place in between. Raises NotTrusted.
    """
    *folders, name = names
    with _open_folder(folder, *folders) as handle:
        if handle is None:
            return None
        path = folder.joinpath(STATE_FOLDER, *names)
        opened = _open(name, _FILE_FLAGS, path, within=handle)
        return None if opened is None else _read_own(opened, path)


def is_trusted(folder: Path, *below: str) -> bool:
    """Whether a folder of state files is there. Raises NotTrusted."""
    with _open_folder(folder, *below) as handle:
        return handle is not None


@contextmanager
def _open_folder(folder: Path, *below: str) -> Iterator[int | None]:
    """A handle of a folder of state files, each one on the way checked."""
    path = folder / STATE_FOLDER
    handle = _open(path, _FOLDER_FLAGS, path)
    try:
        for part in below:
            if handle is None:
                break
            _check_folder(os.fstat(handle), path)
            path /= part
            inner = _open(part, _FOLDER_FLAGS, path, within=handle)
            os.close(handle)
            handle = inner
        if handle is not None:
            _check_folder(os.fstat(handle), path)
        yield handle
    finally:
        if handle is not None:
            os.close(handle)


def _open(
    name: str | Path, flags: int, path: Path, *, within: int | None = None
) -> int | None:
    try:
        return os.open(name, flags, dir_fd=within)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise NotTrusted(path, _explain_refusal(error)) from None


def _explain_refusal(error: OSError | ValueError) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.ELOOP:
        return "it is a link"
    if number == errno.ENOTDIR:
        return "it is a link, or not a folder"
    if number == errno.ENXIO:
        return "it is not a regular file"
    return f"it cannot be opened: {getattr(error, 'strerror', None) or error}".lower()


def _check_folder(found: os.stat_result, path: Path) -> None:
    shown = shlex.quote(show_path(path))
    if found.st_uid != os.geteuid():
        raise NotTrusted(
            path,
            "it belongs to another user",
            help=f"run composegen as that user, or remove it: rm -r {shown}",
        )
    if found.st_mode & _WRITE_FOR_OTHERS:
        mode = stat.S_IMODE(found.st_mode)
        raise NotTrusted(
            path,
            f"other users may write into it (mode {mode:04o})",
            help=f"if its files are yours: chmod 700 {shown}; else: rm -r {shown}",
        )


def _read_own(handle: int, path: Path) -> str:
    """The text of an opened file, where only this user can have written it."""
    try:
        _check_file(os.fstat(handle), path)
        with open(handle, "rb", closefd=False) as file:
            data = file.read(_MOST + 1)
    except OSError as error:
        raise NotTrusted(path, _explain_refusal(error)) from None
    finally:
        os.close(handle)
    if len(data) > _MOST:
        raise NotTrusted(path, "it is larger than 1 MB")
    return data.decode("utf-8", errors="replace")


def _check_file(found: os.stat_result, path: Path) -> None:
    if stat.S_ISDIR(found.st_mode):
        shown = shlex.quote(show_path(path))
        raise NotTrusted(path, "it is not a regular file", help=f"rm -r {shown}")
    if not stat.S_ISREG(found.st_mode):
        raise NotTrusted(path, "it is not a regular file")
    if found.st_uid != os.geteuid():
        raise NotTrusted(path, "it belongs to another user")
    if found.st_mode & _FOR_OTHERS:
        mode = stat.S_IMODE(found.st_mode)
        raise NotTrusted(
            path, f"its mode is {mode:04o}, and composegen writes it with 0600"
        )


# Writing


def make_state_folder(folder: Path, *below: str) -> Path:
    """A folder of ours next to the stack file, closed to others. Raises FileRefused."""
    state = folder / STATE_FOLDER
    path = state.joinpath(*below)
    above = [part for part in path.parents if part.is_relative_to(state)]
    parts = [*reversed(above), path]
    for part in parts:
        if is_link(part):
            raise FileRefused(
                str(part),
                "is a link, which may lead anywhere",
                help="remove it: composegen makes a folder of its own there",
            )
    try:
        state.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        for part in parts:
            part.mkdir(mode=_FOLDER_MODE, exist_ok=True)
            _close_to_others(part, _FOR_OTHERS if part == state else _WRITE_FOR_OTHERS)
        ignored = state / ".gitignore"
        if not exists(ignored):
            write_atomically(ignored, "*\n")
    except OSError as error:
        raise FileRefused.by_system(str(path), error) from None
    return path


def _close_to_others(path: Path, bits: int) -> None:
    """Take what others may do with a folder; one of another user is refused.

    What would be noted there could not be trusted: no `down` would find it.
    """
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(handle)
        if found.st_uid != os.geteuid():
            raise FileRefused(
                str(path),
                "belongs to another user",
                help="run composegen as that user, or give the folder to this one: "
                f"chown -R {os.geteuid()} {shlex.quote(str(path))}",
            )
        if found.st_mode & bits:
            os.fchmod(handle, stat.S_IMODE(found.st_mode) & ~bits)
    finally:
        os.close(handle)


# Locks


class Lock:
    """A lock file that one process holds; the kernel gives it back when that dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def take(self) -> bool:
        """Take it if no other process holds it. Raises FileRefused."""
        if self._handle is not None:
            return True
        handle = _open_lock(self._path)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            if not isinstance(error, BlockingIOError):
                raise FileRefused.by_system(str(self._path), error) from None
            return False
        self._handle = handle
        return True

    def take_again(self) -> None:
        """Take it in a folder that was made again, if no other process was quicker.

        Raises FileRefused.
        """
        if self._handle is None:
            return
        before, self._handle = self._handle, None
        try:
            self.take()
        finally:
            if self._handle is None:
                self._handle = before
            else:
                os.close(before)

    def give_back(self) -> None:
        """Let others have it."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _open_lock(path: Path) -> int:
    """A handle of a lock file, made where it is missing. Raises FileRefused."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(path, flags, _LOCK_MODE)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise FileRefused(str(path), "is a link", help=f"rm {path}") from None
        raise FileRefused.by_system(str(path), error) from None


@contextmanager
def hold_lock(folder: Path, name: str) -> Iterator[bool]:
    """Hold a lock of a stack's folder; yields whether this process has it.

    Raises FileRefused.
    """
    lock = Lock(make_state_folder(folder) / name)
    try:
        yield lock.take()
    finally:
        lock.give_back()
