"""A model of what session stores promise, and clients that hold them to it.

Clients use routers at random while a world goes wrong around them. The books record
what was sent and what was acknowledged, and say after each read, and at the end,
whether a promise was broken.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from router.ids import IdMaker
from router.sessions.log import Message
from router.sessions.recovering import RecoveringStore
from router.sessions.store import (
    Session,
    SessionDeleted,
    SessionKey,
    StoreFull,
)

KEYS = [SessionKey("alice", "x:1"), SessionKey("alice:x", "1"), SessionKey("bob", "1")]


class TaskIds:
    """Makes ids, and knows the last one that each task made."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._make = IdMaker(clock)
        self._last: dict[asyncio.Task[object] | None, str] = {}
        self._listens: dict[asyncio.Task[object] | None, Callable[[str], None]] = {}

    def __call__(self, key: str = "") -> str:
        id = self._make(key)
        task = asyncio.current_task()
        self._last[task] = id
        if task in self._listens:
            self._listens[task](id)
        return id

    def listen(self, callback: Callable[[str], None] | None) -> None:
        """Call back with each id that this task makes from now on."""
        task = asyncio.current_task()
        if callback:
            self._listens[task] = callback
        else:
            self._listens.pop(task, None)

    def observe(self, id: str) -> None:
        self._make.observe(id)

    def align(self, seconds: float) -> None:
        self._make.align(seconds)

    def last(self) -> str:
        return self._last[asyncio.current_task()]


@dataclass(slots=True, eq=False)
class Router:
    """One router's store; a router that was killed is replaced by another."""

    store: RecoveringStore
    ids: TaskIds
    tending: asyncio.Task[None]
    dead: bool = False


class World(Protocol):
    """Where routers live."""

    lifetime: float
    longest_delay: float

    @property
    def routers(self) -> Sequence[Router]: ...

    def now(self) -> float: ...

    async def read_truth(self, key: SessionKey) -> Session | None: ...


@dataclass(slots=True, eq=False)
class Sent:
    """A message that was sent; `durability` is None until it is acknowledged."""

    id: str
    turn: str
    router: Router
    durability: str | None = None
    expired: bool = False
    uncertain: bool = False


@dataclass(slots=True, eq=False)
class Deleted:
    """A delete; `durability` is None until it is acknowledged."""

    router: Router
    epoch: str = ""
    durability: str | None = None


@dataclass(slots=True)
class Book:
    """All that happened to one session."""

    key: SessionKey
    sent: dict[str, Sent] = field(default_factory=dict)
    deletes: list[Deleted] = field(default_factory=list)
    alive_until: tuple[float, float] = (0.0, 0.0)
    newest: str = ""
    """The greatest id that Redis has acknowledged."""

    def comes_after(self, id: str, before: str, durability: str) -> None:
        """What Redis acknowledged sorts after all that it had acknowledged before."""
        if durability == "redis":
            assert id > before, f"{self.key}: {id} sorts before {before}"
            self.newest = max(self.newest, id)

    def touch(self, begun: float, ended: float, world: World, *, writes: bool) -> None:
        """The session was used; what it may have been too late for is noted."""
        surely, at_most = self.alive_until
        if ended >= surely:
            gone = begun > at_most
            if not writes and not gone:
                at_most = max(at_most, ended + world.lifetime)
            for sent in self.sent.values():
                if sent.durability:
                    sent.expired = sent.expired or (gone and not sent.uncertain)
                    sent.uncertain = True
            if not writes:
                self.alive_until = (surely, at_most)
                return
        late = world.lifetime + world.longest_delay
        self.alive_until = (begun + world.lifetime, max(at_most, ended + late))

    def must_hold(self, sent: Sent) -> bool:
        """Whether a message was acknowledged for good and nothing ended it since."""
        kept = sent.durability == "redis" or (sent.durability and not sent.router.dead)
        deleted = any(not d.epoch or sent.turn < d.epoch for d in self.deletes)
        return bool(kept) and not deleted and not sent.uncertain

    def check_form(self, session: Session | None) -> list[Message]:
        """No id twice, in order, and nothing of another session."""
        messages = list(session.messages) if session else []
        ids = [message.id for message in messages]
        assert ids == sorted(set(ids)), f"twice or out of order: {ids}"
        strangers = set(ids) - self.sent.keys()
        assert not strangers, f"{self.key} shows what is not its own: {strangers}"
        revived = [id for id in ids if self.sent[id].expired]
        assert not revived, f"{self.key} brought back what had expired: {revived}"
        return messages


class Client:
    """Talks to routers at random and checks every answer."""

    def __init__(
        self, world: World, books: dict[SessionKey, Book], chance: random.Random
    ) -> None:
        self._world = world
        self._books = books
        self._chance = chance

    async def work(self, steps: int, pause: float) -> None:
        """Do that many things, with pauses of about that many seconds between."""
        deeds = [self.take_turn, self.load, self.delete, self.exists, self.save]
        for _ in range(steps):
            await asyncio.sleep(self._chance.expovariate(1 / pause))
            router = self._chance.choice(list(self._world.routers))
            book = self._books[self._chance.choice(KEYS)]
            (deed,) = self._chance.choices(deeds, weights=(10, 5, 2, 1, 1))
            await deed(router, book, pause)

    async def take_turn(self, router: Router, book: Book, pause: float) -> None:
        turn = await self._ask(router, book)
        # A delete is remembered for one lifetime: no turn takes longer.
        thinking = min(self._chance.expovariate(2 / pause), self._world.lifetime / 3)
        await asyncio.sleep(thinking)
        if turn:
            reply = Message(router.ids(), "assistant", "!", at=1)
            await self._append(router, book, reply, turn)

    async def _ask(self, router: Router, book: Book) -> str | None:
        """Begin a turn; its id, or None where nothing could be stored."""
        text = f"question {len(book.sent)} of {id(self)}"
        begun, newest = self._world.now(), book.newest
        router.ids.listen(
            lambda made: book.sent.update({made: Sent(made, made, router)})
        )
        try:
            asked = await router.store.ask(book.key, [text])
        except StoreFull:
            return None
        finally:
            router.ids.listen(None)
        turn, sent = asked.turn, book.sent[asked.turn]
        if not router.dead:
            book.comes_after(turn, newest, asked.durability)
            book.touch(begun, self._world.now(), self._world, writes=True)
            sent.durability = asked.durability
        return turn

    async def _append(
        self, router: Router, book: Book, message: Message, turn: str
    ) -> None:
        sent = book.sent[message.id] = Sent(message.id, turn, router)
        begun = self._world.now()
        try:
            durability = await router.store.append(book.key, [message], turn=turn)
        except SessionDeleted:
            deleted = any(not d.epoch or turn < d.epoch for d in book.deletes)
            assert deleted or not book.must_hold(book.sent[turn])
        except StoreFull:
            pass
        else:
            if not router.dead:
                book.touch(begun, self._world.now(), self._world, writes=True)
                sent.durability = durability

    async def load(self, router: Router, book: Book, _: float) -> None:
        begun = self._world.now()
        before = [s for s in book.sent.values() if s.durability]
        deletes = [d for d in book.deletes if d.durability]
        session = await router.store.load(book.key)
        messages = book.check_form(session)
        known = {message.id for message in messages}
        from_redis = session is not None and session.durability == "redis"
        for deleted in deletes:
            if deleted.router is router or (
                from_redis and deleted.durability == "redis"
            ):
                revived = [id for id in known if book.sent[id].turn < deleted.epoch]
                assert not revived, f"{book.key} shows what was deleted: {revived}"
        ended = self._world.now()
        if ended < book.alive_until[0]:
            for sent in before:
                mine = sent.router is router or (
                    from_redis and sent.durability == "redis"
                )
                if mine and book.must_hold(sent):
                    assert sent.id in known, f"{book.key} lost {sent} on the way"
        if session and not router.dead:
            book.touch(begun, ended, self._world, writes=False)

    async def exists(self, router: Router, book: Book, _: float) -> None:
        await router.store.exists(book.key)

    async def delete(self, router: Router, book: Book, _: float) -> None:
        book.deletes.append(deleted := Deleted(router))
        newest = book.newest
        try:
            durability = await router.store.delete(book.key)
        except StoreFull:
            return
        finally:
            deleted.epoch = router.ids.last()
        if not router.dead:
            book.comes_after(deleted.epoch, newest, durability)
            deleted.durability = durability

    async def save(self, router: Router, book: Book, _: float) -> None:
        message = Message(router.ids(), "user", "saved", at=1)
        sent = book.sent[message.id] = Sent(message.id, "~", router)
        book.deletes.append(deleted := Deleted(router))
        begun = self._world.now()
        try:
            durability = await router.store.save(book.key, [message])
        except (StoreFull, SessionDeleted):
            return
        finally:
            sent.turn = deleted.epoch = router.ids.last()
        if not router.dead:
            book.touch(begun, self._world.now(), self._world, writes=True)
            sent.durability = deleted.durability = durability


async def check_books(world: World, books: dict[SessionKey, Book]) -> None:
    """After all has healed: is in Redis what was promised, and nothing else?"""
    for book in books.values():
        session = await world.read_truth(book.key)
        known = {message.id for message in book.check_form(session)}
        alive = world.now() < book.alive_until[0]
        for sent in book.sent.values():
            if alive and book.must_hold(sent):
                assert sent.id in known, f"{book.key} lost {sent}"
        for deleted in book.deletes:
            kept = deleted.durability == "redis" or not deleted.router.dead
            if deleted.durability and kept:
                revived = [id for id in known if book.sent[id].turn < deleted.epoch]
                assert not revived, f"{book.key} brought back {revived}"
        if world.now() > book.alive_until[1]:
            assert not known, f"{book.key} outlived its lifetime"
