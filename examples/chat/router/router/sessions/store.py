"""What every session store promises, and the words it is promised in."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import msgspec

from router.ids import IdMaker
from router.sessions.log import (
    CorruptSession,
    Limits,
    Log,
    Message,
    decode_members,
    encode_log,
)

Durability = Literal["memory", "redis", "degraded"]
DEFAULT_LIMITS = Limits()
TEND_EVERY = 10.0


class SessionKey(NamedTuple):
    """Whose session it is. Two users never share one, whatever their ids contain."""

    user: str
    session: str


class Session(msgspec.Struct, frozen=True, gc=False):
    """A session as it was read, and how durable the place is that it was read from."""

    messages: tuple[Message, ...]
    durability: Durability


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """Where a change was kept, and the session's epoch afterwards."""

    durability: Durability
    epoch: bytes


class Stats(msgspec.Struct, frozen=True):
    """Counts of live sessions; `size` (bytes) is known for what is in memory only."""

    sessions: int
    size: int | None = None
    evicted: int = 0
    corrupt: int = 0


class Status(msgspec.Struct, frozen=True):
    """How a store is doing; `last_ok_ms` is how long ago Redis last answered."""

    mode: Durability
    since: str
    unsynced: int = 0
    last_ok_ms: int | None = None


class StoreUnavailable(Exception):
    """The store did not answer in time; whether a write was applied is unknown."""


class StoreFull(Exception):
    """There is no room to keep more until Redis is back; nothing was stored."""

    retry_after = 1


class SessionDeleted(Exception):
    """The session was deleted after this turn had begun; nothing was stored."""


class SessionStore(ABC):
    """Sessions by key. Each lives one lifetime after its last use, then it is gone."""

    def __init__(
        self, limits: Limits = DEFAULT_LIMITS, new_id: Callable[[], str] | None = None
    ) -> None:
        self.limits = limits
        self.new_id = new_id or IdMaker()
        self.since = now()

    async def save(self, key: SessionKey, messages: Sequence[Message]) -> Durability:
        """Replace a session's history; turns that are under way are refused later."""
        turn = self.new_id()
        receipt = await self.apply(key, encode_log(messages, turn, epoch=turn))
        return _accepted(receipt, turn)

    async def load(self, key: SessionKey) -> Session | None:
        """The session, its lifetime slid; None when there is none.

        Raises CorruptSession, once, for one that cannot be read: it is set aside.
        """
        try:
            log, durability = await self.read(key)
            messages = decode_members(log.members)
        except CorruptSession:
            await self.set_aside(key)
            raise
        return Session(messages, durability) if messages else None

    async def append(
        self, key: SessionKey, messages: Sequence[Message], *, turn: str | None = None
    ) -> Durability:
        """Add messages of one turn, once, however often they are sent.

        `turn` is the id of the user's message it began with (default: the first's).
        Raises SessionDeleted when the session was deleted since, StoreFull.
        """
        turn = turn or messages[0].id
        return _accepted(await self.apply(key, encode_log(messages, turn)), turn)

    async def delete(self, key: SessionKey) -> Durability:
        """Remove a session; what turns under way still bring is refused."""
        return (await self.apply(key, Log(epoch=self.new_id().encode()))).durability

    async def ping(self) -> bool:
        """Whether the store answers now."""
        try:
            await self.check()
        except StoreUnavailable:
            return False
        return True

    async def close(self) -> None:
        """Let go of connections."""
        return

    async def tend(self) -> None:
        """Keep the store well in the background, until cancelled."""
        while True:
            await asyncio.sleep(TEND_EVERY)
            await self.cleanup_expired()

    @abstractmethod
    async def apply(
        self, key: SessionKey, change: Log, *, lifetime: float | None = None
    ) -> Receipt:
        """Merge a change into a session and slide its lifetime (in seconds)."""

    @abstractmethod
    async def read(self, key: SessionKey) -> tuple[Log, Durability]:
        """The log of a session, empty when there is none, its lifetime slid."""

    @abstractmethod
    async def set_aside(self, key: SessionKey) -> None:
        """Move a log that cannot be read out of the way, and count it."""

    @abstractmethod
    async def exists(self, key: SessionKey) -> bool:
        """Whether the session is there and not expired; does not slide its lifetime."""

    @abstractmethod
    async def cleanup_expired(self) -> int:
        """Free what has expired; how many sessions that were."""

    @abstractmethod
    async def get_stats(self) -> Stats:
        """Counts of what is live now."""

    @abstractmethod
    async def check(self) -> None:
        """Raise StoreUnavailable unless the store can be written to."""

    @abstractmethod
    def status(self) -> Status:
        """How the store is doing, without asking anybody."""


def now() -> str:
    """The time of day, as /health shows it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _accepted(receipt: Receipt, turn: str) -> Durability:
    if turn.encode() < receipt.epoch:
        raise SessionDeleted
    return receipt.durability
