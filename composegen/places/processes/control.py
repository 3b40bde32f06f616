"""The socket of a run, where it answers other terminals: one JSON object a line.

``status`` and ``failures`` are answered, ``down`` ends the run, ``follow`` streams its
events until one side leaves. ``stop``, ``start`` and ``restart`` name ``services`` and
are answered when that is done. What is asked about one service, with ``service``, may
hold secrets: only the user whose run it is gets an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeAlias

from composegen.paths import exists
from composegen.places.event_data import describe_event
from composegen.places.events import Event, Line
from composegen.places.place import Act
from composegen.places.processes.sockets import remove_socket
from composegen.places.processes.talking import EXCLUDE

_MOST_BEHIND = 1024 * 1024
_BACKLOG = 100
_BUSY_PAUSE = 0.5
_CREDENTIALS = struct.Struct("3i")
"""Process, user and group of the other end, as the kernel gives them."""

Answer: TypeAlias = Callable[[], Mapping[str, Any]]
ServiceAnswer: TypeAlias = Callable[[str], Mapping[str, Any]]
"""Gets the name of the service that is asked about."""
Perform: TypeAlias = Callable[[str, Sequence[str]], Awaitable[Mapping[str, Any]]]
"""Stops, starts or restarts services; its answer comes when that is done."""

_ACTS = (*Act, EXCLUDE)


class Control:
    """The socket of one run."""

    def __init__(
        self,
        path: Path,
        answers: Mapping[str, Answer],
        end: Callable[[], None],
        perform: Perform,
        *,
        about: Mapping[str, ServiceAnswer] | None = None,
    ) -> None:
        self._path = path
        self._answers = answers
        self._about = about or {}
        self._end = end
        self._perform = perform
        self._followers: set[asyncio.StreamWriter] = set()
        self._handlers: set[asyncio.Task[None]] = set()
        self._door: socket.socket | None = None
        self._spare = -1

    async def __aenter__(self) -> Self:
        self._open()
        self._keep_spare()
        return self

    def _open(self) -> None:
        door = socket.socket(socket.AF_UNIX)
        try:
            door.settimeout(0)
            door.bind(str(self._path))
            self._path.chmod(0o600)
            door.listen(_BACKLOG)
        except BaseException:
            door.close()
            raise
        self._door = door
        asyncio.get_running_loop().add_reader(door, self._let_in)

    def _close(self) -> None:
        if self._door is not None:
            asyncio.get_running_loop().remove_reader(self._door)
            self._door.close()
            self._door = None

    def open_again(self) -> None:
        """Listen where the socket was removed; what is connected stays so."""
        if not exists(self._path):
            self._close()
            self._open()

    async def __aexit__(self, *_: object) -> None:
        self._close()
        self._lend_spare()
        for task in self._handlers:
            task.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)
        remove_socket(self._path)

    @property
    def is_followed(self) -> bool:
        """Whether another terminal follows what is reported."""
        return bool(self._followers)

    def report(self, event: Event) -> None:
        """Pass an event on to all that follow; one that is far behind misses lines."""
        if not self._followers:
            return
        data = json.dumps(describe_event(event)).encode() + b"\n"
        for writer in self._followers:
            behind = writer.transport.get_write_buffer_size()
            if behind < _MOST_BEHIND or not isinstance(event, Line):
                writer.write(data)

    # asyncio's own servers repeat a traceback for as long as they have no handle for
    # a client that connects. One handle is kept spare: a run can always be ended.

    def _keep_spare(self) -> None:
        with contextlib.suppress(OSError):
            self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def _lend_spare(self) -> bool:
        has_one = self._spare >= 0
        if has_one:
            os.close(self._spare)
            self._spare = -1
        return has_one

    def _let_in(self) -> None:
        """Accept a client, with the spare handle where there is no other."""
        if self._door is None:
            return
        loop = asyncio.get_running_loop()
        try:
            connection, _ = self._door.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError:
            if not self._lend_spare():
                loop.remove_reader(self._door)
                loop.call_later(_BUSY_PAUSE, self._listen_again)
            return  # still knocking: the loop calls at once
        if self._spare < 0:
            self._keep_spare()
        connection.settimeout(0)
        task = loop.create_task(self._welcome(connection))
        self._handlers.add(task)
        task.add_done_callback(self._handlers.discard)

    def _listen_again(self) -> None:
        if self._door is not None:
            asyncio.get_running_loop().add_reader(self._door, self._let_in)

    async def _welcome(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader, self._serve)
        try:
            await loop.connect_accepted_socket(lambda: protocol, connection)
        except OSError:
            connection.close()

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
        asked = json.loads(await reader.readline())
        wanted = str(asked["do"])
        if wanted == "follow":
            self._followers.add(writer)
            await reader.read()
            return
        if wanted == "down":
            self._end()  # whether the one who asked still waits or not
            writer.write(b"{}\n")
            await writer.drain()
            return
        if wanted in _ACTS:
            names = [str(each) for each in asked["services"]]
            answer = await self._perform(wanted, names)
        elif wanted in self._about:
            if not is_own_user(writer.get_extra_info("socket")):
                return
            answer = self._about[wanted](str(asked["service"]))
        else:
            answer = self._answers[wanted]()
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()


def is_own_user(connection: socket.socket) -> bool:
    """Whether the other end of a socket is of our user.

    Where the system does not say it, the modes of the socket and its folder decide.
    """
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True
    data = connection.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(data)
    return bool(user == os.geteuid())
