"""A socket in front of the engine's own, that can be cut."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from typing import Self

SOCKET = "/var/run/docker.sock"


class Proxy:
    """Passes everything on to the engine, until it is cut."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(50)
        self._links: list[socket.socket] = []
        self._lock = threading.Lock()
        self._is_cut = False

    @property
    def host(self) -> str:
        """How the docker command calls it."""
        return f"unix://{self.path}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def cut(self) -> None:
        """Let the engine be gone for clients that came this way."""
        with self._lock:
            self._is_cut = True
            self.path.unlink(missing_ok=True)
            for link in (self._listener, *self._links):
                with contextlib.suppress(OSError):
                    link.shutdown(socket.SHUT_RDWR)
                link.close()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(SOCKET)
            with self._lock:
                self._links += [caller, engine]
                if self._is_cut:
                    caller.close()
                    engine.close()
                    return
            for source, target in ((caller, engine), (engine, caller)):
                threading.Thread(
                    target=_copy, args=(source, target), daemon=True
                ).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
