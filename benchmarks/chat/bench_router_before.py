"""The router next to that of v0.2.0: rates, latencies, CPU time, open streams.

Both sides take turns in one run, behind the same provider, so that a busy machine hits
both.
"""

import asyncio
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import load
from bench_store import redis_server
from load import (
    connect,
    free_port,
    make_request,
    measure_cpu,
    measure_memory,
    measure_rate,
    run,
    serving,
)

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.before import FOLDER, NAME, find_before  # noqa: E402
from benchmarks.table import (  # noqa: E402
    Limit,
    Row,
    describe,
    divide,
    name_peer,
    report,
)

NOW = ROOT / "examples" / "chat" / "router"
BEFORE = FOLDER / "source" / "examples" / "chat" / "router"
MOCK = str(Path(__file__).parent / "mock_provider.py")
STREAMS = 1000


@contextmanager
def routing(folder: Path, url: str = "", redis: str = "") -> Iterator[tuple[int, int]]:
    """A router of one build: its port and its process."""
    port, before = free_port(), load.ROUTER
    load.ROUTER = folder
    with tempfile.TemporaryDirectory() as path:
        if folder == BEFORE:  # its requirements do not install hiredis
            hidden = 'raise ImportError("hidden")\n'
            (Path(path) / "hiredis.py").write_text(hidden)
        env = {"LLM_BASE_URL": url, "REDIS_URL": redis, "PYTHONPATH": path}
        command = [sys.executable, "-m", "router"]
        try:
            with serving(command, port, env=env) as (pid, _):
                yield port, pid
        finally:
            load.ROUTER = before


@contextmanager
def both(url: str = "") -> Iterator[list[tuple[int, int]]]:
    """A router of this build and one of the build before, behind one provider."""
    with ExitStack() as stack:
        yield [stack.enter_context(routing(folder, url)) for folder in (NOW, BEFORE)]


async def compare_rates(url: str, rounds: int, seconds: float) -> list[Row]:
    """Requests a second at 32 connections, and CPU time at 128 compared with 32."""
    request = make_request()
    rates: list[list[float]] = [[], []]
    cpu: dict[int, list[float]] = {32: [], 128: []}
    with both(url) as routers:
        for number in range(rounds + 1):
            for side, (port, pid) in enumerate(routers):
                for connections in (32, 128) if side == 0 else (32,):
                    used = measure_cpu(pid)
                    rate, done = await measure_rate(
                        port, seconds, lambda *_: request, connections
                    )
                    if not number:
                        continue
                    if connections == 32:
                        rates[side].append(rate)
                    if side == 0:
                        spent = 1e6 * (measure_cpu(pid) - used) / len(done)
                        cpu[connections].append(spent)
    faster, growth = divide(*rates), divide(cpu[128], cpu[32])
    times = f"{rounds} rounds of {seconds:g} s"
    return [
        Row(
            figure="requests/s, mock provider behind, 32 connections",
            ours=describe(rates[0], digits=0),
            beside=name_peer(NAME, rates[1], "", 0),
            ratio=describe(faster, digits=1),
            times=times,
            **Limit(value=6, is_floor=True).judge(faster),
        ),
        Row(
            figure="CPU time a request at 128 connections, us",
            ours=describe(cpu[128], digits=0),
            beside=name_peer("at 32 connections", cpu[32], "", 0),
            ratio=describe(growth),
            times=times,
            **Limit(value=1.3).judge(growth),
        ),
    ]


async def compare_latencies(
    url: str, provider: int, rounds: int, calls: int
) -> list[Row]:
    """What both routers add to a direct call, on one connection, in ms."""
    added: dict[tuple[int, bool], list[float]] = {}
    with both(url) as routers:
        for _ in range(rounds):
            for stream in (False, True):
                direct = await _time(provider, calls, stream=stream)
                for side, (port, _) in enumerate(routers):
                    taken = await _time(port, calls, stream=stream)
                    added.setdefault((side, stream), []).append(taken - direct)
    rows = []
    for title, stream, limit in (
        ("whole reply: what the router adds, median", False, 0.5),
        ("first token: what the router adds, median", True, 0.4),
    ):
        ratio = divide(added[0, stream], added[1, stream])
        rows.append(
            Row(
                figure=title,
                ours=describe(added[0, stream], " ms"),
                beside=name_peer(NAME, added[1, stream], " ms"),
                ratio=describe(ratio),
                times=f"{rounds} rounds of {calls:,}",
                **Limit(value=limit).judge(ratio),
            )
        )
    return rows


async def _time(port: int, calls: int, *, stream: bool) -> float:
    """The median of milliseconds: to the first token, or to the end."""
    connection, request = await connect(port), make_request(stream=stream)
    for _ in range(50):
        await connection.ask(request)
    times = [await connection.ask(request) for _ in range(calls)]
    connection.close()
    return 1000 * statistics.median(each[0 if stream else 1] for each in times)


async def compare_sessions(rounds: int, turns: int) -> list[Row]:
    """What a session on Redis adds to a turn, in CPU time of the router."""
    cost: list[list[float]] = [[], []]
    with redis_server() as (url, _), ExitStack() as stack:
        routers = [
            stack.enter_context(routing(folder, redis=url)) for folder in (NOW, BEFORE)
        ]
        for number in range(rounds + 1):
            for side, (port, pid) in enumerate(routers):
                without = await _spend(port, pid, turns, "")
                spent = await _spend(port, pid, turns, f"{side}-{number}")
                if number:
                    cost[side].append(1e6 * (spent - without) / turns)
    ratio = divide(*cost)
    return [
        Row(
            figure="a session on Redis: CPU time of a turn, us",
            ours=describe(cost[0], digits=0),
            beside=name_peer(NAME, cost[1], "", 0),
            ratio=describe(ratio),
            times=f"{rounds} rounds of {turns:,} turns",
            **Limit(value=0.55).judge(ratio),
        )
    ]


async def _spend(port: int, pid: int, turns: int, user: str) -> float:
    """CPU seconds of turns, one after the other; ten to a session."""
    connection = await connect(port)
    used = measure_cpu(pid)
    for number in range(turns):
        session = (f"user{user}", f"s{number // 10}") if user else None
        await connection.ask(make_request(session=session))
    connection.close()
    return measure_cpu(pid) - used


async def hold_streams(rounds: int) -> Row:
    """A thousand replies under way at once: how many are served, in how much memory."""
    served: list[float] = []
    memory: list[float] = []
    for _ in range(rounds):
        async with _slow_provider() as url:
            with routing(NOW, url) as (port, pid):
                connections = [await connect(port) for _ in range(STREAMS)]
                request = make_request(stream=True)
                asking = [
                    asyncio.ensure_future(each.ask(request)) for each in connections
                ]
                while not all(each.first_body for each in connections):
                    await asyncio.sleep(0.1)
                memory.append(measure_memory(pid))
                _release.set()
                await asyncio.gather(*asking)
                served.append(sum(each.status == 200 for each in connections))
                for each in connections:
                    each.close()
    return Row(
        figure=f"memory with {STREAMS:,} open streams",
        ours=describe(memory, " MiB", 0),
        beside=f"served: {describe(served, digits=0)}",
        times=f"{rounds} rounds",
        **Limit(value=200, unit=" MiB").judge(memory),
    )


_release = asyncio.Event()


class _slow_provider:  # noqa: N801 - used as a context, as a function would be
    """A provider whose streams stay open until `_release` is set."""

    async def __aenter__(self) -> str:
        _release.clear()
        self._server = await asyncio.start_server(_answer_slowly, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()


async def _answer_slowly(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    size = next(
        int(line.split(b":")[1])
        for line in head.splitlines()
        if line.lower().startswith(b"content-length:")
    )
    await reader.readexactly(size)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
    writer.write(b"Connection: close\r\n\r\n")
    writer.write(b'data: {"choices": [{"delta": {"content": "slow"}}]}\n\n')
    await writer.drain()
    await _release.wait()
    writer.write(b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n')
    writer.write(b"data: [DONE]\n\n")
    await writer.drain()
    writer.close()


async def measure(rounds: int, seconds: float, calls: int) -> list[Row]:
    """All rows, one after the other."""
    provider = free_port()
    url = f"http://127.0.0.1:{provider}/v1"
    works: list[Callable[[], Awaitable[list[Row]]]] = [
        lambda: compare_rates(url, 2 * rounds - 1, seconds),
        lambda: compare_latencies(url, provider, rounds, calls),
        lambda: compare_sessions(rounds, 2 * calls),
    ]
    with serving([sys.executable, MOCK, str(provider)], provider):
        rows = [row for work in works for row in await work()]
    return [*rows, await hold_streams(max(1, rounds // 3))]


def main() -> None:
    """Hand over the rows; the build before is installed if necessary."""
    find_before()
    rounds, seconds, calls = (2, 1, 300) if "--quick" in sys.argv else (5, 2, 500)
    report(f"The chat router: next to {NAME}", run(measure(rounds, seconds, calls)))


if __name__ == "__main__":
    main()
