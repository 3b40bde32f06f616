"""The store's promises, on a thousand random schedules in simulated time."""

import asyncio
import random
from collections.abc import Sequence

import pytest

from router.sessions.log import Limits
from router.sessions.memory import Bounds
from router.sessions.recovering import RecoveringStore
from router.sessions.store import Session, SessionKey
from tests.fakes import Clock, SimulatedLoop, SimulatedRedis, SimulatedRemote
from tests.model import KEYS, Book, Client, Router, TaskIds, check_books

SCHEDULES = 1000
BATCHES = 10


class SimulatedWorld:
    """Routers and one Redis in simulated time, with everything that can go wrong."""

    longest_delay = 0.5

    def __init__(
        self, clock: Clock, chance: random.Random, routers: int, lifetime: float
    ) -> None:
        self.lifetime = lifetime
        self._clock = clock
        self._chance = chance
        limits = Limits(lifetime=lifetime, messages=10_000, size=10_000_000)
        self.redis = SimulatedRedis(clock, limits, chance)
        self._remotes: list[SimulatedRemote] = []
        self._skews = [chance.uniform(0, 0.9) for _ in range(routers)]
        self._room = 2 if chance.random() < 0.1 else 1000
        self._routers: list[Router] = [self._start(n) for n in range(routers)]
        self._can_restart = routers > 1 or lifetime > 1000

    @property
    def routers(self) -> Sequence[Router]:
        return self._routers

    def now(self) -> float:
        return self._clock.now

    async def read_truth(self, key: SessionKey) -> Session | None:
        return await self.redis.store.load(key)

    def _start(self, number: int) -> Router:
        ids = TaskIds(lambda: 1.7e9 + self._clock.now + self._skews[number])
        remote = SimulatedRemote(self.redis, ids)
        self._remotes[number : number + 1] = [remote]
        outbox = Bounds(sessions=self._room, evict=False)
        store = RecoveringStore(remote, clock=self._clock, outbox=outbox)
        return Router(store, ids, asyncio.create_task(store.tend()))

    async def go_wrong(self) -> None:
        """Outages of every kind, one after the other, until cancelled."""
        outages = [self._freeze, self._refuse, self._lose_answers, self._cut_off]
        while True:
            await asyncio.sleep(self._chance.expovariate(1 / 3))
            await self._chance.choice(outages)(self._chance.uniform(0.1, 12))
            if self._can_restart and self._chance.random() < 0.15:
                self._restart(self._chance.randrange(len(self._routers)))

    async def _freeze(self, seconds: float) -> None:
        self.redis.freeze()
        await asyncio.sleep(seconds)
        self.redis.thaw()

    async def _refuse(self, seconds: float) -> None:
        self.redis.refuses = True
        await asyncio.sleep(seconds)
        self.redis.refuses = False

    async def _lose_answers(self, seconds: float) -> None:
        self.redis.loses_answers = 0.5
        await asyncio.sleep(seconds)
        self.redis.loses_answers = 0.0

    async def _cut_off(self, seconds: float) -> None:
        remote = self._chance.choice(self._remotes)
        remote.cut_off = True
        await asyncio.sleep(seconds)
        remote.cut_off = False

    def _restart(self, number: int) -> None:
        router = self._routers[number]
        router.dead = True
        router.tending.cancel()
        self._routers[number] = self._start(number)

    async def heal(self) -> None:
        """End all outages and wait until every router is up to date."""
        self.redis.thaw()
        self.redis.refuses = False
        self.redis.loses_answers = 0.0
        for remote in self._remotes:
            remote.cut_off = False
        await asyncio.sleep(3)
        for router in self._routers:
            status = router.store.status()
            assert (status.mode, status.unsynced) == ("redis", 0)
            router.tending.cancel()


async def run_schedule(clock: Clock, seed: int) -> SimulatedWorld:
    chance = random.Random(seed)
    random.seed(seed)
    routers = 1 + seed % 2
    # With one router also lives so short that sessions end while it is cut off.
    lifetime = chance.choice((30.0, 3600.0)) if routers == 1 else 3600.0
    world = SimulatedWorld(clock, chance, routers, lifetime)
    books = {key: Book(key) for key in KEYS}
    wrong = asyncio.create_task(world.go_wrong())
    clients = [Client(world, books, chance) for _ in range(3)]
    # Where sessions may end, some pauses are so long that they do.
    pause = chance.choice((0.3, 2.0, 15.0 if lifetime < 1000 else 5.0))
    await asyncio.gather(*(client.work(10, pause) for client in clients))
    wrong.cancel()
    await world.heal()
    await check_books(world, books)
    if lifetime < 1000:
        await asyncio.sleep(lifetime + world.longest_delay)
        await check_books(world, books)
    return world


@pytest.mark.parametrize("batch", range(BATCHES))
def test_promises_hold_on_random_schedules(batch: int) -> None:
    for seed in range(batch, SCHEDULES, BATCHES):
        clock = Clock()
        loop = SimulatedLoop(clock)
        try:
            loop.run_until_complete(run_schedule(clock, seed))
        except Exception as error:
            raise AssertionError(f"schedule {seed}: {error}") from error
        finally:
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()
