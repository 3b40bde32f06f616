"""Turns a minute and user, counted in memory; Redis has a module of its own."""

import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

WINDOW = 60.0
USERS_IN_MEMORY = 100_000


class RateLimit(Protocol):
    """Counts turns; `store` says where: memory, redis, or degraded."""

    @property
    def store(self) -> str: ...

    async def take(self, user: str) -> float:
        """Count a turn and return 0, or the seconds until one is free."""
        ...


class MemoryRateLimit:
    """The times of each user's last turns: exact, and gone with the process."""

    store = "memory"

    def __init__(
        self,
        limit: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        users: int = USERS_IN_MEMORY,
    ) -> None:
        self.limit = limit
        self._clock = clock
        self._users = users
        self._turns: OrderedDict[str, deque[float]] = OrderedDict()

    async def take(self, user: str) -> float:
        return self.count(user)

    def count(self, user: str) -> float:
        """As `take`, without waiting for anything."""
        now = self._clock()
        turns = self._turns.setdefault(user, deque(maxlen=self.limit))
        if len(turns) == self.limit and turns[0] > now - WINDOW:
            return turns[0] + WINDOW - now
        turns.append(now)
        self._turns.move_to_end(user)
        self._forget_idle(now)
        return 0.0

    def _forget_idle(self, now: float) -> None:
        # The order is that of the last turn: only the head has to be looked at.
        while self._turns:
            user, turns = next(iter(self._turns.items()))
            if len(self._turns) <= self._users and turns[-1] > now - WINDOW:
                return
            del self._turns[user]


@asynccontextmanager
async def open_rate_limit(url: str | None, limit: int) -> AsyncIterator[RateLimit]:
    """The rate limit: in Redis where there is an address, else in memory."""
    if url is None:
        yield MemoryRateLimit(limit)
        return
    # Imported here: who counts in memory does not need Redis' client.
    from backend.redis_ratelimit import connect  # noqa: PLC0415

    async with connect(url, memory=MemoryRateLimit(limit)) as counted:
        yield counted
