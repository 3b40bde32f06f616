"""How other terminals talk to a run: a socket in its folder, one JSON object a line.

``status`` and ``failures`` are answered, ``down`` ends the run, ``follow`` streams its
events until one side leaves.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self, TypeAlias

from composegen.events import Event, Line, describe_event
from composegen.sockets import remove_socket

_MOST_BEHIND = 1024 * 1024
_ANSWER_TIMEOUT = 5.0

Answer: TypeAlias = Callable[[], Mapping[str, Any]]


class Control:
    """The socket of one run."""

    def __init__(
        self, path: Path, answers: Mapping[str, Answer], end: Callable[[], None]
    ) -> None:
        self._path = path
        self._answers = answers
        self._end = end
        self._followers: set[asyncio.StreamWriter] = set()
        self._handlers: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def _listen(self) -> None:
        before = self._server
        self._server = await asyncio.start_unix_server(self._serve, self._path)
        self._path.chmod(0o600)
        if before is not None:
            before.close()

    def listen_again(self) -> None:
        """Listen where the socket was removed; what is connected stays so."""
        if self._path.exists():
            return
        task = asyncio.ensure_future(self._listen())
        self._handlers.add(task)
        task.add_done_callback(self._handlers.discard)

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._handlers:
            task.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)
        remove_socket(self._path)

    def report(self, event: Event) -> None:
        """Pass an event on to all that follow; one that is far behind misses lines."""
        if not self._followers:
            return
        data = json.dumps(describe_event(event)).encode() + b"\n"
        for writer in self._followers:
            behind = writer.transport.get_write_buffer_size()
            if behind < _MOST_BEHIND or not isinstance(event, Line):
                writer.write(data)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._handlers.add(task)
            task.add_done_callback(self._handlers.discard)
        try:
            await self._answer(reader, writer)
        except (OSError, ValueError, LookupError, TypeError, asyncio.CancelledError):
            pass  # it left, or asked for nothing that there is
        finally:
            self._followers.discard(writer)
            writer.close()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        wanted = str(json.loads(await reader.readline())["do"])
        if wanted == "follow":
            self._followers.add(writer)
            await reader.read()
            return
        if wanted == "down":
            self._end()  # whether the one who asked still waits or not
            writer.write(b"{}\n")
            await writer.drain()
            return
        writer.write(json.dumps(self._answers[wanted]()).encode() + b"\n")
        await writer.drain()


def ask_run(path: str, wanted: str) -> dict[str, Any] | None:
    """What a run answers, None where it has gone."""
    try:
        with _connect(path, wanted) as connection, connection.makefile("rb") as answers:
            data = json.loads(answers.readline() or b"null")
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def follow_run(path: str) -> Iterator[dict[str, Any]]:
    """A run's events until it ends."""
    with contextlib.suppress(OSError), _connect(path, "follow") as connection:
        connection.settimeout(None)
        with connection.makefile("rb") as lines:
            for line in lines:
                yield json.loads(line)


def _connect(path: str, wanted: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(_ANSWER_TIMEOUT)
        connection.connect(path)
        connection.sendall(json.dumps({"do": wanted}).encode() + b"\n")
    except BaseException:
        connection.close()
        raise
    return connection
