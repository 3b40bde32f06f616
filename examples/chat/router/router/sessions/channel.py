"""One connection to Redis that carries the calls of scripts, many at a time.

Redis answers in the order in which it is asked, so a call needs no connection of its
own, no task and no place in a pool. redis-py connects, logs in and reads.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.commands.core import AsyncScript
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError

_SENDS = 2


class _Call:
    """A command, the connection that it was sent on last, and its answer."""

    __slots__ = ("answer", "command", "link", "sends")

    def __init__(self, command: bytes) -> None:
        self.command = command
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.sends = 0
        self.link: _Link | None = None

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)
            self.answer.exception()  # seen here: its caller may have left


class Channel:
    """Runs scripts within a deadline, in seconds; raises RedisError, OSError.

    `make` makes connections without a timeout of their own. What was sent on one that
    ends is sent again on the next one. A call whose caller has left is still made.
    """

    def __init__(
        self, make: Callable[[], AbstractConnection], *, timeout: float
    ) -> None:
        self._make = make
        self._timeout = timeout
        self._link: _Link | None = None
        self._links: set[_Link] = set()

    async def run(self, script: AsyncScript, *arguments: bytes | str | int) -> Any:
        """What a script answers; `arguments` begin with the number of keys.

        Raises TimeoutError where it does not answer in time.
        """
        deadline = asyncio.get_running_loop().time() + self._timeout
        try:
            return await self._ask(deadline, b"EVALSHA", script.sha, *arguments)
        except NoScriptError:
            return await self._ask(deadline, b"EVAL", str(script.script), *arguments)

    async def _ask(self, deadline: float, *command: bytes | str | int) -> Any:
        call = _Call(hiredis.pack_command(command))  # type: ignore[arg-type]
        try:
            async with asyncio.timeout_at(deadline):
                await self._send(call)
                return await call.answer
        except TimeoutError:
            if call.link:
                call.link.fail(TimeoutError("Redis does not answer in time"))
            raise

    async def _send(self, call: _Call) -> None:
        if self._link is None or self._link.has_ended:
            self._link = _Link(self._make(), self._send)
            self._links.add(self._link)
            self._link.task.add_done_callback(self._forget)
        await self._link.send(call)

    def _forget(self, task: "asyncio.Task[None]") -> None:
        self._links = {link for link in self._links if link.task is not task}

    def let_go(self) -> None:
        """Use another connection from now on; this one ends with its last answer."""
        if self._link:
            self._link.finish(within=self._timeout)
            self._link = None

    async def close(self) -> None:
        """Let calls that are under way end, and all connections."""
        self.let_go()
        while self._links:
            await asyncio.wait([link.task for link in self._links])
            self.let_go()  # what was sent again meanwhile has made a new one


class _Link:
    """A connection, and the calls on it that have no answer yet, in their order."""

    def __init__(
        self,
        connection: AbstractConnection,
        send_again: Callable[[_Call], Awaitable[None]],
    ) -> None:
        self._connection = connection
        self._send_again = send_again
        self._calls: deque[_Call] = deque()
        self._is_ready = False
        self._is_last = False
        self.has_ended = False
        self.task = asyncio.create_task(self._serve())

    async def send(self, call: _Call) -> None:
        """Send it now, or as soon as the connection is there."""
        call.link = self
        call.sends += 1
        self._calls.append(call)
        if self._is_ready:
            await self._write(call.command)

    async def _write(self, data: bytes) -> None:
        # Where that fails, the connection ends, and `_serve` sees to its calls.
        with suppress(RedisError, OSError):
            await self._connection.send_packed_command(data, check_health=False)

    def finish(self, within: float) -> None:
        """End with the answer to the last call, in so many seconds at the latest."""
        self._is_last = True
        if self._calls:
            asyncio.get_running_loop().call_later(within, self.task.cancel)
        else:
            self.task.cancel()

    def fail(self, error: Exception) -> None:
        """End now; every call fails with this."""
        self.has_ended = True
        for call in self._calls:
            call.fail(error)
        self._calls.clear()
        self.task.cancel()

    async def _serve(self) -> None:
        error: Exception
        try:
            await self._connection.connect()  # type: ignore[no-untyped-call]
            # From now on it waits for calls; each of them has a deadline of its own.
            self._connection.socket_timeout = None
            self._is_ready = True
            if self._calls:
                await self._write(b"".join(call.command for call in self._calls))
            await self._read()
        except asyncio.CancelledError:
            error = TimeoutError("Redis does not answer in time")
        except (RedisError, OSError) as met:
            error = met
        finally:
            self.has_ended = True
            await self._connection.disconnect(nowait=True)
        for call in self._calls:
            if call.sends < _SENDS and isinstance(error, RedisConnectionError):
                await self._send_again(call)
            else:
                call.fail(error)

    async def _read(self) -> None:
        while not self._is_last or self._calls:
            answer: Any
            try:
                answer = await self._connection.read_response()
            except ResponseError as error:
                answer = error
            call = self._calls.popleft()
            if isinstance(answer, Exception):
                call.fail(answer)
            elif not call.answer.done():
                call.answer.set_result(answer)
