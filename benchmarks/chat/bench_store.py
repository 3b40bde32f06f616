"""The session store: next to cachetools, its cost in requests, on Redis, and frozen."""

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
from contextlib import closing, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from timeit import Timer
from typing import Any

from cachetools import TTLCache
from load import (
    connect,
    free_port,
    make_request,
    measure_cpu,
    measure_rate,
    run,
    serving,
)
from redis import Redis, RedisError
from router.ids import IdMaker
from router.sessions.log import Member, Message, make_change
from router.sessions.memory import Bounds, MemoryStore
from router.sessions.redis import RedisStore
from router.sessions.store import SessionKey

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.table import (  # noqa: E402
    Limit,
    Row,
    describe,
    divide,
    name_peer,
    report,
)

ROUTER = [sys.executable, "-m", "router"]
SESSIONS = 10_000
PHASES = ("before", "first 0.5 s frozen", "rest of the freeze", "after the thaw")
new_id = IdMaker()


def make_messages(count: int) -> list[Message]:
    """A session of that many messages, of a usual size."""
    roles = ("user", "assistant")
    return [Message(new_id(), roles[n % 2], "x" * 200, at=1) for n in range(count)]


def compare_with_cachetools(rounds: int) -> list[Row]:
    """A sliding read of one of 10,000 sessions of 20 messages."""
    log = make_change(make_messages(20), new_id())
    keys = [SessionKey(f"user{n}", "s") for n in range(SESSIONS)]
    store = MemoryStore(bounds=Bounds(size=2**40))
    cache: TTLCache[SessionKey, tuple[Member, ...]] = TTLCache(2 * SESSIONS, ttl=1800)
    for key in keys:
        store.merge(key, log)
        cache[key] = log.members
    asked = random.Random(1).sample(keys, 2000)

    def read_ours() -> None:
        for key in asked:
            store.slide(key)

    def read_theirs() -> None:
        for key in asked:
            # A TTLCache slides only what is set again.
            cache[key] = cache[key]

    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(rounds):
        for into, read in ((ours, read_ours), (theirs, read_theirs)):
            into.append(1e6 * min(Timer(read).repeat(3, 1)) / len(asked))
    faster = divide(theirs, ours)
    return [
        Row(
            figure="sliding read: how much faster",
            ours=describe(ours, " us"),
            beside=name_peer(f"cachetools {version('cachetools')}", theirs, " us"),
            ratio=describe(faster),
            times=f"{rounds} rounds",
            **Limit(value=1.5, is_floor=True).judge(faster),
        )
    ]


def _talk(prefix: str, messages: int = 20) -> Callable[[int, int], bytes]:
    """Requests whose session is followed by a new one after that many messages."""
    prefix = f"{prefix}{time.time_ns()}"
    template = make_request(session=("%s", "s")).replace(b"%s", b"%b")

    def make(worker: int, number: int) -> bytes:
        return template % f"{prefix}-{worker}-{number * 2 // messages}".encode()

    return make


async def measure_session_cost(rounds: int, seconds: float) -> list[Row]:
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
    for title, (plain, other), keep, limit in (
        ("requests/s", rates, lambda a, b: b / a, Limit(value=15, unit=" %")),
        ("CPU time of one, us", costs, lambda a, b: a / b, None),
    ):
        # Below zero in a round where others slowed down the side without sessions.
        lost = [100 * (1 - keep(*pair)) for pair in zip(plain, other, strict=True)]
        rows.append(
            Row(
                figure=f"a session in memory: {title}",
                ours=describe(other, digits=0),
                beside=name_peer("no session", plain, "", 0),
                ratio=f"{describe(lost, ' %', 1)} lost",
                times=f"{rounds} rounds of {seconds:g} s",
                **(limit.judge(lost) if limit else {}),
            )
        )
    return rows


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


async def count_round_trips(turns: int, rounds: int) -> list[Row]:
    """What one turn asks of Redis, and how long that takes."""
    with (
        redis_server() as (url, _),
        closing(Redis.from_url(url, decode_responses=True)) as client,
    ):
        calls = await _count_calls_of_turns(url, client, turns)
        timed = await _time_calls(url, client, rounds)
    return [
        Row(
            figure="round trips to Redis a turn: question with load, reply",
            ours=f"{calls:.2f}",
            times=f"{turns} turns",
            **Limit(value=2).judge([calls]),
        ),
        *(
            Row(
                figure=f"{name}: round trips",
                ours=describe(trips),
                beside=f"each took {describe(took, ' us', 0)}",
                times=f"{rounds} rounds of 100",
                **Limit(value=1).judge(trips),
            )
            for name, (took, trips) in timed.items()
        ),
    ]


async def _count_calls_of_turns(url: str, client: Any, turns: int) -> float:
    """How many scripts the router runs on Redis for a turn."""
    port = free_port()
    with serving(ROUTER, port, env={"REDIS_URL": url}):
        connection = await connect(port)
        await connection.ask(make_request(session=("warm", "up")))
        client.config_resetstat()
        for number in range(turns):
            session = ("alice", f"s{number // 10}")
            await connection.ask(make_request(session=session))
        connection.close()
        return _count_scripts(client) / turns


async def _time_calls(
    url: str, client: Any, rounds: int
) -> dict[str, tuple[list[float], list[float]]]:
    """Microseconds and scripts of one call of the store, a figure for each round."""
    store = RedisStore(url)
    key = SessionKey("alice", "timed")
    asked = {
        "loading 20 messages from Redis": lambda: store.load(key),
        "appending a message on Redis": lambda: store.append(key, make_messages(1)),
    }
    timed: dict[str, tuple[list[float], list[float]]] = {n: ([], []) for n in asked}
    for _ in range(rounds):
        await store.save(key, make_messages(20))
        for name, call in asked.items():
            took, trips = timed[name]
            client.config_resetstat()
            begun = time.perf_counter()
            for _ in range(100):
                await call()
            took.append(1e6 * (time.perf_counter() - begun) / 100)
            trips.append(_count_scripts(client) / 100)
    await store.close()
    return timed


def _count_scripts(client: Any) -> int:
    calls: int = client.info("commandstats")["cmdstat_evalsha"]["calls"]
    return calls


async def freeze_under_load(rounds: int) -> list[Row]:
    """Thirty-two users talk while Redis is frozen for four seconds and thawed."""
    slowest: dict[str, list[float]] = {phase: [] for phase in PHASES}
    middles: dict[str, list[float]] = {phase: [] for phase in PHASES}
    asked = failed = 0
    for _ in range(rounds):
        with redis_server() as (url, pid):
            port = free_port()
            with serving(ROUTER, port, env={"REDIS_URL": url}):
                answers = await _talk_while_frozen(port, pid)
        for phase in PHASES:
            times = [t for begun, t, _ in answers if _phase(begun, t) == phase]
            slowest[phase].append(1000 * max(times))
            middles[phase].append(1000 * statistics.median(times))
        asked += len(answers)
        failed += sum(status != 200 for _, _, status in answers)
    slower = [
        frozen - before
        for frozen, before in zip(slowest[PHASES[1]], slowest[PHASES[0]], strict=True)
    ]
    words = f"{rounds} rounds"
    return [
        *(
            Row(
                figure=f"Redis frozen under load, {phase}: slowest answer",
                ours=describe(slowest[phase], " ms", 0),
                beside=name_peer("its median", middles[phase], " ms", 1),
                times=words,
            )
            for phase in PHASES
        ),
        Row(
            figure="Redis frozen: slowest answer, more than before",
            ours=describe(slower, " ms", 0),
            times=words,
            **Limit(value=500, unit=" ms").judge(slower),
        ),
        Row(
            figure="Redis frozen: answers that failed",
            ours=f"{failed} of {asked:,}",
            times=words,
            **Limit(value=0).judge([failed]),
        ),
    ]


def _phase(begun: float, took: float) -> str:
    if begun + took < 2:
        return PHASES[0]
    if begun < 2.5:
        return PHASES[1]
    return PHASES[2] if begun < 6 else PHASES[3]


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
    """Hand over the groups, each as soon as it is measured."""
    is_quick = "--quick" in sys.argv
    rounds, seconds = (2, 1.0) if is_quick else (7, 3.0)
    title = "The session store"
    report(f"{title}: in memory", compare_with_cachetools(rounds))
    cost = run(measure_session_cost(rounds, seconds))
    report(f"{title}: what a session costs, 32 connections", cost)
    report(f"{title}: on Redis", run(count_round_trips(200, rounds)))
    report(f"{title}: in an outage", run(freeze_under_load(1 if is_quick else 3)))


if __name__ == "__main__":
    main()
