"""The rate limit: exact in memory and in Redis, and quick when Redis fails."""

import asyncio
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from backend.ratelimit import MemoryRateLimit, RateLimit, open_rate_limit
from backend.redis_ratelimit import TIMEOUT
from backend.settings import SettingsError
from backend_fakes import (
    PATIENCE,
    FakeRouter,
    backend_client,
    free_port,
    require_program,
)

pytestmark = pytest.mark.anyio


class Clock:
    """A clock that stands until it is moved."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class RedisServer:
    """A real redis-server on a private port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--dir", str(self._folder), "--logfile", "redis.log"]
        self.process = subprocess.Popen(command)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.01)
        raise TimeoutError("redis-server does not listen")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(autouse=True)
def long_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis that is well never times out, however busy the machine is."""
    monkeypatch.setattr("backend.redis_ratelimit.TIMEOUT", PATIENCE)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    require_program("redis-server")
    server = RedisServer(tmp_path)
    yield server
    server.stop()


def count_refused(redis: Redis) -> int:
    """How many of its probes a server has refused."""
    calls = redis.info("commandstats").get("cmdstat_evalsha", {})
    return int(calls.get("failed_calls", 0))


async def wait_for_store(limit: RateLimit, store: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while limit.store != store:
            await asyncio.sleep(0.01)


async def test_memory_allows_exactly_the_limit_in_any_minute() -> None:
    clock = Clock()
    limit = MemoryRateLimit(3, clock=clock)
    taken = []
    for second in range(0, 180, 5):
        clock.now = 1000.0 + second
        if await limit.take("ann") == 0:
            taken.append(second)
    assert taken == [0, 5, 10, 60, 65, 70, 120, 125, 130]


async def test_memory_says_how_long_to_wait_and_knows_users_apart() -> None:
    clock = Clock()
    limit = MemoryRateLimit(1, clock=clock)
    assert await limit.take("ann") == 0
    clock.now += 45
    assert await limit.take("ann") == 15
    assert await limit.take("ben") == 0


async def test_memory_forgets_idle_users_and_has_a_cap() -> None:
    clock = Clock()
    limit = MemoryRateLimit(5, clock=clock, users=100)
    for number in range(250):
        await limit.take(f"user {number}")
    assert len(limit._turns) == 100
    clock.now += 61
    await limit.take("ann")
    assert list(limit._turns) == ["ann"]


async def test_memory_at_its_cap_forgets_who_has_been_quiet_longest() -> None:
    limit = MemoryRateLimit(2, clock=Clock(), users=2)
    for user in ("ann", "ben", "ann", "cid"):
        await limit.take(user)
    assert await limit.take("ann") == 60


async def test_too_many_turns_are_429_with_the_seconds_to_wait() -> None:
    router, limit = FakeRouter(), MemoryRateLimit(2)
    async with backend_client(router, rate_limit=limit) as client:
        said = [await client.post("/api/chat", json={"message": "x"}) for _ in "123"]
        client.cookies.clear()
        other = await client.post("/api/chat", json={"message": "x"})
    assert [answer.status_code for answer in said] == [200, 200, 429]
    assert said[2].headers["Retry-After"] == "60"
    assert said[2].json()["error"]["retry_after"] == 60
    assert other.status_code == 200
    assert len(router.turns) == 3


async def test_refused_turns_do_not_count() -> None:
    async with backend_client(FakeRouter(), rate_limit=MemoryRateLimit(1)) as client:
        await client.get("/api/status")
        await client.post("/api/chat", json={"message": ""})
        answer = await client.post("/api/chat", json={"message": "x"})
    assert answer.status_code == 200


async def test_redis_counts_for_all_backends_together(redis: RedisServer) -> None:
    async with (
        open_rate_limit(redis.url, 3) as one,
        open_rate_limit(redis.url, 3) as two,
    ):
        waits = [await limit.take("ann") for limit in (one, two, one, two, one)]
        assert waits[:3] == [0, 0, 0]
        assert all(30 < wait <= 60 for wait in waits[3:])
        assert (await two.take("ben"), one.store, two.store) == (0, "redis", "redis")
    with Redis.from_url(redis.url) as looking:
        assert 30 < int(looking.ttl("rate:ann")) <= 61


async def test_a_frozen_redis_costs_one_short_wait_and_comes_back(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert TIMEOUT == 0.25
    timeout = 2.0  # a busy machine is late by less
    monkeypatch.setattr("backend.redis_ratelimit.TIMEOUT", timeout)
    async with open_rate_limit(redis.url, 3) as limit:
        assert await limit.take("ann") == 0
        redis.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        await asyncio.gather(*(limit.take(f"user {number}") for number in range(200)))
        assert time.monotonic() - began < 1.9 * timeout
        assert limit.store == "degraded"
        began = time.monotonic()
        waits = [await limit.take("ann") for _ in range(3)]
        assert time.monotonic() - began < timeout  # none of them waited
        assert waits[:2] == [0, 0]
        assert waits[2] > 30
        redis.process.send_signal(signal.SIGCONT)
        await wait_for_store(limit, "redis")
        assert await limit.take("ben") == 0


async def test_a_redis_that_comes_later_is_found(redis: RedisServer) -> None:
    redis.stop()
    async with open_rate_limit(redis.url, 1) as limit:
        await wait_for_store(limit, "degraded")
        assert await limit.take("ann") == 0
        assert await limit.take("ann") > 30
        redis.start()
        await wait_for_store(limit, "redis")
        assert await limit.take("ann") == 0


async def test_a_redis_that_refuses_writes_is_not_taken_for_well(
    redis: RedisServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("backend.redis_ratelimit.PAUSE", 0.01)
    async with open_rate_limit(redis.url, 3) as limit:
        await limit.take("ann")
        with Redis.from_url(redis.url) as full:
            full.config_set("maxmemory", 1)
            await limit.take("ann")
            async with asyncio.timeout(PATIENCE):
                while count_refused(full) < 3:  # it has looked for Redis again
                    await asyncio.sleep(0.01)
            assert limit.store == "degraded"
            assert len(caplog.messages) == 1
            full.config_set("maxmemory", 0)
        await wait_for_store(limit, "redis")


async def test_a_restart_of_redis_between_two_turns_is_not_noticed(
    redis: RedisServer,
) -> None:
    async with open_rate_limit(redis.url, 3) as limit:
        await limit.take("ann")
        redis.stop()
        redis.start()
        assert await limit.take("ann") == 0
        assert limit.store == "redis"


async def test_a_client_that_leaves_is_no_failure_of_redis(redis: RedisServer) -> None:
    async with open_rate_limit(redis.url, 3) as limit:
        await limit.take("ann")
        redis.process.send_signal(signal.SIGSTOP)
        leaving = asyncio.create_task(limit.take("ann"))
        for _ in range(10):
            await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait([leaving])
        assert leaving.cancelled()
        assert limit.store == "redis"
        redis.process.send_signal(signal.SIGCONT)
        assert await limit.take("ben") == 0


async def test_after_a_failover_turns_are_counted_in_redis_again(
    redis: RedisServer, tmp_path: Path
) -> None:
    (tmp_path / "new").mkdir()
    new = RedisServer(tmp_path / "new")
    targets = [redis.port]
    wires: set[asyncio.StreamWriter] = set()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def pass_on(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", targets[-1])
        wires.update((writer, back))
        await asyncio.gather(copy(reader, back), copy(there, writer))

    relay = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    url = f"redis://127.0.0.1:{relay.sockets[0].getsockname()[1]}/0"
    try:
        async with open_rate_limit(url, 5) as limit:
            assert (await limit.take("ann"), limit.store) == (0, "redis")
            Redis(port=redis.port).replicaof("127.0.0.1", new.port)
            assert (await limit.take("ann"), limit.store) == (0, "degraded")
            targets.append(new.port)
            await wait_for_store(limit, "redis")
            assert (await limit.take("ann"), limit.store) == (0, "redis")
    finally:
        relay.close()
        for wire in wires:
            wire.close()
        new.stop()


async def test_a_redis_that_will_never_do_is_a_mistake_in_the_settings(
    redis: RedisServer,
) -> None:
    Redis.from_url(redis.url).config_set("requirepass", "right")
    with pytest.raises(SettingsError, match="refuses the user or password"):
        async with open_rate_limit(redis.url, 5):
            pass
    right = redis.url.replace("//", "//:right@")
    with pytest.raises(SettingsError, match="use /0"):
        async with open_rate_limit(right.removesuffix("0") + "99", 5):
            pass
    async with open_rate_limit(right, 5) as limit:
        assert limit.store == "redis"
