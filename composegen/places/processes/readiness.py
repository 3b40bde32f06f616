"""Is it ready: http, tcp, command; one loop, one deadline, a race with the exit."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from composegen.health import DEFAULT_BOOT, HealthKind
from composegen.oserrors import describe_os_error, is_shortage
from composegen.places.processes.environment import HOST
from composegen.places.status import ALIVE_FOR
from composegen.records import field, record
from composegen.system.children import run_briefly

_MOST_HEADER = 4096
_DRAIN_SECONDS = 0.05
_DRAIN_BYTES = 65536
_FIRST_GOOD, _FIRST_BAD = 200, 400
_LONG_WAIT = 0.1
_EAGER, _EAGER_UNTIL = 0.005, 3.0
_CALM, _CALM_UNTIL = 0.025, 30.0
_PATIENT = 0.1
_WEIGHT = 2.0
_LOOKS, _SELDOM = 10, 0.1


class NotReady(Exception):
    """One question that was not answered well; the message says how."""


class NothingListens(NotReady):
    """Its port was asked, and no program listens there yet."""


class Died(Exception):
    """The service ended while another one waited for it."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(f"exited with {exit_code}")
        self.exit_code = exit_code


class NeverReady(Exception):
    """The deadline passed; ``last`` is what the last question got."""

    def __init__(self, seconds: float, last: str) -> None:
        super().__init__(f"not ready after {seconds:g} s: {last}")
        self.seconds = seconds
        self.last = last


@record
class Probe:
    """One way to ask a process whether it is ready; times in seconds.

    ``boot`` is the time it has to become so. ``env`` and ``folder`` are for a command.
    """

    kind: HealthKind
    port: int | None = None
    path: str = "/"
    host_header: str = ""
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    folder: Path = Path()
    boot: float = DEFAULT_BOOT.seconds
    timeout: float = 2.0
    interval: float = 10.0
    retries: int = 3

    @property
    def can_ask(self) -> bool:
        """Whether there is a process to ask."""
        return self.kind in {HealthKind.HTTP, HealthKind.TCP, HealthKind.COMMAND}

    def __str__(self) -> str:
        if self.kind is HealthKind.HTTP:
            return f"GET http://{HOST}:{self.port}{self.path}"
        if self.kind is HealthKind.TCP:
            return f"connect to {HOST}:{self.port}"
        if self.kind is HealthKind.COMMAND:
            return " ".join(self.command)
        return f"alive for {ALIVE_FOR:g} s"


async def ask(probe: Probe, meanwhile: Callable[[], None] | None = None) -> None:
    """Ask once. Raises NotReady with what came instead of a good answer.

    ``meanwhile`` is called once it is connected, while the answer is on its way; it is
    not for a command.
    """
    try:
        async with asyncio.timeout(probe.timeout):
            if probe.kind is HealthKind.HTTP:
                await _ask_http(probe, meanwhile)
            elif probe.kind is HealthKind.TCP:
                with await _connect(probe.port):
                    if meanwhile is not None:
                        meanwhile()
            else:
                await _ask_command(probe)
    except TimeoutError:
        raise NotReady(f"no answer within {probe.timeout:g} s") from None
    except ConnectionRefusedError as error:
        raise NothingListens(_describe_os_error(error, probe.port)) from None
    except OSError as error:
        raise NotReady(_describe_os_error(error, probe.port)) from None


async def _connect(port: int | None) -> socket.socket:
    address = (HOST, port or 0)
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        connection.settimeout(0)
        if not _connects_at_once(connection, address):
            await asyncio.get_running_loop().sock_connect(connection, address)
    except BaseException:
        connection.close()
        raise
    # Asked often enough, the kernel joins a port with itself.
    if connection.getsockname() == connection.getpeername():
        connection.close()
        raise ConnectionRefusedError(errno.ECONNREFUSED, "connection refused")
    return connection


def _connects_at_once(connection: socket.socket, address: tuple[str, int]) -> bool:
    """Whether it is there already; the event loop would learn of it 0.2 ms later.

    On one machine a connection is made during the first call, and the second says so.
    """
    code = connection.connect_ex(address)
    if code == errno.EINPROGRESS:
        code = connection.connect_ex(address)
    if code in {errno.EINPROGRESS, errno.EALREADY}:
        return False
    if code not in {0, errno.EISCONN}:
        raise OSError(code, os.strerror(code))
    return True


async def _ask_http(probe: Probe, meanwhile: Callable[[], None] | None) -> None:
    loop = asyncio.get_running_loop()
    host = probe.host_header or f"{HOST}:{probe.port}"
    request = (
        f"GET {probe.path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: composegen\r\n"
        "Accept: */*\r\nConnection: close\r\n\r\n"
    )
    connection = await _connect(probe.port)
    try:
        await loop.sock_sendall(connection, request.encode())
        if meanwhile is not None:
            meanwhile()
        head = b""
        while b"\n" not in head and len(head) < _MOST_HEADER:
            data = await loop.sock_recv(connection, _MOST_HEADER)
            if not data:
                break
            head += data
        _judge_status(head.partition(b"\n")[0].decode("latin-1").strip())
        await _drain(connection)
    finally:
        connection.close()


def _judge_status(line: str) -> None:
    words = line.split(" ", 2)
    if not line:
        raise NotReady("the connection was closed without an answer")
    if not line.startswith("HTTP/") or len(words) < 2 or not words[1].isdigit():
        raise NotReady(f"the answer is not HTTP: {line[:60]!r}")
    if not _FIRST_GOOD <= int(words[1]) < _FIRST_BAD:
        raise NotReady(f"answered {' '.join(words[1:])}")


async def _drain(connection: socket.socket) -> None:
    """Let the server finish: it would note a connection that was cut."""
    loop = asyncio.get_running_loop()
    taken = 0
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while taken < _DRAIN_BYTES:
                data = await loop.sock_recv(connection, _DRAIN_BYTES)
                if not data:
                    return
                taken += len(data)
    except (TimeoutError, OSError):
        return


async def _ask_command(probe: Probe) -> None:
    answer = await run_briefly(
        probe.command,
        env=probe.env,
        cwd=str(probe.folder),
        timeout=probe.timeout,
    )
    if answer.code is None:
        raise NotReady(f"no answer within {probe.timeout:g} s")
    if answer.code != 0:
        said = f": {answer.output.splitlines()[-1]}" if answer.output else ""
        raise NotReady(f"the check exited with {answer.code}{said}")


def _describe_os_error(error: OSError, port: int | None) -> str:
    if isinstance(error, ConnectionRefusedError):
        return f"nothing listens on {HOST}:{port}"
    if isinstance(error, ConnectionResetError):
        return "the connection was reset"
    if isinstance(error, PermissionError) and error.filename:
        # A program of the probe, or the folder that it runs in.
        path = Path(error.filename)
        words, _ = describe_os_error(error, path / "any" if path.is_absolute() else "")
        return f"{path}: {words}"
    words, help = describe_os_error(error)
    return f"{words}; {help}" if is_shortage(error) else words


Asker: TypeAlias = Callable[[], Awaitable[None]]
Arrives: TypeAlias = Callable[[float, float], Awaitable[bool]]
"""Waits so many seconds for a program that listens, with a look after every so many."""


async def wait_until_ready(
    ask_once: Asker,
    *,
    boot: float,
    exited: asyncio.Future[int] | None = None,
    started_at: float | None = None,
    is_heavy: bool = False,
    arrives: Arrives | None = None,
) -> float:
    """Ask until the answer is good; the seconds since ``started_at``.

    Every 5 ms for three seconds, then every 25 ms, after 30 s every 100 ms; a heavy
    question twice as seldom as it takes. While nothing listens, ``arrives`` looks for
    it instead, ten times as often, and it is asked ten times a second. Raises Died
    with the exit's code the moment it is there, NeverReady after ``boot`` seconds.
    """
    begin = time.monotonic() if started_at is None else started_at
    loop = _Asking(ask_once, begin, boot, is_heavy=is_heavy, arrives=arrives)
    asking = asyncio.ensure_future(loop.run())
    waited: set[asyncio.Future[Any]] = {asking} if exited is None else {asking, exited}
    try:
        left = max(0.0, begin + boot - time.monotonic())
        await asyncio.wait(waited, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if exited is not None and exited.done():
            raise Died(exited.result())
        if asking.done():
            asking.result()
            return time.monotonic() - begin
        raise NeverReady(boot, loop.describe(time.monotonic()))
    finally:
        if not asking.done():
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)


class _Asking:
    """Asks over and over and remembers the last answer."""

    def __init__(
        self,
        ask_once: Asker,
        begin: float,
        boot: float,
        *,
        is_heavy: bool,
        arrives: Arrives | None,
    ) -> None:
        self.last = f"no answer within {boot:g} s"
        self._took = 0.0
        self._asked_at: float | None = None
        self._ask_once = ask_once
        self._begin = begin
        self._is_heavy = is_heavy
        self._arrives = arrives
        self._has_arrived = False

    async def run(self) -> None:
        while True:
            asked_at = self._asked_at = time.monotonic()
            is_there = True
            try:
                await self._ask_once()
            except NotReady as error:
                self.last = str(error)
                is_there = not isinstance(error, NothingListens)
            else:
                return
            now = time.monotonic()
            self._asked_at, self._took = None, now - asked_at
            pause = choose_pause(now - self._begin)
            if self._is_heavy:
                pause = max(pause, _WEIGHT * (now - asked_at))
            if is_there or self._has_arrived or self._arrives is None:
                # A program that listens on another address has also arrived.
                self._has_arrived = False
                await asyncio.sleep(pause)
            else:
                every = pause / _LOOKS
                self._has_arrived = await self._arrives(max(pause, _SELDOM), every)

    def describe(self, now: float) -> str:
        """The last answer, or that the last question waits unusually long for one."""
        waits = 0.0 if self._asked_at is None else now - self._asked_at
        is_long = waits >= max(_LONG_WAIT, _WEIGHT * self._took)
        return f"no answer for {waits:.1f} s" if is_long else self.last


def choose_pause(age: float) -> float:
    """How long to wait before the next question to a service of this age."""
    if age < _EAGER_UNTIL:
        return _EAGER
    return _CALM if age < _CALM_UNTIL else _PATIENT


async def wait_until_settled(exited: asyncio.Future[int]) -> float:
    """Without a check: alive for a second is ready. Raises Died."""
    begin = time.monotonic()
    await asyncio.wait({exited}, timeout=ALIVE_FOR)
    if exited.done():
        raise Died(exited.result())
    return time.monotonic() - begin
