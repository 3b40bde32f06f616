"""Talks to a run over its socket, which ``control`` answers; needs no asyncio."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterable, Iterator
from typing import Any

from composegen.oserrors import is_shortage

_ANSWER_TIMEOUT = 5.0

EXCLUDE = "exclude"
"""What a drill asks for: stop services, and restart what can do without them."""


def ask_run(
    path: str, wanted: str, *, timeout: float | None = _ANSWER_TIMEOUT, **facts: Any
) -> dict[str, Any] | None:
    """What a run answers, None where it has gone. Raises OSError for a shortage."""
    try:
        with _connect(path, wanted, **facts) as connection:
            connection.settimeout(timeout)
            with connection.makefile("rb") as answers:
                data = json.loads(answers.readline() or b"null")
    except (OSError, ValueError) as error:
        if is_shortage(error):
            raise
        return None
    return data if isinstance(data, dict) else None


def act_on_run(path: str, act: str, names: Iterable[str]) -> dict[str, Any] | None:
    """Let a run stop, start or restart services, however long that takes; its answer.

    None where it has gone meanwhile. Raises OSError for a shortage.
    """
    return ask_run(path, act, timeout=None, services=list(names))


class Following:
    """A run's events until it ends, or until this side leaves."""

    def __init__(self, path: str) -> None:
        self._connection = _connect(path, "follow")
        self._connection.settimeout(None)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        with self._connection, self._connection.makefile("rb") as lines:
            for line in lines:
                with contextlib.suppress(ValueError):  # the run was killed: half a line
                    yield json.loads(line)

    def leave(self) -> None:
        """Take what has come until now as the rest; from any thread."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)


def follow_run(path: str) -> Iterator[dict[str, Any]]:
    """A run's events until it ends. Raises OSError for a shortage."""
    try:
        yield from Following(path)
    except OSError as error:
        if is_shortage(error):
            raise


def _connect(path: str, wanted: str, **more: Any) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(_ANSWER_TIMEOUT)
        connection.connect(path)
        connection.sendall(json.dumps({"do": wanted, **more}).encode() + b"\n")
    except BaseException:
        connection.close()
        raise
    return connection
