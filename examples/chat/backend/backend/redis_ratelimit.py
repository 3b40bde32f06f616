"""Turns counted in Redis, and in memory at once whenever Redis fails."""

import asyncio
import logging
import re
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
SETTINGS = {
    r"\b(MOVED|ASK|CROSSSLOT)\b": (
        "REDIS_URL leads to one node of a Redis Cluster: use a Redis without cluster "
        "mode"
    ),
    r"NOAUTH|WRONGPASS|Client sent AUTH|invalid (username|password)": (
        "Redis refuses the user or password in REDIS_URL"
    ),
    r"NOPERM|no permissions|can't (run this command|access)": (
        "the Redis user in REDIS_URL lacks rights: allow the keys ~rate:*, and the "
        "commands of @read, @write, @scripting and time"
    ),
    r"unknown command": "what REDIS_URL leads to does not know a command: use Redis 5",
    r"invalid DB index|DB index is out of range|Invalid Database": (
        "REDIS_URL names a database that Redis does not have: use /0"
    ),
}

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
                await self.look()
            except FAILURES as error:
                self._fail(error)
            else:
                self._recover()
            await self._failed.wait()
            # The address may lead to another Redis by now: connect to it again.
            with suppress(*FAILURES):
                pool = self._redis.connection_pool
                await pool.disconnect(inuse_connections=False)
            await asyncio.sleep(PAUSE)

    async def look(self) -> None:
        """Count as a turn would be counted; raises what Redis raises."""
        # A Redis that is full or read-only answers PING all the same.
        async with asyncio.timeout(TIMEOUT):
            await self._script(["rate:probe"], [1000])

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
            words = explain(error) or f"Redis fails ({type(error).__name__})"
            log.warning("rate limit: %s, counting in memory", words)
            self._failed.set()

    def _recover(self) -> None:
        if self._failed.is_set():
            log.warning("rate limit: Redis answers again")
            self._failed.clear()


def explain(error: BaseException) -> str | None:
    """What is wrong with the settings; None for a Redis that is away or full."""
    text = f"{getattr(error, 'status_code', None) or ''} {error}"
    for pattern, words in SETTINGS.items():
        if re.search(pattern, text):
            return words
    return None


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
    try:
        await rate_limit.look()
    except FAILURES as error:
        if words := explain(error):
            await redis.aclose()
            raise SettingsError(words) from error
    watch = asyncio.create_task(rate_limit.watch())
    try:
        yield rate_limit
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch
        await redis.aclose()
