"""Real servers for tests: redis-server, and ASGI applications on private ports."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
import uvicorn
from starlette.types import ASGIApp

PATIENCE = 60.0
"""Seconds within which anything must have happened, on a busy machine too."""


class MissingPart(pytest.skip.Exception):
    """A test is skipped for a part; ``conftest.py`` counts these by part."""


def find_redis() -> str:
    """Where redis-server is; skips the test without one, or fails where it must be."""
    program = shutil.which("redis-server")
    if program is None:
        if os.environ.get("REQUIRE_PARTS"):
            pytest.fail("redis-server is missing")
        raise MissingPart("redis-server is missing here")
    return program


def free_port() -> int:
    """A port that no process listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RedisServer:
    """A redis-server process that can be frozen, killed and started again.

    With `durable` it writes every command to disk before it answers.
    """

    def __init__(self, *, durable: bool = False, cluster: bool = False) -> None:
        # First: a test that is skipped here must leave no folder behind.
        self._program = find_redis()
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._durable = durable
        self.bus = free_port() if cluster else 0
        self._folder = tempfile.TemporaryDirectory(prefix="router-redis-")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        self._folder.cleanup()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        appendonly = "yes" if self._durable else "no"
        arguments = (
            f"--port {self.port} --bind 127.0.0.1 --save --appendonly {appendonly} "
            "--appendfsync always --repl-diskless-sync-delay 0 --dir"
        )
        bus = f"--cluster-enabled yes --cluster-port {self.bus}" if self.bus else ""
        cluster = bus.split()
        self._process = subprocess.Popen(
            [self._program, *arguments.split(), self._folder.name, *cluster],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(OSError):
                if self.command("PING").startswith(b"+PONG"):
                    return
            time.sleep(0.01)
        raise TimeoutError("redis-server does not answer")

    def kill(self) -> None:
        """End it at once; with `durable` nothing it answered is lost."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Let it listen and not answer."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on, with what it was sent meanwhile."""
        self._signal(signal.SIGCONT)

    def empty(self) -> None:
        """Remove every key."""
        self.command("FLUSHALL")

    def command(self, text: str) -> bytes:
        """What it answers to a command line."""
        with socket.create_connection(
            ("127.0.0.1", self.port), timeout=PATIENCE
        ) as wire:
            wire.sendall(f"{text}\r\n".encode())
            return wire.recv(65536)

    def age(self, seconds: float) -> None:
        """Take so much from what every key has left to live, as if it had passed."""
        script = (
            "for _, key in ipairs(redis.call('KEYS', '*')) do "
            "local left = redis.call('PTTL', key) if left >= 0 then "
            f"redis.call('PEXPIRE', key, left - {int(1000 * seconds)}) end end"
        )
        assert self.command(f'EVAL "{script}" 0').startswith(b"$-1")

    def count_calls(self, name: str) -> int:
        """How often a command was called since the start."""
        stats = self.command("INFO commandstats").decode()
        for line in stats.splitlines():
            if line.startswith(f"cmdstat_{name}:calls="):
                return int(line.split("=")[1].split(",")[0])
        return 0

    def _signal(self, number: int) -> None:
        if self._process:
            self._process.send_signal(number)


class Sentinel:
    """A Sentinel that watches a primary; `port` is that of the present primary."""

    def __init__(self, primary: RedisServer) -> None:
        self._own = free_port()
        self._primary = primary
        self._folder = tempfile.TemporaryDirectory(prefix="router-sentinel-")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        config = Path(self._folder.name) / "sentinel.conf"
        config.write_text(
            f"port {self._own}\nbind 127.0.0.1\ndir {self._folder.name}\n"
            f"sentinel monitor chat 127.0.0.1 {self._primary.port} 1\n"
            "sentinel down-after-milliseconds chat 500\n"
            "sentinel failover-timeout chat 5000\n"
        )
        self._process = subprocess.Popen(
            [find_redis(), str(config), "--sentinel"], stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + PATIENCE
        while not self.ask("PING").startswith(b"+PONG"):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    @property
    def port(self) -> int:
        answer = self.ask("SENTINEL get-master-addr-by-name chat").split()
        return int(answer[-1])

    def ask(self, text: str) -> bytes:
        """What it answers to a command; nothing while it does not listen."""
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", self._own), PATIENCE) as wire,
        ):
            wire.sendall(f"{text}\r\n".encode())
            return wire.recv(65536)
        return b""


class Relay:
    """One address in front of Redis servers: `target` is the one behind it now.

    What is connected stays where it is, as behind a proxy or a name.
    """

    def __init__(self, target: RedisServer | Sentinel) -> None:
        self.target = target
        self.url = ""
        self._server: asyncio.Server | None = None
        self._wires: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"redis://127.0.0.1:{port}/0"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """End all connections."""
        for wire in self._wires:
            wire.close()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        port = self.target.port
        with suppress(OSError):
            there, back = await asyncio.open_connection("127.0.0.1", port)
            mine = {writer, back}
            self._wires |= mine
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
            self._wires -= mine
        writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """The address of an application that is served for this long."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app, http="httptools", log_config=None, timeout_graceful_shutdown=2
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup([listener])
        assert server.started
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            # What uvicorn's own shutdown does, without its pauses.
            for accepting in server.servers:
                accepting.close()
            for connection in list(server.server_state.connections):
                connection.shutdown()
            await server.lifespan.shutdown()


ROUTER = Path(__file__).parent.parent
