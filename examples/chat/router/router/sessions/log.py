"""The log of one session: how messages are ordered, merged, trimmed and encoded.

A change to a session is itself a small log. Merging is the only way to change one, and
merging twice is merging once: a write that timed out may safely be sent again. What
`merge` does here, `change.lua` does inside Redis; one test compares the two.

Only Redis gets members encoded: the id, the turn's id, the role, the version of this
form, a mark of the text, and the message itself. Of version 1, which had no mark, the
text is read alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from router.ids import SUFFIX

_TURN = slice(36, 72)
_VERSION = slice(73, 74)
_BODIES = {b"1": slice(74, None), b"2": slice(90, None)}
_HEAD = 90
_NO_MARK = 16 * "0"
_LARGEST_MEMBER = 512 * 1024


class CorruptSession(Exception):
    """A stored session cannot be read; it was set aside, not taken for an empty one."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message of a session; `at` is in milliseconds since 1970."""

    id: str
    role: str
    content: str
    at: int
    interrupted: bool = False


class Member(msgspec.Struct, frozen=True, gc=False):
    """A message of a log, the id of its turn, and its size when encoded, in bytes."""

    message: Message
    turn: str
    size: int


class Log(msgspec.Struct, frozen=True, gc=False):
    """Messages in the order of their ids, their size, and when the last delete was.

    `epoch` is an id made at that delete: what belongs to a turn that began before it is
    refused. Empty means that no delete is known.
    """

    epoch: str = ""
    members: tuple[Member, ...] = ()
    size: int = 0

    @property
    def messages(self) -> tuple[Message, ...]:
        return tuple([member.message for member in self.members])

    @property
    def ids(self) -> set[str]:
        return {member.message.id for member in self.members}

    @property
    def newest(self) -> str:
        """The greatest id of messages, turns and deletes; empty when there is none."""
        if not self.members:
            return self.epoch
        last = self.members[-1]
        return max(self.epoch, last.message.id, last.turn)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a session lives after its last use (in seconds), how long it may get.

    Of one that is too long the oldest turns go first.
    """

    lifetime: float = 1800.0
    messages: int = 200
    size: int = 256 * 1024


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[Message, ...])


def make_change(messages: Sequence[Message], turn: str, epoch: str = "") -> Log:
    """The change that adds messages of one turn, and deletes what is before `epoch`.

    Of messages with the same id the first counts.
    """
    if len(messages) == 1:
        member = _make_member(messages[0], turn)
        return Log(epoch, (member,), member.size)
    by_id = {message.id: message for message in reversed(messages)}
    members = tuple(_make_member(by_id[id], turn) for id in sorted(by_id))
    return make_log(epoch, members)


def make_log(epoch: str, members: tuple[Member, ...]) -> Log:
    """A log of messages that are in order."""
    return Log(epoch, members, sum([member.size for member in members]))


def _make_member(message: Message, turn: str) -> Member:
    return Member(message, turn, _HEAD + len(_encoder.encode(message)))


def encode_member(member: Member) -> bytes:
    """A member as Redis keeps it."""
    message = member.message
    role = "u" if message.role == "user" else "a"
    mark = _mark(message.content) if role == "u" else _NO_MARK
    head = f"{message.id}{member.turn}{role}2{mark}"
    return head.encode() + _encoder.encode(message)


def _mark(text: str) -> str:
    """What two questions of the same text have in common."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def decode_members(members: Sequence[bytes]) -> tuple[Member, ...]:
    """What Redis keeps; raises CorruptSession for what this code did not write."""
    versions = {member[_VERSION] for member in members}
    if versions - _BODIES.keys() or max(map(len, members), default=0) > _LARGEST_MEMBER:
        raise CorruptSession("a stored message has an unknown form")
    # All bodies behind the head of a msgpack array: one call is quicker than many.
    head = b"\xdd" + len(members).to_bytes(4, "big")
    bodies = [m[_BODIES[m[_VERSION]]] for m in members]
    try:
        messages = _decoder.decode(head + b"".join(bodies))
        return tuple(
            Member(message, member[_TURN].decode(), len(member))
            for message, member in zip(messages, members, strict=True)
        )
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CorruptSession("a stored message cannot be decoded") from error


def find_turn(known: Log, asked: Log, suffix: str) -> str | None:
    """The id of the turn in which these questions were asked before, if they were.

    With a suffix: in any turn, by the ids that were made with the same key. Without a
    reply since: by their texts.
    """
    for member in reversed(known.members) if suffix else ():
        message = member.message
        if message.id[SUFFIX] == suffix and message.role == "user":
            return member.turn
    if not known.members or known.members[-1].message.role != "user":
        return None
    last = known.members[-len(asked.members) :]
    if len(last) == len(asked.members) and all(
        old.message.role == new.message.role == "user"
        and old.message.content == new.message.content
        for old, new in zip(last, asked.members, strict=True)
    ):
        return last[0].turn
    return None


def merge(known: Log, change: Log, limits: Limits) -> Log:
    """Both logs as one: no id twice, nothing from before the later epoch, trimmed."""
    epoch = max(known.epoch, change.epoch)
    if epoch != known.epoch:
        known = make_log(epoch, tuple(m for m in known.members if m.turn >= epoch))
    if epoch and any(m.turn < epoch for m in change.members):
        change = make_log(epoch, tuple(m for m in change.members if m.turn >= epoch))
    kept, fresh = known.members, change.members
    if kept and fresh and fresh[0].message.id <= kept[-1].message.id:
        by_id = {m.message.id: m for m in fresh + kept}
        log = make_log(epoch, tuple(by_id[id] for id in sorted(by_id)))
    else:
        log = Log(epoch, kept + fresh, known.size + change.size)
    return _trim(log, limits)


def _trim(log: Log, limits: Limits) -> Log:
    members, size = log.members, log.size
    count, first = len(members), 0
    while count > 1 and (
        count > limits.messages
        or size > limits.size
        or (first and members[first].message.role != "user")
    ):
        size -= members[first].size
        count -= 1
        first += 1
    return Log(log.epoch, members[first:], size) if first else log
