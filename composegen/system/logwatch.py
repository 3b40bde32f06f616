"""Waits until something is logged below some folders; until then nothing looks.

The kernel reports it (inotify(7)), with one watch for each folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

_MODIFY, _MOVED_TO, _CREATE, _DELETE_SELF = 0x2, 0x80, 0x100, 0x400
_EVENTS = _MODIFY | _MOVED_TO | _CREATE | _DELETE_SELF
_FLAGS = os.O_CLOEXEC | os.O_NONBLOCK
_CHUNK = 65536


class LogWatch:
    """What is logged from now on, in files of these folders.

    Raises OSError where the system has no such watch, or none left, and where a folder
    is missing.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        library = ctypes.CDLL(None, use_errno=True)
        try:
            begin, add = library.inotify_init1, library.inotify_add_watch
        except AttributeError:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from None
        self._handle: int = _check(begin(_FLAGS))
        try:
            for folder in folders:
                _check(add(self._handle, os.fsencode(folder), _EVENTS))
        except OSError:
            os.close(self._handle)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._handle)

    async def wait(self, seconds: float) -> bool:
        """Wait until something was logged; no where nothing was in that time."""
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()
        loop.add_reader(self._handle, changed.set)
        try:
            async with asyncio.timeout(seconds):
                await changed.wait()
        except TimeoutError:
            return False
        finally:
            loop.remove_reader(self._handle)
        with contextlib.suppress(BlockingIOError):
            os.read(self._handle, _CHUNK)
        return True


def _check(answer: int) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer
