"""Sessions in this process's memory, bounded in number, bytes and per user.

All sessions have the same lifetime and using one moves it to the end, so the order of
the dictionary is the order of expiry: cleaning up looks at its head only.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from router.ids import Ids
from router.sessions.log import Limits, Log, find_turn, make_log, merge
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
    StoreFull,
)

_OVERHEAD = 400
_SLICE = 500
_EMPTY = Log()
_Entry = tuple[float, Log, int]
_NOTHING: _Entry = (0.0, _EMPTY, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much memory sessions may take; `evict` says whether the oldest makes room."""

    sessions: int = 50_000
    size: int = 256 * 1024 * 1024
    per_user: int = 200
    evict: bool = True


_BOUNDS = Bounds()


class MemoryStore(SessionStore):
    """A store for one process and one event loop."""

    def __init__(
        self,
        *,
        limits: Limits = DEFAULT_LIMITS,
        bounds: Bounds = _BOUNDS,
        clock: Callable[[], float] = time.monotonic,
        new_id: Ids | None = None,
    ) -> None:
        super().__init__(limits, new_id)
        self._bounds = bounds
        self._clock = clock
        self._entries: OrderedDict[SessionKey, _Entry] = OrderedDict()
        self._users: dict[str, dict[SessionKey, None]] = {}
        self._size = 0
        self._live = 0
        self._evicted = 0
        self._corrupt = 0

    def slide(self, key: SessionKey) -> Log:
        """The log of a session, its lifetime slid; an empty one when there is none."""
        now = self._clock()
        deadline, log, size = self._entries.get(key, _NOTHING)
        if deadline <= now:
            return _EMPTY
        if log.members:
            self._entries[key] = (now + self.limits.lifetime, log, size)
            self._entries.move_to_end(key)
        return log

    def peek(self, key: SessionKey) -> Log:
        """The log of a session as it is, its lifetime left alone."""
        deadline, log, _ = self._entries.get(key, _NOTHING)
        return log if deadline > self._clock() else _EMPTY

    def remaining(self, key: SessionKey) -> float:
        """Seconds that a session has left, 0 when there is none."""
        return max(self._entries.get(key, _NOTHING)[0] - self._clock(), 0.0)

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def keys(self) -> list[SessionKey]:
        """Every key that is held, the one that expires first in front."""
        return list(self._entries)

    def merge(
        self, key: SessionKey, change: Log, *, lifetime: float | None = None
    ) -> Log:
        """Merge a change into a session; the log that results. Raises StoreFull."""
        now = self._clock()
        self._free_expired(now, most=2)
        deadline, known, _ = self._entries.get(key, _NOTHING)
        log = merge(known if deadline > now else _EMPTY, change, self.limits)
        if not log.members and not log.epoch:
            return log
        lifetime = self.limits.lifetime if lifetime is None else lifetime
        self._put(key, (max(deadline, now + lifetime), log, log.size + _OVERHEAD))
        return log

    def _put(self, key: SessionKey, entry: _Entry, *, moves: bool = True) -> None:
        held = self._entries.get(key)
        _, before, size_before = held or _NOTHING
        more = entry[2] - size_before
        if held is None or self._size + more > self._bounds.size:
            self._make_room(key, more, is_new=held is None)
        if held is None:
            self._users.setdefault(key.user, {})[key] = None
        self._size += more
        self._live += bool(entry[1].members) - bool(before.members)
        self._entries[key] = entry
        if moves:
            self._entries.move_to_end(key)

    def drop(self, key: SessionKey) -> None:
        """Forget a session, its tombstone included."""
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        _, log, size = entry
        self._size -= size
        self._live -= bool(log.members)
        mine = self._users[key.user]
        del mine[key]
        if not mine:
            del self._users[key.user]

    def _free_expired(self, now: float, most: int) -> int:
        freed = 0
        while freed < most and self._entries:
            key = next(iter(self._entries))
            if self._entries[key][0] > now:
                break
            self.drop(key)
            freed += 1
        return freed

    def _make_room(self, key: SessionKey, more: int, *, is_new: bool) -> None:
        mine = self._users.get(key.user, {})
        if is_new and len(mine) >= self._bounds.per_user:
            self._evict(min(mine, key=lambda mine: self._entries[mine][0]))
        while self._size + more > self._bounds.size or (
            is_new and len(self._entries) >= self._bounds.sessions
        ):
            others = (other for other in self._entries if other != key)
            if (oldest := next(others, None)) is None:
                return
            self._evict(oldest)

    def _evict(self, key: SessionKey) -> None:
        if not self._bounds.evict:
            raise StoreFull
        self.drop(key)
        self._evicted += 1

    def forget(self, key: SessionKey, gone: AbstractSet[str]) -> None:
        """Take messages out of a session, by id; the rest keeps its lifetime."""
        deadline, log, _ = self._entries.get(key, _NOTHING)
        kept = tuple(m for m in log.members if m.message.id not in gone)
        if len(kept) < len(log.members):
            log = make_log(log.epoch, kept)
            self._put(key, (deadline, log, log.size + _OVERHEAD), moves=False)

    async def apply(
        self,
        key: SessionKey,
        change: Log,
        *,
        lifetime: float | None = None,
        how: How = "merge",
        condition: str = "",
    ) -> Receipt:
        known = self.peek(key)
        turn = check_condition(known, change, how, condition)
        log = self.slide(key) if turn else self.merge(key, change, lifetime=lifetime)
        members = log.members if how == "ask" else ()
        return Receipt("memory", log.epoch, members, turn)

    async def read(self, key: SessionKey) -> tuple[Log, Durability]:
        return self.slide(key), "memory"

    async def set_aside(self, key: SessionKey) -> None:
        self.drop(key)
        self._corrupt += 1

    async def exists(self, key: SessionKey) -> bool:
        return bool(self.peek(key).members)

    async def cleanup_expired(self) -> int:
        freed = 0
        while count := self._free_expired(self._clock(), most=_SLICE):
            freed += count
            await asyncio.sleep(0)
        return freed

    async def get_stats(self) -> Stats:
        await self.cleanup_expired()
        return Stats(
            sessions=self._live,
            size=self._size,
            evicted=self._evicted,
            corrupt=self._corrupt,
        )

    async def check(self) -> None:
        """Memory can always be written to."""

    def status(self) -> Status:
        return Status(mode="memory", since=self.since)


def check_condition(known: Log, change: Log, how: How, condition: str) -> str:
    """Whether a change may be made to a log: see `SessionStore.apply`.

    Returns the turn in which all was asked before, else nothing.
    """
    if how == "merge":
        # It is among the last: a reply comes soon after its question.
        ids = (member.message.id for member in reversed(known.members))
        if condition and condition not in ids:
            raise SessionDeleted
        return ""
    if how == "ask" and (turn := find_turn(known, change, condition)):
        return turn
    stamp = change.members[0].message.id if how == "ask" else change.epoch
    newest = known.newest
    if stamp < newest or (how == "ask" and stamp == newest):
        raise Behind(newest)
    return ""
