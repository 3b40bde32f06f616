"""Sessions in Redis: one round trip for every call, and an answer within a deadline.

This and `channel` and `complaints` import redis, and only when it is used.
"""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from importlib.resources import files
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from router.ids import Ids
from router.sessions.channel import Channel
from router.sessions.clock import RemoteClock
from router.sessions.complaints import CLUSTER, explain
from router.sessions.log import (
    CorruptSession,
    Limits,
    Log,
    decode_members,
    encode_member,
    make_log,
)
from router.sessions.store import (
    DEFAULT_LIMITS,
    Behind,
    Durability,
    How,
    Receipt,
    SessionDeleted,
    SessionKey,
    SessionStore,
    Stats,
    Status,
    StoreMisconfigured,
    StoreUnavailable,
)

_PAGE = 200
_MISFIT = re.compile("WRONGTYPE|no such key")
_LATE = 0.05
_PROBE = ("chat:{probe}:log",)
_log = logging.getLogger("router.sessions")


class RedisStore(SessionStore):
    """A store that many processes share; raises StoreUnavailable instead of waiting.

    A change is not made later than its caller waits for it, by Redis's own clock, which
    the ids follow too.
    """

    def __init__(
        self,
        url: str,
        *,
        limits: Limits = DEFAULT_LIMITS,
        timeout: float = 0.25,
        new_id: Ids | None = None,
    ) -> None:
        super().__init__(limits, new_id)
        self._timeout = timeout
        self._corrupt = 0
        self._was_inspected = False
        self._clock = RemoteClock()
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
        make = self._client.connection_pool.make_connection
        self._channel = Channel(make, timeout=timeout)
        scripts = files("router.sessions")
        self._change = self._client.register_script(
            (scripts / "change.lua").read_text()
        )
        self._read = self._client.register_script((scripts / "read.lua").read_text())

    async def apply(
        self,
        key: SessionKey,
        change: Log,
        *,
        lifetime: float | None = None,
        how: How = "merge",
        condition: str = "",
    ) -> Receipt:
        arguments: list[bytes | str | int] = [
            how,
            change.epoch,
            int(1000 * (self.limits.lifetime if lifetime is None else lifetime)),
            self.limits.messages,
            self.limits.size,
            condition,
            *map(encode_member, change.members),
        ]
        what, epoch, members, turn = await self._run_change(self._keys(key), arguments)
        if what == b"behind":
            raise Behind(_read_id(epoch))
        if what == b"gone":
            raise SessionDeleted
        known = decode_members(members)
        return Receipt("redis", _read_id(epoch), known, _read_id(turn))

    async def _run_change(
        self, keys: Sequence[str], arguments: list[bytes | str | int]
    ) -> tuple[bytes, bytes, list[bytes], bytes]:
        for _ in range(2):
            begun = time.monotonic()
            latest = self._clock.read(begun + self._timeout + _LATE)
            answer = await self._run(self._change, keys, latest, *arguments)
            what, at, epoch, *rest = answer
            self._learn_time(at, begun)
            if what != b"late":
                members, turn = rest or ([], b"")
                return what, epoch, members, turn
            # It was answered in time: Redis's clock has been set.
        raise StoreUnavailable("the clock of Redis jumps")

    def _learn_time(self, at: int, begun: float) -> None:
        if self._clock.learn(at, begun, ended := time.monotonic()):
            self.new_id.align(self._clock.read(ended) / 1000)

    async def read(self, key: SessionKey) -> tuple[Log, Durability]:
        begun = time.monotonic()
        latest = self._clock.read(begun + self._timeout + _LATE)
        keys = self._keys(key)
        slides = int(1000 * self.limits.lifetime)
        at, epoch, members, refuses = await self._run(self._read, keys, latest, slides)
        self._learn_time(at, begun)
        if refuses:
            await self._let_go()
        log = make_log(_read_id(epoch), decode_members(members))
        return log, "degraded" if refuses else "redis"

    async def exists(self, key: SessionKey) -> bool:
        keys = self._keys(key)
        return bool(await self._ask(self._client.zlexcount(keys[0], "[0", "+"), keys))

    async def cleanup_expired(self) -> int:
        """Nothing to free: Redis expires sessions by itself."""
        return 0

    async def get_stats(self) -> Stats:
        cursor, sessions, pattern = 0, 0, "chat:*:log"
        while True:
            page = self._client.scan(cursor, match=pattern, count=_PAGE)
            cursor, keys = await self._ask(page)
            counts = self._client.pipeline(transaction=False)
            for key in keys:
                counts.zlexcount(key, "[0", "+")
            found = await self._ask(counts.execute(raise_on_error=False))
            sessions += sum(isinstance(count, int) and count > 0 for count in found)
            if cursor == 0:
                return Stats(sessions=sessions, corrupt=self._corrupt)

    async def check(self) -> None:
        # A Redis that is full or read-only answers PING: only a change shows it.
        await self._run_change(_PROBE, ["merge", "", 1000, 1, 1, ""])
        if not self._was_inspected:
            await self._inspect()
            self._was_inspected = True

    async def _inspect(self) -> None:
        """Look at settings of Redis that promises depend on, where they may be read."""
        info: dict[str, Any] = {}
        nodes = 1
        with suppress(StoreUnavailable):
            info = await self._ask(self._client.info())
            if info.get("cluster_enabled"):
                cluster = await self._ask(self._client.execute_command("CLUSTER INFO"))  # type: ignore[no-untyped-call]
                nodes = int(cluster.get("cluster_size", 1))
        if nodes > 1:
            raise StoreMisconfigured(CLUSTER)
        policy = info.get("maxmemory_policy", "noeviction")
        if policy != "noeviction":
            _log.warning(
                "Redis may evict sessions before their lifetime is over "
                "(maxmemory-policy %s): set it to noeviction",
                policy,
            )

    def status(self) -> Status:
        return Status(mode="redis", since=self.since)

    async def close(self) -> None:
        if self._asking:
            await asyncio.wait(self._asking, timeout=self._timeout)
        await self._channel.close()
        await self._client.aclose(close_connection_pool=True)

    async def set_aside(self, key: SessionKey) -> None:
        """Move what cannot be read out of the way, to be looked at later."""
        self._corrupt += 1
        keys, epoch = self._keys(key), b""
        aside = f"{keys[0]}:corrupt"
        with suppress(CorruptSession):  # of another type, gone, or set aside just now
            _, epoch, *_ = await self._run(self._read, keys, 1, 0)
        with suppress(CorruptSession):
            await self._ask(self._client.rename(keys[0], aside), keys)
            lifetime = int(self.limits.lifetime) + 1
            await self._ask(self._client.expire(aside, lifetime), keys)
        if epoch:
            await self.apply(key, Log(_read_id(epoch)))

    def _keys(self, key: SessionKey) -> tuple[str]:
        # With its length in front, no user's id can run into a session's.
        return (f"chat:{{{len(key.user)}:{key.user}:{key.session}}}:log",)

    async def _run(
        self, script: AsyncScript, keys: Sequence[str], *arguments: bytes | str | int
    ) -> Any:
        try:
            return await self._channel.run(script, len(keys), *keys, *arguments)
        except (RedisError, OSError) as error:
            raise await self._explain(
                error, None if keys == _PROBE else keys
            ) from error

    async def _ask(
        self, answer: Awaitable[Any], keys: Sequence[str] | None = None
    ) -> Any:
        # Not `asyncio.timeout`: leaving a frozen Redis takes the client as long again,
        # which it may do by itself. So may a call whose caller has left.
        asking = asyncio.ensure_future(answer)
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)
        asking.add_done_callback(_look_at_error)
        answered, _ = await asyncio.wait((asking,), timeout=self._timeout)
        if not answered:
            asking.cancel()
            raise await self._explain(TimeoutError(), keys)
        try:
            return asking.result()
        except (RedisError, OSError) as error:
            raise await self._explain(error, keys) from error

    async def _explain(
        self, error: RedisError | OSError, keys: Sequence[str] | None
    ) -> Exception:
        """What an error means for the caller; about a session with its keys."""
        if keys and _MISFIT.search(str(error)):
            return CorruptSession("a stored session is of another type")
        await self._let_go()
        # A builtin TimeoutError is a deadline of ours, any other one is of the client.
        if type(error) is TimeoutError:
            return StoreUnavailable("Redis does not answer in time")
        return explain(error)

    async def _let_go(self) -> None:
        """Drop idle connections: the address may lead to another Redis by now."""
        self._channel.let_go()
        with suppress(RedisError, OSError):
            await self._client.connection_pool.disconnect(inuse_connections=False)


def _read_id(id: bytes) -> str:
    return id.decode("ascii", "replace")


def _look_at_error(asked: asyncio.Future[Any]) -> None:
    # An error that is never looked at is logged by asyncio.
    if not asked.cancelled():
        asked.exception()
