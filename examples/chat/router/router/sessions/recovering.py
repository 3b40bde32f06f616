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

from router.sessions.log import CorruptSession, Log, make_log, merge
from router.sessions.memory import Bounds, MemoryStore, check_condition
from router.sessions.store import (
    Durability,
    How,
    Receipt,
    SessionKey,
    SessionStore,
    Stats,
    Status,
    StoreMisconfigured,
    StoreReadOnly,
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
        self._is_read_only = False
        self._told_down = False
        self._reason = ""
        self._last_ok: float | None = None

    async def apply(
        self,
        key: SessionKey,
        change: Log,
        *,
        lifetime: float | None = None,
        how: How = "merge",
        condition: str = "",
    ) -> Receipt:
        asked, before = self._clock(), self._mirror.peek(key)
        receipt = await self._write(
            key,
            lambda: self._remote.apply(
                key, change, lifetime=lifetime, how=how, condition=condition
            ),
        )
        if receipt:
            if how == "ask":
                answer = make_log(receipt.epoch, receipt.members)
                self._learn(key, answer, asked, before)
            else:
                answer = make_log(receipt.epoch, change.members)
                self._learn(key, answer, asked)
            return receipt
        return self._apply_here(key, change, how, condition)

    def _apply_here(
        self, key: SessionKey, change: Log, how: How, condition: str
    ) -> Receipt:
        known = self._view(key)
        # What the mirror has let go of may be in Redis: nothing here is proof of that.
        turn = "" if how == "merge" else check_condition(known, change, how, condition)
        epoch = max(known.epoch, change.epoch)
        accepted = merge(Log(epoch), change, self.limits)
        if turn:
            self._mirror.slide(key)
            self._outbox.slide(key)
            self._touched.add(key)
        elif accepted.members or change.epoch:
            self._outbox.merge(key, accepted)
            self._mirror.merge(key, accepted)
        members = self._view(key).members if how == "ask" else ()
        return Receipt("degraded", epoch, members, turn)

    async def read(self, key: SessionKey) -> tuple[Log, Durability]:
        asked, before = self._clock(), self._mirror.peek(key)
        was_behind = key in self._outbox
        if answer := await self._ask(lambda: self._remote.read(key)):
            log, durability = answer
            if durability != "redis":
                # It may be a replica, which lacks some of what was answered before.
                if not self._is_read_only:
                    self._go_down(StoreReadOnly("Redis takes no writes"))
                self._learn(key, log, asked)
            else:
                is_behind = was_behind or key in self._outbox
                self._learn(key, log, asked, None if is_behind else before)
                if not is_behind:
                    return answer
        if self._mirror.slide(key).members:
            self._touched.add(key)
        self._outbox.slide(key)
        return self._view(key), "degraded"

    async def exists(self, key: SessionKey) -> bool:
        asks = key not in self._outbox
        known = await self._ask(lambda: self._remote.exists(key)) if asks else None
        return bool(self._view(key).members) if known is None else known

    async def set_aside(self, key: SessionKey) -> None:
        self._mirror.drop(key)
        await self._write(key, lambda: self._remote.set_aside(key))

    async def cleanup_expired(self) -> int:
        freed = await self._mirror.cleanup_expired()
        return freed + await self._outbox.cleanup_expired()

    async def get_stats(self) -> Stats:
        """Redis's counts; during an outage those of the mirror."""
        stats = await self._ask(self._remote.get_stats)
        return stats or await self._mirror.get_stats()

    async def check(self) -> None:
        if self._told_down:
            raise StoreUnavailable(self._reason)
        await self.probe()

    def status(self) -> Status:
        ago = None if self._last_ok is None else self._clock() - self._last_ok
        return Status(
            mode="degraded" if self._told_down else "redis",
            since=self.since,
            unsynced=len(self._outbox),
            last_ok_ms=None if ago is None else int(1000 * ago),
            reason=self._reason if self._told_down else None,
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
            self._down = self._is_read_only = False
            await self._bring_up_to_date()
        except StoreUnavailable as error:
            self._go_down(error)
            raise
        self._last_ok = self._clock()

    async def close(self) -> None:
        """Bring Redis up to date again if it answers, then let go of it."""
        if len(self._outbox):
            with suppress(StoreUnavailable):
                await self.probe()
        await self._remote.close()

    async def _write(
        self, key: SessionKey, question: Callable[[], Awaitable[_T]]
    ) -> _T | None:
        """What Redis answers; None when it does not or is behind with a session."""
        if self._is_read_only or key in self._outbox:
            return None
        return await self._ask(question)

    async def _ask(self, question: Callable[[], Awaitable[_T]]) -> _T | None:
        """What Redis answers; None when it does not."""
        if self._down:
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

    def _learn(
        self, key: SessionKey, log: Log, asked: float, before: Log | None = None
    ) -> None:
        """Keep what Redis has said; what it had `before` and has not now is gone."""
        if before:
            self._mirror.forget(key, before.ids - log.ids)
        if log.members or log.epoch:
            # Counted from before the call, so that the mirror never outlives Redis.
            lifetime = self.limits.lifetime - (self._clock() - asked)
            self._mirror.merge(key, log, lifetime=lifetime)

    def _go_down(self, error: StoreUnavailable) -> None:
        self._is_read_only = True
        self._down = not isinstance(error, StoreReadOnly)
        reason = str(error)
        is_first = self._last_ok is None and not self._told_down
        if is_first and isinstance(error, StoreMisconfigured):
            self._told_down = True  # whoever asks at the start says it
        elif not self._told_down:
            self._told_down = True
            self.since = now()
            _log.warning("%s, sessions are kept here", reason)
        elif reason != self._reason and isinstance(error, StoreMisconfigured):
            _log.warning("%s, sessions are still kept here", reason)
        self._reason = reason
