"""The chooser: how it leaves Redis, what it does without, and how it comes back."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeVar

import pytest

from router.sessions import tended
from router.sessions.log import Limits, Log, Message
from router.sessions.memory import Bounds
from router.sessions.recovering import RecoveringStore
from router.sessions.redis import RedisStore
from router.sessions.store import Durability, SessionKey, StoreFull, StoreUnavailable
from tests.fakes import Clock, SimulatedLoop, SimulatedRedis, SimulatedRemote
from tests.model import TaskIds
from tests.servers import PATIENCE, RedisServer

KEY = SessionKey("alice", "one")
LIMITS = Limits(lifetime=100)
FREEZE = 2.0
"""The timeout of a Redis that gets frozen: a busy machine is late by less."""

T = TypeVar("T")


class Bench:
    """A chooser on a simulated Redis, in simulated time."""

    def __init__(self, clock: Clock, outbox: Bounds | None = None) -> None:
        self.clock = clock
        self.redis = SimulatedRedis(clock, LIMITS, random.Random(1))
        self.redis.latency = 0.002
        self.remote = SimulatedRemote(self.redis, TaskIds(clock))
        outbox = outbox or Bounds(evict=False)
        self.store = RecoveringStore(self.remote, clock=clock, outbox=outbox)

    def make(self, content: str, role: str = "user") -> Message:
        return Message(self.store.new_id(), role, content, at=1)

    async def contents(self, key: SessionKey = KEY) -> list[str]:
        session = await self.store.load(key)
        return [message.content for message in session.messages] if session else []

    async def in_redis(self, key: SessionKey = KEY) -> list[str]:
        session = await self.redis.store.load(key)
        return [message.content for message in session.messages] if session else []

    async def come_back(self) -> None:
        self.redis.thaw()
        self.redis.refuses = False
        await self.store.probe()


def simulate(work: Callable[[Bench], Coroutine[None, None, T]], **bounds: int) -> T:
    clock = Clock()
    loop = SimulatedLoop(clock)

    async def run() -> T:
        outbox = Bounds(evict=False, **bounds) if bounds else None
        return await work(Bench(clock, outbox))

    try:
        return loop.run_until_complete(run())
    finally:
        loop.close()


def test_only_the_first_call_of_an_outage_waits() -> None:
    async def work(bench: Bench) -> None:
        await bench.store.append(KEY, [bench.make("a")])
        bench.redis.freeze()
        begun = bench.clock.now
        assert await bench.store.append(KEY, [bench.make("b")]) == "degraded"
        assert bench.clock.now - begun <= 0.26
        begun, calls = bench.clock.now, bench.remote.calls
        for _ in range(5):
            assert await bench.contents() == ["a", "b"]
            assert await bench.store.exists(KEY)
            assert not await bench.store.ping()
        assert bench.clock.now == begun
        assert bench.remote.calls == calls
        await bench.come_back()
        assert await bench.in_redis() == ["a", "b"]
        assert bench.store.status().unsynced == 0

    simulate(work)


def test_what_was_only_read_during_an_outage_lives_on_too() -> None:
    async def work(bench: Bench) -> None:
        await bench.store.append(KEY, [bench.make("a")])
        bench.redis.refuses = True
        await asyncio.sleep(60)
        assert await bench.contents() == ["a"]
        await asyncio.sleep(60)
        assert await bench.contents() == ["a"]
        assert await bench.in_redis() == []
        await bench.come_back()
        assert await bench.in_redis() == ["a"]

    simulate(work)


def test_a_session_gets_back_only_the_life_that_it_has_left() -> None:
    async def work(bench: Bench) -> None:
        bench.redis.refuses = True
        await bench.store.append(KEY, [bench.make("a")])
        await asyncio.sleep(90)
        await bench.come_back()
        await asyncio.sleep(9)
        assert await bench.redis.store.exists(KEY)
        await asyncio.sleep(2)
        assert not await bench.redis.store.exists(KEY)

    simulate(work)


def test_what_expired_during_an_outage_stays_away() -> None:
    async def work(bench: Bench) -> None:
        await bench.store.append(KEY, [bench.make("a")])
        bench.redis.refuses = True
        await bench.store.append(KEY, [bench.make("b")])
        await asyncio.sleep(101)
        assert await bench.contents() == []
        await bench.come_back()
        assert await bench.in_redis() == []
        assert bench.store.status().unsynced == 0

    simulate(work)


def test_a_delete_during_an_outage_keeps_what_others_wrote_later() -> None:
    async def work(bench: Bench) -> None:
        other = RecoveringStore(
            SimulatedRemote(bench.redis, bench.store.new_id), clock=bench.clock
        )
        await other.append(KEY, [bench.make("old")])
        bench.remote.cut_off = True
        assert await bench.store.delete(KEY) == "degraded"
        await other.append(KEY, [bench.make("new")])
        bench.remote.cut_off = False
        await bench.come_back()
        assert await bench.in_redis() == ["new"]

    simulate(work)


def test_the_mirror_does_not_outlive_redis() -> None:
    async def work(bench: Bench) -> None:
        bench.redis.freeze()
        loading = asyncio.create_task(bench.store.append(KEY, [bench.make("a")]))
        await asyncio.sleep(0.2)
        bench.redis.thaw()
        assert await loading == "redis"
        assert bench.store._mirror.remaining(KEY) <= LIMITS.lifetime - 0.2

    simulate(work)


def test_a_full_outbox_refuses_and_nothing_is_half_stored() -> None:
    async def work(bench: Bench) -> None:
        bench.redis.refuses = True
        await bench.store.append(KEY, [bench.make("a")])
        other = SessionKey("bob", "one")
        with pytest.raises(StoreFull):
            await bench.store.append(other, [bench.make("b")])
        with pytest.raises(StoreFull):
            await bench.store.delete(other)
        assert await bench.contents(other) == []
        assert bench.store.status().unsynced == 1
        await bench.come_back()
        assert await bench.store.append(other, [bench.make("b")]) == "redis"

    simulate(work, sessions=1)


def test_a_read_that_overlaps_a_failed_write_shows_the_write() -> None:
    class SlowReads(SimulatedRemote):
        async def read(self, key: SessionKey) -> tuple[Log, Durability]:
            answer = await super().read(key)
            await asyncio.sleep(1)
            return answer

    async def work(bench: Bench) -> None:
        remote = SlowReads(bench.redis, bench.store.new_id)
        store = RecoveringStore(remote, clock=bench.clock)
        await store.append(KEY, [bench.make("a")])
        loading = asyncio.create_task(store.load(KEY))
        await asyncio.sleep(0.5)
        remote.cut_off = True
        assert await store.append(KEY, [bench.make("b")]) == "degraded"
        session = await loading
        assert session is not None
        assert [message.content for message in session.messages] == ["a", "b"]
        assert session.durability == "degraded"

    simulate(work)


def test_a_session_that_redis_does_not_have_yet_is_answered_from_here() -> None:
    async def work(bench: Bench) -> None:
        bench.redis.refuses = True
        keys = [SessionKey("alice", str(number)) for number in range(50)]
        for key in keys:
            await bench.store.append(key, [bench.make("a")])
        bench.redis.refuses = False
        coming_back = asyncio.create_task(bench.store.probe())
        await asyncio.sleep(0.05)
        status = bench.store.status()
        assert status.mode == "degraded"
        assert 0 < status.unsynced < 50
        for key in reversed(keys):
            assert await bench.store.exists(key)
            assert await bench.contents(key) == ["a"]
        await coming_back
        status = bench.store.status()
        assert (status.mode, status.unsynced) == ("redis", 0)

    simulate(work)


def test_what_is_unsynced_lives_on_while_it_is_read() -> None:
    async def work(bench: Bench) -> None:
        store = RecoveringStore(
            bench.remote, clock=bench.clock, mirror=Bounds(sessions=1)
        )
        bench.redis.refuses = True
        other = SessionKey("bob", "one")
        for key in (KEY, other):
            await store.append(key, [bench.make("a")])
        for _ in range(3):
            await asyncio.sleep(60)
            assert await store.load(KEY) is not None
        assert await store.load(other) is None
        bench.redis.refuses = False
        await store.probe()
        assert await bench.in_redis() == ["a"]

    simulate(work)


def test_what_is_added_while_a_session_is_brought_back_is_not_lost() -> None:
    async def work(bench: Bench) -> None:
        bench.redis.latency = 0.1
        bench.redis.refuses = True
        await bench.store.append(KEY, [bench.make("0")])
        bench.redis.refuses = False
        coming_back = asyncio.create_task(bench.store.probe())
        for number in range(1, 20):
            await asyncio.sleep(0.01)
            await bench.store.append(KEY, [bench.make(str(number))])
        await coming_back
        assert await bench.in_redis() == [str(number) for number in range(20)]

    simulate(work)


def test_nothing_but_a_cancel_ends_the_looking_after() -> None:
    class Odd(SimulatedRemote):
        async def _call(self, work: Callable[[], Awaitable[T]]) -> T:
            if self.calls == 0:
                self.calls += 1
                raise ZeroDivisionError("nobody thought of this")
            return await super()._call(work)

    async def work(bench: Bench) -> None:
        remote = Odd(bench.redis, bench.store.new_id)
        store = RecoveringStore(remote, clock=bench.clock)
        tending = asyncio.create_task(store.tend())
        await asyncio.sleep(5)
        assert not tending.done()
        assert remote.calls > 3
        tending.cancel()

    simulate(work)


async def wait_for_mode(store: RecoveringStore, mode: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while store.status().mode != mode:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_an_outage_is_noticed_without_any_request(redis_url: str) -> None:
    with RedisServer() as server:
        store = RecoveringStore(RedisStore(server.url, timeout=PATIENCE))
        async with tended(store):
            assert store.status().mode == "redis"
            assert (store.status().last_ok_ms or 0) < 1000 * PATIENCE
            server.kill()
            await wait_for_mode(store, "degraded")


async def test_a_frozen_redis_costs_one_call_its_timeout() -> None:
    with RedisServer() as server:
        assert RedisStore(server.url)._timeout == 0.25
        store = RecoveringStore(RedisStore(server.url, timeout=FREEZE))
        message = Message(store.new_id(), "user", "a", at=1)
        await store.append(KEY, [message])
        server.freeze()
        begun = time.monotonic()
        keys = [SessionKey("alice", str(number)) for number in range(40)]
        await asyncio.gather(*(store.load(key) for key in keys))
        assert 0.8 * FREEZE < time.monotonic() - begun < 1.8 * FREEZE
        begun = time.monotonic()
        assert await store.load(KEY) is not None
        assert time.monotonic() - begun < FREEZE
        server.thaw()
        await store.probe()
        assert store.status().mode == "redis"
        await store.close()


async def test_stale_connections_are_not_an_outage() -> None:
    with RedisServer(durable=True) as server:
        store = RecoveringStore(RedisStore(server.url, timeout=PATIENCE))
        messages = [Message(store.new_id(), "user", "a", at=1)]
        await asyncio.gather(*(store.append(KEY, messages) for _ in range(4)))
        server.kill()
        server.start()
        session = await store.load(KEY)
        assert session is not None
        assert session.durability == "redis"
        await store.close()


async def test_a_redis_that_refuses_writes_is_not_taken_for_well() -> None:
    with RedisServer() as server:
        store = RecoveringStore(RedisStore(server.url, timeout=PATIENCE))
        server.command("CONFIG SET min-replicas-to-write 1")
        assert not await store.ping()
        assert store.status().mode == "degraded"
        message = Message(store.new_id(), "user", "a", at=1)
        assert await store.append(KEY, [message]) == "degraded"
        with pytest.raises(StoreUnavailable):
            await store.probe()
        server.command("CONFIG SET min-replicas-to-write 0")
        await store.probe()
        assert store.status().unsynced == 0
        assert await store.exists(KEY)
        await store.close()


async def test_what_is_unsynced_lands_when_the_store_is_closed() -> None:
    with RedisServer(durable=True) as server:
        store = RecoveringStore(RedisStore(server.url, timeout=PATIENCE))
        server.kill()
        message = Message(store.new_id(), "user", "a", at=1)
        assert await store.append(KEY, [message]) == "degraded"
        server.start()
        await store.close()
        again = RedisStore(server.url, timeout=PATIENCE)
        assert await again.exists(KEY)
        await again.close()


async def test_a_corrupt_session_does_not_keep_the_others_from_coming_back() -> None:
    with RedisServer(durable=True) as server:
        remote = RedisStore(server.url, timeout=FREEZE)
        store = RecoveringStore(remote)
        server.command(f"SET {remote._keys(KEY)[0]} nonsense")
        server.freeze()
        other = SessionKey("bob", "one")
        for key in (KEY, other):
            await store.append(key, [Message(store.new_id(), "user", "a", at=1)])
        server.thaw()
        await asyncio.wait_for(store.probe(), PATIENCE)
        assert store.status().unsynced == 0
        for key in (KEY, other):
            assert await remote.exists(key)
        assert (await store.get_stats()).corrupt == 1
        await store.close()


async def test_a_wrong_password_is_said_and_not_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with RedisServer() as server:
        server.command("CONFIG SET requirepass right")
        store = RecoveringStore(
            RedisStore(
                server.url.replace("//", "//:canary-password@"), timeout=PATIENCE
            )
        )
        assert not await store.ping()
        assert (
            store.status().reason == "Redis refuses the user or password in REDIS_URL"
        )
        assert "canary" not in caplog.text
        await store.close()
