"""Passes our streams on to a command that must not see that they are a terminal."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading

_CHUNK = 64 * 1024
_STDIN, _STDOUT, _STDERR = range(3)


def relay(child: subprocess.Popen[bytes]) -> int:
    """Copy to and from a child on pipes until it has ended; its exit code.

    All that it wrote is written before this returns. What is typed afterwards is not
    its own, though a line that was read already is lost.
    """
    writers = [
        threading.Thread(target=_copy, args=(pipe.fileno(), target), daemon=True)
        for pipe, target in ((child.stdout, _STDOUT), (child.stderr, _STDERR))
        if pipe is not None
    ]
    typing = threading.Thread(target=_feed, args=(child,), daemon=True)
    for thread in (*writers, typing):
        thread.start()
    code = child.wait()
    for thread in writers:
        thread.join()
    return code


def _copy(source: int, target: int) -> None:
    with contextlib.suppress(OSError):
        while data := os.read(source, _CHUNK):
            _write(target, data)


def _feed(child: subprocess.Popen[bytes]) -> None:
    assert child.stdin is not None
    with contextlib.suppress(OSError):
        _copy(_STDIN, child.stdin.fileno())
    with contextlib.suppress(OSError):
        child.stdin.close()


def _write(target: int, data: bytes) -> None:
    while data:
        data = data[os.write(target, data) :]
