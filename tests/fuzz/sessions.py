"""The router's session store in memory, held to a reference that promises the same.

The reference keeps plain lists and scans them: slow and easy to believe.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hypothesis import strategies as st
from router.ids import IdMaker
from router.sessions.log import Limits, Message, make_change
from router.sessions.memory import Bounds, MemoryStore
from router.sessions.store import SessionDeleted, SessionKey

Answer = TypeVar("Answer")

LIMITS = Limits(lifetime=100.0, messages=4, size=2_000)
BOUNDS = Bounds(sessions=5, size=9_000, per_user=3)
OVERHEAD = 400
KEYS = [
    SessionKey("alice", "x:1"),
    SessionKey("alice:x", "1"),
    *(SessionKey("alice", str(number)) for number in range(3)),
    SessionKey("bob", "1"),
    SessionKey("", ""),
]
_TICK = 0.001
_START = 1_000.0

_contents = st.one_of(st.text(max_size=20), st.sampled_from(["a" * 900, "b" * 3_000]))
_sent = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(["user", "assistant"]), _contents),
    min_size=1,
    max_size=3,
)
_keys = st.sampled_from(KEYS)
_ops = st.one_of(
    st.tuples(st.just("append"), _keys, _sent, st.integers(0, 3)),
    st.tuples(st.just("save"), _keys, _sent),
    st.tuples(st.just("delete"), _keys),
    st.tuples(st.just("load"), _keys),
    st.tuples(st.just("exists"), _keys),
    st.tuples(
        st.just("wait"), st.sampled_from([0.5, 49.0, 51.0, 99.999, 100.0, 500.0])
    ),
    st.tuples(st.just("clean")),
)
schedules = st.lists(_ops, max_size=40)


@dataclass(slots=True)
class Held:
    """One session of the reference: id -> (turn, message), and its last delete."""

    until: float
    epoch: str = ""
    messages: dict[str, tuple[str, Message]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return OVERHEAD + sum(measure(*entry) for entry in self.messages.values())


def measure(turn: str, message: Message) -> int:
    """How many bytes a message takes where it is kept."""
    return make_change([message], turn).size


class Reference:
    """What a store in memory promises, in plain words."""

    def __init__(self) -> None:
        self.now = _START
        self.held: dict[SessionKey, Held] = {}

    def forget_expired(self) -> None:
        self.held = {k: held for k, held in self.held.items() if held.until > self.now}

    def change(
        self, key: SessionKey, turn: str, messages: list[Message], epoch: str = ""
    ) -> bool:
        """Whether the change was taken; what belongs to an older turn is refused."""
        self.forget_expired()
        is_new = key not in self.held
        held = self.held.get(key, Held(self.now))
        held.epoch = max(held.epoch, epoch)
        kept = {i: old for i, old in held.messages.items() if old[0] >= held.epoch}
        if turn >= held.epoch:
            for message in messages:
                kept.setdefault(message.id, (turn, message))
        held.messages = dict(sorted(kept.items()))
        self.trim(held)
        held.until = self.now + LIMITS.lifetime
        if is_new and len(self.list_of(key.user)) >= BOUNDS.per_user:
            del self.held[self.list_of(key.user)[0]]
        self.make_room(key, held, is_new=is_new)
        self.held.pop(key, None)
        self.held[key] = held
        return turn >= held.epoch

    def holds(self, key: SessionKey, id: str) -> bool:
        """Whether a session has a message: a reply needs its question."""
        self.forget_expired()
        return key in self.held and id in self.held[key].messages

    def list_of(self, user: str) -> list[SessionKey]:
        """A user's sessions, the one that was used longest ago in front."""
        return [key for key in self.held if key.user == user]

    def make_room(self, key: SessionKey, held: Held, *, is_new: bool) -> None:
        """Let what was used longest ago go until the session fits."""
        for other in [other for other in self.held if other != key]:
            others = sum(h.size for k, h in self.held.items() if k != key)
            has_room = others + held.size <= BOUNDS.size
            if has_room and not (is_new and len(self.held) >= BOUNDS.sessions):
                return
            del self.held[other]

    @staticmethod
    def trim(held: Held) -> None:
        """Of a session that is too long the oldest turns go, the last message stays."""
        was_cut = False
        while len(held.messages) > 1:
            first = next(iter(held.messages))
            is_long = len(held.messages) > LIMITS.messages
            is_large = held.size - OVERHEAD > LIMITS.size
            is_headless = was_cut and held.messages[first][1].role != "user"
            if not (is_long or is_large or is_headless):
                return
            del held.messages[first]
            was_cut = True

    def load(self, key: SessionKey) -> tuple[Message, ...] | None:
        self.forget_expired()
        held = self.held.get(key)
        if held is None or not held.messages:
            return None
        held.until = self.now + LIMITS.lifetime
        self.held[key] = self.held.pop(key)
        return tuple(message for _, message in held.messages.values())


def finish(work: Coroutine[Any, Any, Answer]) -> Answer:
    """The answer of a coroutine that does not wait."""
    while True:
        try:
            work.send(None)
        except StopIteration as stop:
            answer: Answer = stop.value
            return answer


class Ids(IdMaker):
    """Makes ids, and remembers them as those of turns."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self.turns: list[str] = []

    def __call__(self, key: str = "") -> str:
        self.turns.append(super().__call__(key))
        return self.turns[-1]


class Comparison:
    """One schedule, run by the store and by the reference side by side."""

    def __init__(self) -> None:
        self.reference = Reference()
        self.new_id = Ids(lambda: 1.7e9 + self.reference.now)
        self.turns = self.new_id.turns
        self.ids: list[str] = [self.new_id()]
        self.store = MemoryStore(
            limits=LIMITS,
            bounds=BOUNDS,
            clock=lambda: self.reference.now,
            new_id=self.new_id,
        )

    def run(self, schedule: list[tuple[Any, ...]]) -> None:
        for name, *arguments in schedule:
            self.reference.now += _TICK
            getattr(self, f"do_{name}")(*arguments)
            self.check_all()

    def _make_messages(self, sent: list[tuple[int, str, str]]) -> list[Message]:
        """Messages with new ids, or with one of the last few: they were sent before."""
        messages = []
        for back, role, content in sent:
            is_new = not 0 < back <= len(self.ids)
            if is_new:
                self.ids.append(self.new_id())
            id = self.ids[-1] if is_new else self.ids[-back]
            messages.append(Message(id, role, content, at=1))
        return messages

    def do_append(
        self, key: SessionKey, sent: list[tuple[int, str, str]], late: int
    ) -> None:
        messages = self._make_messages(sent)
        turn = self.turns[-min(late, len(self.turns))] if late else messages[0].id
        is_known = self.reference.holds(key, turn)
        begins = any(message.id == turn for message in messages)
        taken = (begins or is_known) and self.reference.change(key, turn, messages)
        try:
            assert finish(self.store.append(key, messages, turn=turn)) == "memory"
        except SessionDeleted:
            assert not taken
        else:
            assert taken

    def do_save(self, key: SessionKey, sent: list[tuple[int, str, str]]) -> None:
        messages = self._make_messages(sent)
        assert finish(self.store.save(key, messages)) == "memory"
        epoch = self.turns[-1]
        assert self.reference.change(key, epoch, messages, epoch)

    def do_delete(self, key: SessionKey) -> None:
        assert finish(self.store.delete(key)) == "memory"
        self.reference.change(key, self.turns[-1], [], self.turns[-1])
        assert finish(self.store.load(key)) is None
        self.reference.load(key)

    def do_load(self, key: SessionKey) -> None:
        session = finish(self.store.load(key))
        wanted = self.reference.load(key)
        assert (session.messages if session else None) == wanted

    def do_exists(self, key: SessionKey) -> None:
        self.reference.forget_expired()
        held = self.reference.held.get(key)
        wanted = held is not None and bool(held.messages)
        assert finish(self.store.exists(key)) is wanted

    def do_wait(self, seconds: float) -> None:
        self.reference.now += seconds

    def do_clean(self) -> None:
        finish(self.store.cleanup_expired())
        self.reference.forget_expired()
        assert self.store.keys() == list(self.reference.held)

    def check_all(self) -> None:
        """Both hold the same, and nothing that is held was used by being looked at."""
        self.reference.forget_expired()
        for key in KEYS:
            held = self.reference.held.get(key)
            wanted = list(held.messages) if held else []
            seen = [message.id for message in self.store.peek(key).messages]
            assert seen == wanted, (key, seen, wanted)
        stats = finish(self.store.get_stats())
        live = self.reference.held.values()
        assert stats.sessions == sum(bool(held.messages) for held in live)
        assert stats.size == sum(held.size for held in live)
        assert stats.corrupt == 0


def check_schedule(schedule: list[tuple[Any, ...]]) -> None:
    """A store and its reference answer the same, step by step."""
    Comparison().run(schedule)
