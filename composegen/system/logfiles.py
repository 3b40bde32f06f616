"""The log files of services: rotated when a service starts, read while it runs.

A service appends to its log by itself: a slow or dead reader does not hold it up.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import IO

from composegen.paths import exists, is_link

FOLDER = "logs"
MOST_BYTES = 10 * 1024 * 1024
KEPT = 3
_CHUNK = 256 * 1024
_FAR_BEHIND = 8 * 1024 * 1024
_LONGEST_LINE = 1024 * 1024


def find_log(folder: Path, service: str) -> Path:
    """Where a service's log is, below the stack's folder."""
    return folder / FOLDER / f"{service}.log"


def rotate_log(path: Path, *, most: int = MOST_BYTES, kept: int = KEPT) -> None:
    """Move a log that has grown above ``most`` bytes aside; ``kept`` old ones stay.

    Only while no process writes it: cutting a file under its writer loses lines.
    """
    try:
        if path.stat().st_size <= most:
            return
    except FileNotFoundError:
        return
    for number in range(kept, 1, -1):
        older = path.with_name(f"{path.name}.{number - 1}")
        if exists(older):
            older.replace(path.with_name(f"{path.name}.{number}"))
    path.replace(path.with_name(f"{path.name}.1"))


def open_log(path: Path) -> IO[bytes]:
    """A log to append to, unbuffered, its folder made where it is missing.

    Raises OSError, also where a link in the log's place, or its folder's, may lead
    anywhere, and for a pipe without a reader.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if is_link(path.parent):
        raise OSError(errno.ELOOP, "is a link, remove it", str(path.parent))
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    handle = os.open(path, flags | os.O_NONBLOCK, 0o666)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "is not a regular file, remove it", str(path))
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

    def read_lines(self) -> list[str]:
        """The lines that have come since, at most a quarter of a megabyte of them."""
        if self._file is None:
            try:
                self._file = open_to_read(self._path)
            except OSError:
                return []
        handle = self._file.fileno()
        behind = os.fstat(handle).st_size - self._position
        if behind <= 0:
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
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            whole.append(self._rest)
            self._rest = b""
        return lines + [decode_line(line) for line in whole]

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
    try:
        with open_to_read(path) as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(since, end - _CHUNK))
            data = file.read()
    except OSError:
        return []
    if end - _CHUNK > since:
        data = data[data.find(b"\n") + 1 :]
    return [decode_line(line) for line in data.splitlines()[-count:]] if count else []
