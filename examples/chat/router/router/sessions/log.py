"""The log of one session: how messages are encoded, ordered, merged and trimmed.

A change to a session is itself a small log. Merging is the only way to change one, and
merging twice is merging once: a write that timed out may safely be sent again. What
`merge` does here, `change.lua` does inside Redis; one test compares the two.

A member is: its id, its turn's id, its role, the version of this form, a mark of its
text, and the message itself. Of version 1, which had no mark, the text is read alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from router.ids import SUFFIX

ID = slice(0, 36)
TURN = slice(36, 72)
ROLE = slice(72, 73)
VERSION = slice(73, 74)
MARK = slice(74, 90)
_BODIES = {b"1": slice(74, None), b"2": slice(90, None)}
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


class Log(msgspec.Struct, frozen=True, gc=False):
    """Encoded messages in the order of their ids, and when the last delete was.

    `epoch` is an id made at that delete: what belongs to a turn that began before it is
    refused. Empty means that no delete is known.
    """

    epoch: bytes = b""
    members: tuple[bytes, ...] = ()

    @property
    def size(self) -> int:
        return sum(map(len, self.members))

    @property
    def newest(self) -> bytes:
        """The greatest id of messages, turns and deletes; empty when there is none."""
        if not self.members:
            return self.epoch
        last = self.members[-1]
        return max(self.epoch, last[ID], last[TURN])


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


def encode_log(messages: Sequence[Message], turn: str, epoch: str = "") -> Log:
    """The change that adds messages of one turn, and deletes what is before `epoch`.

    Of messages with the same id the first counts.
    """
    if len(messages) == 1:
        return Log(epoch.encode(), (_encode(messages[0], turn),))
    by_id = {message.id: message for message in reversed(messages)}
    members = sorted(_encode(message, turn) for message in by_id.values())
    return Log(epoch.encode(), tuple(members))


def _encode(message: Message, turn: str) -> bytes:
    role = "u" if message.role == "user" else "a"
    mark = _mark(message.content) if role == "u" else _NO_MARK
    return f"{message.id}{turn}{role}2{mark}".encode() + _encoder.encode(message)


def _mark(text: str) -> str:
    """What two questions of the same text have in common."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def decode_members(members: Sequence[bytes]) -> tuple[Message, ...]:
    """The messages of a log; raises CorruptSession for what this code did not write."""
    versions = {member[VERSION] for member in members}
    if versions - _BODIES.keys() or max(map(len, members), default=0) > _LARGEST_MEMBER:
        raise CorruptSession("a stored message has an unknown form")
    # All bodies behind the head of a msgpack array: one call is quicker than many.
    head = b"\xdd" + len(members).to_bytes(4, "big")
    bodies = [m[_BODIES[m[VERSION]]] for m in members]
    try:
        return _decoder.decode(head + b"".join(bodies))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CorruptSession("a stored message cannot be decoded") from error


def find_turn(known: Log, asked: Log, suffix: bytes) -> bytes | None:
    """The id of the turn in which these questions were asked before, if they were.

    With a suffix: in any turn, by the ids that were made with the same key. Without a
    reply since: by their texts.
    """
    for member in reversed(known.members) if suffix else ():
        if member[ID][SUFFIX] == suffix and member[ROLE] == b"u":
            return member[TURN]
    last = known.members[-len(asked.members) :]
    if len(last) == len(asked.members) and all(
        old[ROLE] == b"u" and old[VERSION] == b"2" and old[MARK] == new[MARK]
        for old, new in zip(last, asked.members, strict=True)
    ):
        return last[0][TURN]
    return None


def merge(known: Log, change: Log, limits: Limits) -> Log:
    """Both logs as one: no id twice, nothing from before the later epoch, trimmed."""
    epoch = max(known.epoch, change.epoch)
    kept = known.members
    if epoch != known.epoch:
        kept = tuple(m for m in kept if m[TURN] >= epoch)
    fresh = change.members
    if epoch:
        fresh = tuple(m for m in fresh if m[TURN] >= epoch)
    if kept and fresh and fresh[0][ID] <= kept[-1][ID]:
        ids = {m[ID] for m in kept}
        fresh = tuple(m for m in fresh if m[ID] not in ids)
        kept = tuple(sorted(kept + fresh))
    else:
        kept += fresh
    return Log(epoch, _trim(kept, limits))


def _trim(members: tuple[bytes, ...], limits: Limits) -> tuple[bytes, ...]:
    count, size, first = len(members), sum(map(len, members)), 0
    while count > 1 and (
        count > limits.messages
        or size > limits.size
        or (first and members[first][ROLE] != b"u")
    ):
        size -= len(members[first])
        count -= 1
        first += 1
    return members[first:] if first else members
