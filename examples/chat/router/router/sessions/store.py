"""What every session store promises, and the words it is promised in."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import msgspec

from router.ids import IdMaker, Ids, milliseconds_of, suffix_for
from router.sessions.log import (
    CorruptSession,
    Limits,
    Log,
    Member,
    Message,
    make_change,
)

Durability = Literal["memory", "redis", "degraded"]
DEFAULT_LIMITS = Limits()
TEND_EVERY = 10.0
_ATTEMPTS = 5


class SessionKey(NamedTuple):
    """Whose session it is. Two users never share one, whatever their ids contain."""

    user: str
    session: str


class Session(msgspec.Struct, frozen=True, gc=False):
    """A session as it was read, and how durable the place is that it was read from."""

    messages: tuple[Message, ...]
    durability: Durability


class Asked(msgspec.Struct, frozen=True, gc=False):
    """A turn that has begun: its question, what was said earlier, a reply it had.

    `reply` is there when the same question was asked and answered before.
    """

    turn: str
    question: tuple[Message, ...]
    earlier: tuple[Message, ...]
    reply: Message | None
    durability: Durability


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """Where a change was kept, and the session's epoch afterwards.

    For an `ask`: also the whole log, and the turn in which all was asked before.
    """

    durability: Durability
    epoch: str
    members: tuple[Member, ...] = ()
    turn: str = ""


How = Literal["merge", "stamp", "ask"]


class Stats(msgspec.Struct, frozen=True):
    """Counts of live sessions; `size` (bytes) is known for what is in memory only."""

    sessions: int
    size: int | None = None
    evicted: int = 0
    corrupt: int = 0


class Status(msgspec.Struct, frozen=True):
    """How a store is doing; `last_ok_ms` is how long ago Redis last answered.

    `reason` says why it is degraded.
    """

    mode: Durability
    since: str
    unsynced: int = 0
    last_ok_ms: int | None = None
    reason: str | None = None


class StoreUnavailable(Exception):
    """The store did not answer in time; whether a write was applied is unknown."""


class StoreReadOnly(StoreUnavailable):
    """The store takes no writes now, and can still be read."""


class StoreMisconfigured(StoreUnavailable):
    """The store will never do as it is set up; the text says what to change."""


class Behind(Exception):
    """A newer id is there than that of a change; nothing was changed."""

    def __init__(self, newest: str) -> None:
        super().__init__(newest)
        self.newest = newest


class StoreFull(Exception):
    """There is no room to keep more until Redis is back; nothing was stored."""

    retry_after = 1


class SessionDeleted(Exception):
    """The session was deleted after this turn had begun; nothing was stored."""


class SessionStore(ABC):
    """Sessions by key. Each lives one lifetime after its last use, then it is gone."""

    def __init__(
        self, limits: Limits = DEFAULT_LIMITS, new_id: Ids | None = None
    ) -> None:
        self.limits = limits
        self.new_id = new_id or IdMaker()
        self.since = now()

    async def ask(self, key: SessionKey, texts: Sequence[str], name: str = "") -> Asked:
        """Begin a turn: store the user's messages, and read what was said earlier.

        They come after all that is there, whichever process brought it. Questions that
        were asked before are not stored again: with the same `name`, or at the end of
        the session without a reply. Raises CorruptSession as `load` does, StoreFull.
        """
        for last in range(1, _ATTEMPTS + 1):
            ids = [self.new_id(name if not n else "") for n in range(len(texts))]
            at = milliseconds_of(ids[0])
            messages = [
                Message(id, "user", text, at)
                for id, text in zip(ids, texts, strict=True)
            ]
            change = make_change(messages, ids[0])
            suffix = suffix_for(name) if name else ""
            try:
                receipt = await self.apply(key, change, how="ask", condition=suffix)
                self._observe(receipt.epoch, receipt.members)
                return _split(receipt, ids[0], len(ids))
            except Behind as behind:
                self._observe(behind.newest)
                if last == _ATTEMPTS:
                    raise StoreFull from behind
            except CorruptSession:
                await self.set_aside(key)
                raise
        raise AssertionError("the last attempt returns or raises")

    async def save(self, key: SessionKey, messages: Sequence[Message]) -> Durability:
        """Replace a session's history; turns that are under way are refused later."""
        return await self._stamp(
            key, lambda made: make_change(messages, made, epoch=made)
        )

    async def load(self, key: SessionKey) -> Session | None:
        """The session, its lifetime slid; None when there is none.

        Raises CorruptSession, once, for one that cannot be read: it is set aside.
        """
        try:
            log, durability = await self.read(key)
        except CorruptSession:
            await self.set_aside(key)
            raise
        self._observe(log.epoch, log.members)
        return Session(log.messages, durability) if log.members else None

    async def append(
        self, key: SessionKey, messages: Sequence[Message], *, turn: str | None = None
    ) -> Durability:
        """Add messages of one turn, once, however often they are sent.

        `turn` is the id of the user's message it began with (default: the first's).
        Raises SessionDeleted when that is not there any more, StoreFull.
        """
        turn = turn or messages[0].id
        begins = any(message.id == turn for message in messages)
        receipt = await self.apply(
            key,
            make_change(messages, turn),
            condition="" if begins else turn,
        )
        self._observe(receipt.epoch)
        if turn < receipt.epoch:
            raise SessionDeleted
        return receipt.durability

    async def delete(self, key: SessionKey) -> Durability:
        """Remove a session; what turns under way still bring is refused."""
        return await self._stamp(key, lambda made: Log(epoch=made))

    async def _stamp(self, key: SessionKey, make: Callable[[str], Log]) -> Durability:
        """Make a change that is the newest, whichever process made the one before."""
        for last in range(1, _ATTEMPTS + 1):
            log = make(self.new_id())
            how: How = "merge" if last == _ATTEMPTS else "stamp"
            try:
                receipt = await self.apply(key, log, how=how)
            except Behind as behind:
                self._observe(behind.newest)
                continue
            self._observe(receipt.epoch)
            if log.epoch < receipt.epoch:
                raise SessionDeleted
            return receipt.durability
        raise AssertionError("the last attempt is never behind")

    def _observe(self, id: str, members: Sequence[Member] = ()) -> None:
        if members:
            id = max(id, members[-1].message.id, members[-1].turn)
        if id:
            self.new_id.observe(id)

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
        self,
        key: SessionKey,
        change: Log,
        *,
        lifetime: float | None = None,
        how: How = "merge",
        condition: str = "",
    ) -> Receipt:
        """Merge a change into a session and slide its lifetime (in seconds).

        `merge`: where the turn `condition` is there, if one is given; raises
        SessionDeleted. `stamp`: its epoch must be newer than all that is there; raises
        Behind. `ask`: its messages must be, unless they are known by the suffix of
        their ids, `condition`, or by their texts at the end. Raises StoreFull.
        """

    @abstractmethod
    async def read(self, key: SessionKey) -> tuple[Log, Durability]:
        """The log of a session, empty when there is none, its lifetime slid.

        `degraded` where it may lack what others were answered.
        """

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


def _split(receipt: Receipt, asked: str, count: int) -> Asked:
    """What an `ask` of so many questions has found and stored."""
    messages = tuple([member.message for member in receipt.members])
    if not receipt.turn:
        return Asked(
            turn=asked,
            question=messages[-count:],
            earlier=messages[:-count],
            reply=None,
            durability=receipt.durability,
        )
    turn = receipt.turn
    places = [n for n, m in enumerate(receipt.members) if m.turn == turn]
    mine = [messages[n] for n in places]
    question = tuple(message for message in mine if message.role == "user")
    replies = [message for message in mine if message.role != "user"]
    return Asked(
        turn=turn,
        question=question,
        earlier=messages[: places[0]] if places else messages,
        reply=replies[-1] if replies else None,
        durability=receipt.durability,
    )
