"""Load on an HTTP server, and what it took: latencies, rates, CPU time."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar, cast

import httptools
import uvloop

ROUTER = Path(__file__).parents[2] / "examples" / "chat" / "router"
CHAT = "/v1/chat/completions"
_BOOT = 90
Answer = TypeVar("Answer")


class Connection(asyncio.Protocol):
    """One kept-alive connection; knows when the first and the last byte came."""

    def __init__(self) -> None:
        self.status = 0
        self.first_body = 0.0
        self._done: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, error: Exception | None) -> None:
        if self._done and not self._done.done():
            self._done.set_exception(error or ConnectionError("closed"))

    def on_body(self, body: bytes) -> None:
        if body and not self.first_body:
            self.first_body = time.perf_counter()

    def on_message_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self._done and not self._done.done():
            self._done.set_result(None)

    async def ask(self, payload: bytes) -> tuple[float, float]:
        """Seconds to the first byte of the body, and to the end."""
        self._parser = httptools.HttpResponseParser(self)
        self._done = asyncio.get_running_loop().create_future()
        self.first_body = 0.0
        begun = time.perf_counter()
        self._transport.write(payload)
        await self._done
        return self.first_body - begun, time.perf_counter() - begun

    def close(self) -> None:
        self._transport.close()


async def connect(port: int) -> Connection:
    """A connection to this machine's port."""
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
    return connection


def make_request(
    *, stream: bool = False, model: str = "auto", session: tuple[str, str] | None = None
) -> bytes:
    """The bytes of a chat request."""
    message = {"role": "user", "content": "How far is it from here to the moon?"}
    body = json.dumps({"model": model, "stream": stream, "messages": [message]})
    headers = [f"POST {CHAT} HTTP/1.1", "Host: x", "Content-Type: application/json"]
    headers += [f"Content-Length: {len(body)}", "Authorization: Bearer sk-bench"]
    if session:
        headers += [f"X-User-Id: {session[0]}", f"X-Session-Id: {session[1]}"]
    return ("\r\n".join(headers) + "\r\n\r\n" + body).encode()


async def measure_rate(
    port: int,
    seconds: float,
    make: Callable[[int, int], bytes],
    connections: int = 32,
) -> tuple[float, list[float]]:
    """Requests per second, and each latency; every answer has to be a 200."""
    latencies: list[float] = []
    stop = time.perf_counter() + seconds

    async def work(worker: int) -> None:
        connection = await connect(port)
        number = 0
        while time.perf_counter() < stop:
            _, total = await connection.ask(make(worker, number))
            if connection.status != 200:
                raise RuntimeError(f"status {connection.status}")
            latencies.append(total)
            number += 1
        connection.close()

    begun = time.perf_counter()
    await asyncio.gather(*(work(worker) for worker in range(connections)))
    return len(latencies) / (time.perf_counter() - begun), latencies


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    command: Sequence[str],
    port: int,
    *,
    health: str = "/health",
    env: Mapping[str, str] | None = None,
) -> Iterator[tuple[int, float]]:
    """A server process; its id, and the seconds from start to its first 200."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=ROUTER,
        env={**os.environ, "PORT": str(port), **(env or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not _is_healthy(port, health):
            if process.poll() is not None or time.perf_counter() - begun > _BOOT:
                raise RuntimeError(f"{command[:4]} did not become healthy")
            time.sleep(0.005)
        yield process.pid, time.perf_counter() - begun
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _is_healthy(port: int, path: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def measure_memory(pid: int) -> float:
    """Resident MiB of a process and its children."""
    total = 0
    for folder in Path("/proc").iterdir():
        with suppress(OSError, ValueError, IndexError):
            stat = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            if int(folder.name) == pid or int(stat[2]) == pid:
                pages = int((folder / "statm").read_text().split()[1])
                total += pages * os.sysconf("SC_PAGE_SIZE")
    return total / 2**20


def measure_cpu(pid: int) -> float:
    """Seconds of CPU time that a process has had."""
    stat = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that this many percent are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def run(work: Awaitable[Answer]) -> Answer:
    """Run a benchmark on uvloop."""

    async def main() -> Answer:
        return await work

    return uvloop.run(main())
