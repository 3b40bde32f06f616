"""The store's promises, on a real redis-server that is frozen, killed and replaced.

`pytest -m chaos` runs all schedules, which takes about ten minutes; a few of them run
with the other tests.
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
from tests.servers import PATIENCE, RedisServer, Relay, find_redis

SCHEDULES = 500
FAILOVERS = 50
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
        behind = self._chance.uniform(-1, 1)
        ids = TaskIds(lambda: time.time() - behind)
        remote = RedisStore(self._url(), limits=self._limits, new_id=ids)
        store = RecoveringStore(remote)
        return Router(store, ids, asyncio.create_task(store.tend()))

    def _url(self) -> str:
        return self._server.url

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
        """Start Redis again and wait until every router is up to date."""
        self._server.thaw()
        self._server.kill()
        await asyncio.to_thread(self._server.start)
        await self._until_up_to_date()

    async def _until_up_to_date(self) -> None:
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


async def run_failovers(seed: int) -> None:
    """Two routers behind one address, whose Redis is replaced by its replica."""
    chance = random.Random(seed)
    with RedisServer(durable=True) as one, RedisServer(durable=True) as other:
        async with Relay(one) as relay:
            world = FailingOver(relay, [one, other], chance)
            books = {key: Book(key) for key in KEYS}
            wrong = asyncio.create_task(world.go_wrong())
            clients = [Client(world, books, chance) for _ in range(4)]
            await asyncio.gather(*(client.work(15, 0.05) for client in clients))
            world.calm = True
            await wrong
            await world.heal()
            await check_books(world, books)


class FailingOver(RealWorld):
    """Two servers, one of which replicates the other; now and then they change roles.

    A change loses nothing by itself: the replica has all that was acknowledged.
    """

    def __init__(
        self, relay: Relay, servers: list[RedisServer], chance: random.Random
    ) -> None:
        self._relay = relay
        self._servers = servers
        super().__init__(servers[0], chance, count=2)

    def _url(self) -> str:
        return self._relay.url

    async def go_wrong(self) -> None:
        while not self.calm:
            primary, replica = self._servers
            replica.command(f"REPLICAOF 127.0.0.1 {primary.port}")
            await self._until_in_step(replica)
            await asyncio.sleep(self._chance.uniform(0, 0.3))
            await asyncio.to_thread(self._change_roles, primary, replica)
            await asyncio.sleep(self._chance.uniform(0, 0.5))
            self._relay.target = replica
            if self._chance.random() < 0.5:
                self._relay.cut()
            self._servers = [replica, primary]
            self._server = replica

    def _change_roles(self, primary: RedisServer, replica: RedisServer) -> None:
        # Nothing is written any more; what was, arrives.
        primary.command("CLIENT PAUSE 10000 WRITE")
        deadline = time.monotonic() + PATIENCE
        while _read_offset(primary) != _read_offset(replica):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        replica.command("REPLICAOF NO ONE")
        primary.command(f"REPLICAOF 127.0.0.1 {replica.port}")
        primary.command("CLIENT UNPAUSE")

    async def _until_in_step(self, replica: RedisServer) -> None:
        deadline = time.monotonic() + PATIENCE
        while b"master_link_status:up" not in replica.command("INFO replication"):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)

    async def heal(self) -> None:
        await self._until_up_to_date()


def _read_offset(server: RedisServer) -> bytes:
    info = server.command("INFO replication")
    name = b"slave_repl_offset:" if b"role:slave" in info else b"master_repl_offset:"
    return info.split(name)[1].split()[0]


async def test_a_failover_loses_nothing() -> None:
    find_redis()
    await run_failovers(0)


@pytest.mark.chaos
@pytest.mark.parametrize("seed", range(1, FAILOVERS))
async def test_many_failovers_lose_nothing(seed: int) -> None:
    find_redis()
    await run_failovers(seed)
