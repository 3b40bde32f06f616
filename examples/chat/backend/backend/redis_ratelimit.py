"""Turns counted in Redis, and in memory at once whenever Redis fails."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import RedisError

from backend.ratelimit import MemoryRateLimit
from backend.settings import SettingsError

TIMEOUT = 0.25
PAUSE = 0.5
FAILURES = (RedisError, OSError, TimeoutError)

# The oldest of the last `limit` turns decides. Redis' own clock, so that several
# backends agree; one call, so that none comes in between.
TAKE = """
local limit = tonumber(ARGV[1])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
local oldest = redis.call('LINDEX', KEYS[1], -limit)
if oldest and now < oldest + 60 then
  return tostring(oldest + 60 - now)
end
redis.call('RPUSH', KEYS[1], string.format('%.6f', now))
redis.call('LTRIM', KEYS[1], -limit, -1)
redis.call('EXPIRE', KEYS[1], 61)
return '0'
"""

log = logging.getLogger("backend")


class RedisRateLimit:
    """Counted in Redis; while it fails, in memory at once and without asking it.

    The first failure costs a turn at most 0.25 s. After it a task of its own looks
    for Redis; turns never wait for that.
    """

    def __init__(self, redis: Redis, memory: MemoryRateLimit) -> None:
        self._redis = redis
        self._memory = memory
        self._script = redis.register_script(TAKE)
        self._failed = asyncio.Event()

    @property
    def store(self) -> str:
        return "degraded" if self._failed.is_set() else "redis"

    async def take(self, user: str) -> float:
        # Counted here as well, so that a failing Redis hands out no fresh allowance.
        in_memory = self._memory.count(user)
        if self._failed.is_set():
            return in_memory
        try:
            return await self._ask(user)
        except FAILURES as error:
            self._fail(error)
            return in_memory

    async def watch(self) -> None:
        """Look for Redis now, and whenever it has failed until it is back."""
        while True:
            try:
                async with asyncio.timeout(TIMEOUT):
                    # A Redis that is full or read-only answers PING all the same.
                    await self._redis.set("rate:probe", 1, px=1000)
            except FAILURES as error:
                self._fail(error)
            else:
                self._recover()
            await self._failed.wait()
            await asyncio.sleep(PAUSE)

    async def _ask(self, user: str) -> float:
        # A task that is left behind at the deadline: to cancel it and wait for that
        # can take the client as long again.
        asking = asyncio.ensure_future(
            self._script([f"rate:{user}"], [self._memory.limit])
        )
        asking.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            done, _ = await asyncio.wait([asking], timeout=TIMEOUT)
        finally:
            asking.cancel()
        if not done:
            raise TimeoutError
        return float(asking.result())

    def _fail(self, error: BaseException) -> None:
        if not self._failed.is_set():
            kind = type(error).__name__
            log.warning("rate limit: Redis fails (%s), counting in memory", kind)
            self._failed.set()

    def _recover(self) -> None:
        if self._failed.is_set():
            log.warning("rate limit: Redis answers again")
            self._failed.clear()


@asynccontextmanager
async def connect(
    url: str, *, memory: MemoryRateLimit
) -> AsyncIterator[RedisRateLimit]:
    """Count in the Redis at an address, there or not; raises SettingsError."""
    try:
        redis = Redis.from_pool(
            BlockingConnectionPool.from_url(
                url,
                max_connections=16,
                timeout=TIMEOUT,
                socket_timeout=TIMEOUT,
                socket_connect_timeout=TIMEOUT,
                # Once more at once: a connection may have idled through a restart.
                retry=Retry(NoBackoff(), 1, supported_errors=(NoConnection,)),
            )
        )
    except ValueError as error:
        raise SettingsError(f"REDIS_URL: {error}") from error
    rate_limit = RedisRateLimit(redis, memory)
    watch = asyncio.create_task(rate_limit.watch())
    try:
        yield rate_limit
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch
        await redis.aclose()
