"""Keeps a log small on the disk while it is written; needs nothing of composegen.

The writer has its own file handle and never waits. Where the file system can make
holes, the beginning of the log becomes one: nothing moves, so neither the writer nor a
reader notices, and no line after the hole is lost. Elsewhere the newest lines are
copied to ``NAME.1`` and the log is emptied; what is written in that moment may be lost.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable

KEPT = 10 * 1024 * 1024
SLACK = 1024 * 1024
_BLOCK = 512
_ALIGNED = 64 * 1024
_CHUNK = 256 * 1024
_KEEP_SIZE_AND_PUNCH = 0x01 | 0x02
_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_CANNOT = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ENODEV})


class CannotPunch(OSError):
    """The system, or the file system, makes no holes."""


def punch_hole(handle: int, end: int) -> None:
    """Free the blocks of a file up to byte ``end``; its size stays.

    Nothing happens where no whole block is before that. Raises CannotPunch and OSError.
    """
    end = end // _ALIGNED * _ALIGNED
    if end <= 0:
        return
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    fallocate = getattr(library, "fallocate64", getattr(library, "fallocate", None))
    if fallocate is None:
        raise CannotPunch
    offset, length = ctypes.c_int64(0), ctypes.c_int64(end)
    if fallocate(handle, _KEEP_SIZE_AND_PUNCH, offset, length) == 0:
        return
    number = ctypes.get_errno()
    if number in _CANNOT:
        raise CannotPunch
    raise OSError(number, os.strerror(number))


class Trimmer:
    """Trims one log to its newest ``kept`` bytes whenever ``slack`` more were written.

    A log that cannot be trimmed stays as it is.
    """

    def __init__(
        self,
        path: str,
        *,
        kept: int = KEPT,
        slack: int = SLACK,
        punch: Callable[[int, int], None] = punch_hole,
    ) -> None:
        self._path = path
        self._kept = kept
        self._slack = slack
        self._punch = punch
        self._hole_end = 0

    def trim(self) -> bool:
        """Look at the log, and trim it where it has grown too large; whether it was."""
        try:
            found = os.lstat(self._path)
            if found.st_blocks * _BLOCK <= self._kept + self._slack:
                return False
            return self._trim(found.st_size)
        except OSError:
            return False

    def _trim(self, size: int) -> bool:
        end = size - self._kept
        if end < _ALIGNED or 0 <= end - self._hole_end < _ALIGNED:
            return False  # the file system has given it more than it holds
        handle = os.open(self._path, os.O_WRONLY | _FLAGS)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return False
            try:
                self._punch(handle, end)
            except CannotPunch:
                self._cut(handle)
                return True
        finally:
            os.close(handle)
        self._hole_end = end
        self._remove_older()
        return True

    def _remove_older(self) -> None:
        """The older log has only lines before those that are kept."""
        try:
            os.unlink(f"{self._path}.1")  # noqa: PTH108 - no path is imported here
        except FileNotFoundError:
            return

    def _cut(self, handle: int) -> None:
        source = os.open(self._path, os.O_RDONLY | _FLAGS)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _FLAGS
            target = os.open(f"{self._path}.1", flags, 0o600)
            try:
                position = _find_line(source, os.fstat(source).st_size - self._kept)
                while data := os.pread(source, _CHUNK, position):
                    os.write(target, data)
                    position += len(data)
                os.ftruncate(handle, 0)
            finally:
                os.close(target)
        finally:
            os.close(source)


def _find_line(source: int, position: int) -> int:
    """Where the first whole line begins, from a position on."""
    data = os.pread(source, _CHUNK, position)
    return position + data.find(b"\n") + 1
