"""The store's promises, on a real redis-server that is frozen, killed and restarted.

`pytest -m chaos` runs all schedules, which takes about a minute; a few of them run with
the other tests.
"""

import asyncio
import random
import time
from collections.abc import Sequence

import pytest

from router.sessions.log import Limits
from router.sessions.recovering import RecoveringStore
from router.sessions.redis import RedisStore
from router.sessions.store import Session, SessionKey
from tests.model import KEYS, Book, Client, Router, TaskIds, check_books
from tests.servers import PATIENCE, RedisServer, find_redis

SCHEDULES = 50
ALWAYS = 2


class RealWorld:
    """Routers and a real redis-server, which keeps on disk what it has answered."""

    lifetime = 3600.0
    longest_delay = 1.0

    def __init__(self, server: RedisServer, chance: random.Random, count: int) -> None:
        self.calm = False
        self._dead: list[Router] = []
        self._server = server
        self._chance = chance
        self._limits = Limits(lifetime=self.lifetime, messages=10_000)
        self._routers = [self._start() for _ in range(count)]

    @property
    def routers(self) -> Sequence[Router]:
        return self._routers

    def now(self) -> float:
        return time.monotonic()

    async def read_truth(self, key: SessionKey) -> Session | None:
        store = RedisStore(self._server.url, limits=self._limits, timeout=PATIENCE)
        session = await store.load(key)
        await store.close()
        return session

    def _start(self) -> Router:
        ids = TaskIds(time.time)
        remote = RedisStore(self._server.url, limits=self._limits, new_id=ids)
        store = RecoveringStore(remote)
        return Router(store, ids, asyncio.create_task(store.tend()))

    async def go_wrong(self) -> None:
        """Outages, one after the other, until it is to be calm."""
        while not self.calm:
            await asyncio.sleep(self._chance.uniform(0.05, 0.4))
            if self._chance.random() < 0.6:
                self._server.freeze()
                await asyncio.sleep(self._chance.uniform(0.01, 0.8))
                self._server.thaw()
            else:
                self._server.kill()
                await asyncio.sleep(self._chance.uniform(0, 0.5))
                await asyncio.to_thread(self._server.start)
            if len(self._routers) > 1 and self._chance.random() < 0.2:
                self._routers[0].dead = True
                self._routers[0].tending.cancel()
                self._dead.append(self._routers[0])
                self._routers[0] = self._start()

    async def heal(self) -> None:
        """Start Redis once more and wait until every router is up to date."""
        self._server.thaw()
        self._server.kill()
        await asyncio.to_thread(self._server.start)
        deadline = time.monotonic() + PATIENCE
        for router in self._routers:
            while router.store.status().unsynced or not await router.store.ping():
                assert time.monotonic() < deadline, "a router never came back"
                await asyncio.sleep(0.05)
        for router in self._routers:
            router.tending.cancel()
            await router.store.close()
        for router in self._dead:
            await router.store._remote.close()  # its outbox died with it


async def run_schedule(seed: int) -> None:
    chance = random.Random(seed)
    with RedisServer(durable=True) as server:
        world = RealWorld(server, chance, count=1 + seed % 2)
        books = {key: Book(key) for key in KEYS}
        wrong = asyncio.create_task(world.go_wrong())
        clients = [Client(world, books, chance) for _ in range(4)]
        await asyncio.gather(*(client.work(20, 0.05) for client in clients))
        world.calm = True
        await wrong
        await world.heal()
        await check_books(world, books)


@pytest.mark.parametrize("seed", range(ALWAYS))
async def test_promises_hold_while_a_real_redis_fails(seed: int) -> None:
    find_redis()
    await run_schedule(seed)


@pytest.mark.chaos
@pytest.mark.parametrize("seed", range(ALWAYS, SCHEDULES))
async def test_promises_hold_on_many_more_schedules(seed: int) -> None:
    find_redis()
    await run_schedule(seed)
