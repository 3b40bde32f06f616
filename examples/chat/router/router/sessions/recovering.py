"""Sessions in Redis while it answers, in this process while it does not, and back.

Redis is read first; the mirror of recent sessions is kept for outages only. What is
written during an outage goes to the mirror and to the outbox, which the one background
task merges into Redis when that answers again. Requests never probe.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from router.sessions.log import CorruptSession, Log, merge
from router.sessions.memory import Bounds, MemoryStore
from router.sessions.store import (
    Durability,
    Receipt,
    SessionKey,
    SessionStore,
    Stats,
    Status,
    StoreUnavailable,
    now,
)

_MIRROR = Bounds(sessions=10_000, size=64 * 1024 * 1024)
_OUTBOX = Bounds(sessions=10_000, size=64 * 1024 * 1024, evict=False)
_PROBE_EVERY = (0.2, 1.0)
_log = logging.getLogger("router.sessions")
_T = TypeVar("_T")


class RecoveringStore(SessionStore):
    """A store that goes on without its remote one and brings it up to date later."""

    def __init__(
        self,
        remote: SessionStore,
        *,
        mirror: Bounds = _MIRROR,
        outbox: Bounds = _OUTBOX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        limits = remote.limits
        super().__init__(limits, remote.new_id)
        self._remote = remote
        self._clock = clock
        self._mirror = MemoryStore(limits=limits, bounds=mirror, clock=clock)
        self._outbox = MemoryStore(limits=limits, bounds=outbox, clock=clock)
        self._touched: set[SessionKey] = set()
        self._down = False
        self._told_down = False
        self._last_ok: float | None = None

    async def apply(
        self, key: SessionKey, change: Log, *, lifetime: float | None = None
    ) -> Receipt:
        asked = self._clock()
        receipt = await self._ask(
            key, lambda: self._remote.apply(key, change, lifetime=lifetime)
        )
        if receipt:
            self._learn(key, Log(receipt.epoch, change.members), asked)
            return receipt
        epoch = max(self._view(key).epoch, change.epoch)
        accepted = merge(Log(epoch), change, self.limits)
        if accepted.members or change.epoch:
            self._outbox.merge(key, accepted)
            self._mirror.merge(key, accepted)
        return Receipt("degraded", epoch)

    async def read(self, key: SessionKey) -> tuple[Log, Durability]:
        asked = self._clock()
        if answer := await self._ask(key, lambda: self._remote.read(key)):
            self._learn(key, answer[0], asked)
            if key not in self._outbox:
                return answer
        if self._mirror.slide(key).members:
            self._touched.add(key)
        self._outbox.slide(key)
        return self._view(key), "degraded"

    async def exists(self, key: SessionKey) -> bool:
        known = await self._ask(key, lambda: self._remote.exists(key))
        return bool(self._view(key).members) if known is None else known

    async def set_aside(self, key: SessionKey) -> None:
        self._mirror.drop(key)
        await self._ask(key, lambda: self._remote.set_aside(key))

    async def cleanup_expired(self) -> int:
        freed = await self._mirror.cleanup_expired()
        return freed + await self._outbox.cleanup_expired()

    async def get_stats(self) -> Stats:
        """Redis's counts; during an outage those of the mirror."""
        stats = await self._ask(None, self._remote.get_stats)
        return stats or await self._mirror.get_stats()

    async def check(self) -> None:
        if self._down:
            raise StoreUnavailable("Redis did not answer when it was last asked")
        await self.probe()

    def status(self) -> Status:
        ago = None if self._last_ok is None else self._clock() - self._last_ok
        return Status(
            mode="degraded" if self._told_down else "redis",
            since=self.since,
            unsynced=len(self._outbox),
            last_ok_ms=None if ago is None else int(1000 * ago),
        )

    async def tend(self) -> None:
        """Ask Redis again and again, for life: nothing but a cancel ends this."""
        while True:
            await asyncio.sleep(random.uniform(*_PROBE_EVERY))  # noqa: S311 - jitter
            try:
                await self.cleanup_expired()
                await self.probe()
            except StoreUnavailable:
                continue
            except Exception:
                _log.exception("bringing Redis up to date failed, trying again")

    async def probe(self) -> None:
        """Ask Redis, and bring it up to date when it is back."""
        try:
            await self._remote.check()
            self._down = False
            await self._bring_up_to_date()
        except StoreUnavailable as error:
            self._go_down(error)
            raise
        self._last_ok = self._clock()

    async def close(self) -> None:
        """Bring Redis up to date once more if it answers, then let go of it."""
        if len(self._outbox):
            with suppress(StoreUnavailable):
                await self.probe()
        await self._remote.close()

    async def _ask(
        self, key: SessionKey | None, question: Callable[[], Awaitable[_T]]
    ) -> _T | None:
        """What Redis answers; None when it does not or is behind with a session."""
        if self._down or key in self._outbox:
            return None
        try:
            answer = await question()
        except StoreUnavailable as error:
            self._go_down(error)
            return None
        self._last_ok = self._clock()
        return answer

    async def _bring_up_to_date(self) -> None:
        behind = len(self._outbox)
        while keys := self._outbox.keys():
            for key in keys:
                await self._bring_session_up_to_date(key)
        for key in list(self._touched):
            await self._bring_session_up_to_date(key)
            self._touched.discard(key)
        if self._told_down:
            self._told_down = False
            self.since = now()
            _log.warning("Redis answers again; %d sessions brought up to date", behind)

    async def _bring_session_up_to_date(self, key: SessionKey) -> None:
        pending, change = self._outbox.peek(key), self._view(key)
        lifetime = max(self._outbox.remaining(key), self._mirror.remaining(key))
        if lifetime > 0:
            try:
                receipt = await self._remote.apply(key, change, lifetime=lifetime)
            except CorruptSession:
                await self._remote.set_aside(key)
                return
            self._mirror.merge(key, Log(receipt.epoch), lifetime=0)
        # What was added meanwhile made another log; it stays for the next round.
        if self._outbox.peek(key) is pending:
            self._outbox.drop(key)

    def _view(self, key: SessionKey) -> Log:
        return merge(self._mirror.peek(key), self._outbox.peek(key), self.limits)

    def _learn(self, key: SessionKey, log: Log, asked: float) -> None:
        if log.members or log.epoch:
            # Counted from before the call, so that the mirror never outlives Redis.
            lifetime = self.limits.lifetime - (self._clock() - asked)
            self._mirror.merge(key, log, lifetime=lifetime)

    def _go_down(self, error: StoreUnavailable) -> None:
        self._down = True
        if not self._told_down:
            self._told_down = True
            self.since = now()
            _log.warning("Redis does not answer (%s), sessions are kept here", error)
