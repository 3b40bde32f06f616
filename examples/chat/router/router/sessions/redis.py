"""Sessions in Redis: one round trip for every call, and an answer within a deadline.

This is the only module that imports redis, and it is imported only when it is used.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib.resources import files
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from router.sessions.log import CorruptSession, Limits, Log
from router.sessions.store import (
    DEFAULT_LIMITS,
    Durability,
    Receipt,
    SessionKey,
    SessionStore,
    Stats,
    Status,
    StoreUnavailable,
)

_PAGE = 1000
_MISFIT = re.compile("WRONGTYPE|no such key")


class RedisStore(SessionStore):
    """A store that many processes share; raises StoreUnavailable instead of waiting."""

    def __init__(
        self,
        url: str,
        *,
        limits: Limits = DEFAULT_LIMITS,
        timeout: float = 0.25,
        new_id: Callable[[], str] | None = None,
    ) -> None:
        super().__init__(limits, new_id)
        self._timeout = timeout
        self._corrupt = 0
        self._asking: set[asyncio.Future[Any]] = set()
        self._client = Redis(
            connection_pool=BlockingConnectionPool.from_url(
                url,
                max_connections=16,
                timeout=timeout,
                socket_timeout=timeout,
                socket_connect_timeout=timeout,
                # A stale connection is worth one retry; a timeout is an answer.
                retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
            )
        )
        scripts = files("router.sessions")
        self._apply = self._client.register_script((scripts / "apply.lua").read_text())
        self._read = self._client.register_script((scripts / "read.lua").read_text())

    async def apply(
        self, key: SessionKey, change: Log, *, lifetime: float | None = None
    ) -> Receipt:
        arguments: list[bytes | int] = [
            change.epoch,
            int(1000 * (self.limits.lifetime if lifetime is None else lifetime)),
            self.limits.messages,
            self.limits.size,
            *change.members,
        ]
        epoch = await self._ask(self._apply(keys=self._keys(key), args=arguments), key)
        return Receipt("redis", epoch)

    async def read(self, key: SessionKey) -> tuple[Log, Durability]:
        lifetime = int(1000 * self.limits.lifetime)
        asked = self._read(keys=self._keys(key), args=[lifetime])
        epoch, members = await self._ask(asked, key)
        return Log(epoch, tuple(members)), "redis"

    async def exists(self, key: SessionKey) -> bool:
        return bool(await self._ask(self._client.exists(self._keys(key)[0]), key))

    async def cleanup_expired(self) -> int:
        """Nothing to free: Redis expires sessions by itself."""
        return 0

    async def get_stats(self) -> Stats:
        cursor, sessions, pattern = 0, 0, "chat:*:log"
        while True:
            page = self._client.scan(cursor, match=pattern, count=_PAGE)
            cursor, keys = await self._ask(page)
            sessions += len(keys)
            if cursor == 0:
                return Stats(sessions=sessions, corrupt=self._corrupt)

    async def check(self) -> None:
        # A Redis that is full or read-only answers PING and refuses every write.
        await self._ask(self._client.set("chat:probe", 1, px=1000))

    def status(self) -> Status:
        return Status(mode="redis", since=self.since)

    async def close(self) -> None:
        if self._asking:
            await asyncio.wait(self._asking, timeout=self._timeout)
        await self._client.aclose(close_connection_pool=True)

    async def set_aside(self, key: SessionKey) -> None:
        """Move what cannot be read out of the way, for somebody to look at."""
        self._corrupt += 1
        log, meta = self._keys(key)
        await self._rename(log, key)
        # It holds the last delete, which stays known unless it is what is broken.
        if await self._ask(self._client.type(meta), key) not in (b"hash", b"none"):
            await self._rename(meta, key)

    async def _rename(self, name: str, key: SessionKey) -> None:
        aside = f"{name}:corrupt"
        with suppress(CorruptSession):  # there is none, or another request was quicker
            await self._ask(self._client.rename(name, aside), key)
            await self._ask(
                self._client.expire(aside, int(self.limits.lifetime) + 1), key
            )

    def _keys(self, key: SessionKey) -> tuple[str, str]:
        # With its length in front, no user's id can run into a session's.
        tag = f"chat:{{{len(key.user)}:{key.user}:{key.session}}}"
        return f"{tag}:log", f"{tag}:meta"

    async def _ask(self, answer: Awaitable[Any], key: SessionKey | None = None) -> Any:
        # Not `asyncio.timeout`: leaving a frozen Redis takes the client as long again,
        # which it may do by itself. So may a call whose caller has left.
        asking = asyncio.ensure_future(answer)
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)
        asking.add_done_callback(_look_at_error)
        answered, _ = await asyncio.wait((asking,), timeout=self._timeout)
        if not answered:
            asking.cancel()
            raise StoreUnavailable("no answer in time")
        try:
            return asking.result()
        except ResponseError as error:
            if key and _MISFIT.search(str(error)):
                raise CorruptSession("a stored session is of another type") from error
            raise StoreUnavailable(str(error)) from error
        except (RedisError, OSError) as error:
            raise StoreUnavailable(str(error) or type(error).__name__) from error


def _look_at_error(asked: asyncio.Future[Any]) -> None:
    # An error that nobody looks at is logged by asyncio.
    if not asked.cancelled():
        asked.exception()
