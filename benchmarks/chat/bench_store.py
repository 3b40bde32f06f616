"""The session store: beside cachetools, its cost in requests, on Redis, and frozen."""

import argparse
import asyncio
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from timeit import Timer

from cachetools import TTLCache
from load import (
    connect,
    describe,
    free_port,
    make_request,
    make_table,
    measure_cpu,
    measure_rate,
    run,
    serving,
)
from redis import Redis, RedisError
from router.ids import IdMaker
from router.sessions.log import Message, decode_members, encode_log
from router.sessions.memory import Bounds, MemoryStore
from router.sessions.redis import RedisStore
from router.sessions.store import SessionKey

ROUTER = [sys.executable, "-m", "router"]
SESSIONS = 10_000
new_id = IdMaker()


def make_messages(count: int) -> list[Message]:
    """A session of that many messages, of a usual size."""
    roles = ("user", "assistant")
    return [Message(new_id(), roles[n % 2], "x" * 200, at=1) for n in range(count)]


def compare_with_cachetools(rounds: int) -> str:
    """A sliding read of one of 10,000 sessions of 20 messages."""
    log = encode_log(make_messages(20), new_id())
    keys = [SessionKey(f"user{n}", "s") for n in range(SESSIONS)]
    store = MemoryStore(bounds=Bounds(size=2**40))
    cache: TTLCache[SessionKey, tuple[bytes, ...]] = TTLCache(2 * SESSIONS, ttl=1800)
    for key in keys:
        store.merge(key, log)
        cache[key] = log.members
    asked = random.Random(1).sample(keys, 2000)

    def read_ours(use: Callable[[tuple[bytes, ...]], object]) -> None:
        for key in asked:
            use(store.slide(key).members)

    def read_theirs(use: Callable[[tuple[bytes, ...]], object]) -> None:
        for key in asked:
            members = cache[key]
            cache[key] = members  # a TTLCache slides only what is set again
            use(members)

    rows = []
    for title, use, wanted in (
        ("sliding read", len, "at least 1.5 x"),
        ("the same, and decoding 20 messages", decode_members, "-"),
    ):
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(rounds):
            for into, read in zip(times, (read_ours, read_theirs), strict=True):
                timer = Timer(partial(read, use))
                into.append(1e6 * min(timer.repeat(3, 1)) / len(asked))
        ratio = [b / a for a, b in zip(*times, strict=True)]
        mine, other = (describe(values, " us") for values in times)
        rows.append([title, mine, other, describe(ratio, " x"), wanted])
    head = ["10,000 sessions", "router's store", "TTLCache", "faster by", "wanted"]
    return make_table(head, rows)


def _talk(prefix: str, messages: int = 20) -> Callable[[int, int], bytes]:
    """Requests of sessions that begin anew when they have that many messages."""
    prefix = f"{prefix}{time.time_ns()}"
    template = make_request(session=("%s", "s")).replace(b"%s", b"%b")

    def make(worker: int, number: int) -> bytes:
        return template % f"{prefix}-{worker}-{number * 2 // messages}".encode()

    return make


async def measure_session_cost(rounds: int, seconds: float) -> str:
    """Turns a second with a session and without, offline responder, 32 connections.

    Beside the rate stands the router's CPU time, which neighbours on the machine
    disturb less.
    """
    port = free_port()
    request = make_request()
    rates: tuple[list[float], list[float]] = ([], [])
    costs: tuple[list[float], list[float]] = ([], [])
    with serving(ROUTER, port) as (pid, _):
        for number in range(rounds + 1):
            for into, cost, make in zip(
                rates, costs, (lambda *_: request, _talk("user")), strict=True
            ):
                used = measure_cpu(pid)
                rate, latencies = await measure_rate(port, seconds, make)
                if number:
                    into.append(rate)
                    cost.append(1e6 * (measure_cpu(pid) - used) / len(latencies))
    rows = []
    for title, (plain, other), keep, wanted in (
        ("requests/s", rates, lambda a, b: b / a, "at most 25 %"),
        ("CPU time of one, us", costs, lambda a, b: a / b, "-"),
    ):
        # Below zero in a round where others slowed down the side without sessions.
        lost = [100 * (1 - keep(*pair)) for pair in zip(plain, other, strict=True)]
        row = [title, describe(plain, digits=0), describe(other, digits=0)]
        rows.append([*row, describe(lost, " %", 1), wanted])
    head = ["32 connections", "no session", "a session in memory", "cost", "wanted"]
    return make_table(head, rows)


@contextmanager
def redis_server() -> Iterator[tuple[str, int]]:
    """A redis-server on a private port: its address and process id."""
    program = shutil.which("redis-server")
    if program is None:
        raise FileNotFoundError("redis-server is not installed")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [program, "--port", str(port), "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL,
        )
        try:
            url = f"redis://127.0.0.1:{port}"
            client = Redis.from_url(url)
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                with suppress(RedisError):
                    if client.ping():
                        break
                time.sleep(0.02)
            client.close()
            yield url, process.pid
        finally:
            process.kill()
            process.wait()


async def count_round_trips(turns: int, rounds: int) -> str:
    """What one turn asks of Redis, and how long that takes."""
    with redis_server() as (url, _):
        port = free_port()
        client = Redis.from_url(url, decode_responses=True)
        with serving(ROUTER, port, env={"REDIS_URL": url}):
            connection = await connect(port)
            await connection.ask(make_request(session=("warm", "up")))
            client.config_resetstat()
            for number in range(turns):
                session = ("alice", f"s{number // 10}")
                await connection.ask(make_request(session=session))
            connection.close()
            stats = client.info("commandstats")
        calls = stats["cmdstat_evalsha"]["calls"] / turns
        client.close()
        store = RedisStore(url)
        key = SessionKey("alice", "timed")
        loads: list[float] = []
        appends: list[float] = []
        for _ in range(rounds):
            await store.save(key, make_messages(20))
            for into, call in (
                (loads, lambda: store.load(key)),
                (appends, lambda: store.append(key, make_messages(1))),
            ):
                begun = time.perf_counter()
                for _ in range(100):
                    await call()
                into.append(1e6 * (time.perf_counter() - begun) / 100)
        await store.close()
    rows = [
        ["round trips a turn", f"{calls:.2f}", "3: load, question, reply"],
        ["append", describe(appends, " us", 0), "one round trip"],
        ["load of 20 messages", describe(loads, " us", 0), "one round trip"],
    ]
    return make_table(["on Redis", "measured", "wanted"], rows)


async def freeze_under_load(rounds: int) -> str:
    """Thirty-two users talk while Redis is frozen for four seconds and thawed."""
    phases = ["before", "first 0.5 s frozen", "rest of the freeze", "after the thaw"]
    slowest: dict[str, list[float]] = {phase: [] for phase in phases}
    middles: dict[str, list[float]] = {phase: [] for phase in phases}
    asked = failed = 0
    for _ in range(rounds):
        with redis_server() as (url, pid):
            port = free_port()
            with serving(ROUTER, port, env={"REDIS_URL": url}):
                answers = await _talk_while_frozen(port, pid)
        for phase in phases:
            times = [t for begun, t, _ in answers if _phase(begun, t) == phase]
            slowest[phase].append(1000 * max(times))
            middles[phase].append(1000 * statistics.median(times))
        asked += len(answers)
        failed += sum(status != 200 for _, _, status in answers)
    rows = [
        [phase, describe(middles[phase], " ms", 1), describe(slowest[phase], " ms", 0)]
        for phase in phases
    ]
    table = make_table(["Redis frozen under load", "median", "slowest"], rows)
    return f"{table}\n\n{asked:,} requests in {rounds} rounds, {failed} failed."


def _phase(begun: float, took: float) -> str:
    if begun + took < 2:
        return "before"
    if begun < 2.5:
        return "first 0.5 s frozen"
    return "rest of the freeze" if begun < 6 else "after the thaw"


async def _talk_while_frozen(port: int, pid: int) -> list[tuple[float, float, int]]:
    answers: list[tuple[float, float, int]] = []
    zero = time.perf_counter()

    async def talk(worker: int) -> None:
        make = _talk("frozen")
        connection = await connect(port)
        number = 0
        while (begun := time.perf_counter() - zero) < 9:
            _, took = await connection.ask(make(worker, number))
            answers.append((begun, took, connection.status))
            number += 1
            await asyncio.sleep(0.02)
        connection.close()

    async def disturb() -> None:
        await asyncio.sleep(2)
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(4)
        os.kill(pid, signal.SIGCONT)

    await asyncio.gather(disturb(), *(talk(worker) for worker in range(32)))
    return answers


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    options = parser.parse_args()
    rounds, seconds = (3, 1.0) if options.quick else (7, 3.0)
    print("### Beside cachetools\n")
    print(compare_with_cachetools(rounds), flush=True)
    print("\n### What a session costs\n")
    print(run(measure_session_cost(rounds, seconds)), flush=True)
    print("\n### On Redis\n")
    print(run(count_round_trips(200, rounds)), flush=True)
    print("\n### Redis frozen\n")
    print(run(freeze_under_load(1 if options.quick else 3)), flush=True)


if __name__ == "__main__":
    main()
