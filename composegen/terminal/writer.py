"""Writes to a stream from a thread, so that a reader who does not read delays nothing.

A pipe that is full, or a terminal that was stopped with Ctrl-S, blocks a write for as
long as it lasts. What supervises services must not wait for that.
"""

from __future__ import annotations

import os
import select
import threading
from collections import deque

_MOST_LINES = 1024 * 1024
_MOST = 4 * 1024 * 1024
_CHUNK = 16 * 1024


class Writer:
    """Text for one open file, in order; ``write`` never waits.

    Up to 1 MiB of services' lines and 4 MiB in all are kept for a slow reader. What
    does not fit is counted, and the count is written in its place.
    """

    def __init__(self, handle: int, encoding: str = "utf-8") -> None:
        self._handle = os.dup(handle)
        self._encoding = encoding
        self._changed = threading.Condition()
        self._parts: deque[bytes] = deque()
        self._size = 0
        self._written = 0
        self._skipped = 0
        self._is_broken = False
        self._is_ending = False
        threading.Thread(target=self._run, daemon=True).start()

    def write(self, text: str, *, is_line: bool = False) -> None:
        """Add a text; a service's line is skipped first when the reader is slow."""
        data = text.encode(self._encoding, "backslashreplace")
        with self._changed:
            if self._size > (_MOST_LINES if is_line else _MOST):
                self._skipped += 1
                return
            self._note_skipped()
            self._add(data)

    def end(self, patience: float | None) -> bool:
        """Wait until all is written; whether it was.

        Gives up after ``patience`` seconds in which nothing was read, and where the
        reader has left. None waits for as long as the reader takes.
        """
        with self._changed:
            self._note_skipped()
            self._is_ending = True
            self._changed.notify_all()
            while self._size and not self._is_broken:
                before = self._written
                self._changed.wait(patience)
                if patience is not None and self._written == before:
                    return False
            return not self._is_broken

    def _note_skipped(self) -> None:
        if self._skipped:
            self._add(f".. {self._skipped} lines are not shown ..\n".encode())
            self._skipped = 0

    def _add(self, data: bytes) -> None:
        if not self._is_broken:
            self._parts.append(data)
            self._size += len(data)
            self._changed.notify_all()

    # The thread

    def _run(self) -> None:
        while data := self._take():
            try:
                self._write_out(data)
            except OSError:  # the reader has left
                break
        with self._changed:
            self._is_broken = self._size > 0
            self._parts.clear()
            self._changed.notify_all()
        os.close(self._handle)

    def _take(self) -> bytes:
        """What is to be written next; empty when all is written and it ends."""
        with self._changed:
            while not self._parts and not self._is_ending:
                self._changed.wait()
            data = b"".join(self._parts)
            self._parts.clear()
            return data

    def _write_out(self, data: bytes) -> None:
        while data:
            try:
                count = os.write(self._handle, data[:_CHUNK])
            except BlockingIOError:  # another program made it non-blocking
                waiting = select.poll()
                waiting.register(self._handle, select.POLLOUT)
                waiting.poll()
                continue
            data = data[count:]
            with self._changed:
                self._size -= count
                self._written += count
                self._changed.notify_all()
