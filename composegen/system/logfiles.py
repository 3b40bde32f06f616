"""The log files of services: rotated when a service starts, read while it runs.

A service appends to its log by itself: a slow or dead reader does not hold it up. While
it does, ``trimming`` makes a hole of the log's beginning; nothing here reads the hole.
Others may not read a log.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import IO

from composegen.paths import is_link
from composegen.system.trimming import KEPT, punch_hole

FOLDER = "logs"
_FILE_MODE, _FOLDER_MODE = 0o600, 0o700
_OLDER = (".2", ".3")
"""The logs that earlier versions kept as well."""
_CHUNK = 256 * 1024
_HOLE = bytes(4096)
_MOST_READ = 64 * 1024 * 1024
_FAR_BEHIND = 8 * 1024 * 1024
_LONGEST_LINE = 1024 * 1024


def find_log(folder: Path, service: str) -> Path:
    """Where a service's log is, below the stack's folder."""
    return folder / FOLDER / f"{service}.log"


def rotate_log(path: Path, *, most: int = KEPT) -> None:
    """Move a log that has grown above ``most`` bytes aside, in place of the older one.

    What is moved keeps its newest ``most`` bytes.
    """
    try:
        if path.stat().st_size <= most:
            return
    except FileNotFoundError:
        return
    for ending in _OLDER:
        path.with_name(path.name + ending).unlink(missing_ok=True)
    older = path.with_name(f"{path.name}.1")
    path.replace(older)
    with contextlib.suppress(OSError), older.open("r+b") as file:
        os.fchmod(file.fileno(), _FILE_MODE)
        punch_hole(file.fileno(), older.stat().st_size - most)


def open_log(path: Path) -> IO[bytes]:
    """A log to append to, unbuffered, its folder made where it is missing.

    Only its owner may read and write it, also where it was there before. Raises
    OSError, also where a link in the log's place, or its folder's, may lead anywhere,
    and for a pipe without a reader.
    """
    path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    if is_link(path.parent):
        raise OSError(errno.ELOOP, "is a link, remove it", str(path.parent))
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    handle = os.open(path, flags | os.O_NONBLOCK, _FILE_MODE)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "is not a regular file, remove it", str(path))
    with contextlib.suppress(OSError):  # it is not ours, or has no mode
        os.fchmod(handle, _FILE_MODE)
    return os.fdopen(handle, "ab", buffering=0)


def open_to_read(path: Path) -> IO[bytes]:
    """A log to read from, unbuffered; nothing is waited for.

    Raises OSError, also where something else than a log of ours is in its place.
    """
    if is_link(path.parent):
        raise OSError(errno.ELOOP, "is a link", str(path.parent))
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    handle = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "is not a regular file", str(path))
    return os.fdopen(handle, "rb", buffering=0)


def measure_log(path: Path) -> int:
    """The log's size in bytes, 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


class Tail:
    """Reads what is appended to a log, whole lines at a time.

    A reader that falls far behind skips lines and says how much; a line without an
    end is given out in pieces of a megabyte. With ``follows_name`` it goes on in the
    new file when the log was rotated.
    """

    def __init__(
        self, path: Path, position: int = 0, *, follows_name: bool = False
    ) -> None:
        self._path = path
        self._follows_name = follows_name
        self._position = position
        self._rest = b""
        self._file: IO[bytes] | None = None

    def read_lines(self, is_wanted: Callable[[bytes], bool] = bool) -> list[str]:
        """The lines that have come since, at most a quarter of a megabyte of them.

        None of them where together they are not wanted.
        """
        if self._file is None:
            try:
                self._file = open_to_read(self._path)
            except OSError:
                return []
        handle = self._file.fileno()
        behind = os.fstat(handle).st_size - self._position
        if behind < 0:  # it was emptied
            self._position, self._rest = 0, b""
            return []
        if behind == 0:
            if self._follows_name and self._was_rotated(handle):
                self.close()
                self._position = 0
            return []
        lines = []
        if behind > _FAR_BEHIND:
            skipped = behind - _CHUNK
            self._position += skipped
            self._rest = b""
            lines.append(f".. {skipped} bytes are not shown ..")
        data = os.pread(handle, _CHUNK, self._position)
        self._position += len(data)
        if data.startswith(_HOLE):  # what is here was freed before it was read
            data, self._rest = data.lstrip(b"\0"), b""
        data = self._rest + data
        if not is_wanted(data):
            self._rest = data[data.rfind(b"\n") + 1 :][-_LONGEST_LINE:]
            return []
        *whole, self._rest = data.split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            whole.append(self._rest)
            self._rest = b""
        return lines + [decode_line(line) for line in whole]

    @property
    def position(self) -> int:
        """The byte of the log up to which it was read."""
        return self._position

    def _was_rotated(self, handle: int) -> bool:
        try:
            return self._path.stat().st_ino != os.fstat(handle).st_ino
        except OSError:
            return False

    def read_rest(self) -> list[str]:
        """Everything up to the end, the unfinished last line included."""
        lines: list[str] = []
        for _ in range(_FAR_BEHIND // _CHUNK):  # a process may still be writing
            before = self._position
            lines += self.read_lines()
            if self._position == before:
                break
        if self._rest:
            lines.append(decode_line(self._rest))
            self._rest = b""
        return lines

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            self._file.close()
            self._file = None


def decode_line(data: bytes) -> str:
    """A line as text; what is no UTF-8 is shown as such."""
    return data.rstrip(b"\r\n").decode("utf-8", "replace")


def read_last_lines(path: Path, count: int, *, since: int = 0) -> list[str]:
    """The last lines of a log, of what was written from byte ``since`` on."""
    if not count:
        return []
    try:
        with open_to_read(path) as file:
            data = _read_end(file.fileno(), count, since)
    except OSError:
        return []
    return [decode_line(line) for line in data.splitlines()[-count:]]


def _read_end(handle: int, count: int, since: int) -> bytes:
    """The end of a log from the beginning of a line on: ``count`` lines, or all."""
    end = os.fstat(handle).st_size
    first = max(since if since <= end else 0, _find_data(handle), end - _MOST_READ)
    data, begin = b"", end
    while begin > first and data.count(b"\n") <= count:
        start = max(first, begin - max(_CHUNK, len(data)))
        data = _read_whole(handle, start, begin - start) + data
        begin = start
    if begin > since or data.startswith(b"\0"):
        data = data[data.find(b"\n") + 1 :]
    return data


def _find_data(handle: int) -> int:
    """Where a log begins to have bytes; a hole is before that."""
    try:
        return os.lseek(handle, 0, os.SEEK_DATA)
    except (OSError, AttributeError):  # all is a hole, or the system knows of none
        return 0


def _read_whole(handle: int, start: int, length: int) -> bytes:
    parts = []
    while length and (data := os.pread(handle, length, start)):
        parts.append(data)
        start, length = start + len(data), length - len(data)
    return b"".join(parts)
