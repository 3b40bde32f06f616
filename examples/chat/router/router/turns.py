"""One turn of a conversation: what is asked, what is stored, in which order."""

import logging
import re
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager, suppress
from typing import Any

import msgspec

from router.ids import milliseconds_of
from router.provider import Call, ContextExceeded, Piece, Provider
from router.routes import Route, choose_route
from router.sessions.log import CorruptSession, Message
from router.sessions.store import (
    Asked,
    Durability,
    SessionDeleted,
    SessionKey,
    SessionStore,
    StoreFull,
)
from router.wire import ChatRequest, Incoming, Refusal, decode_request, encode_json

_log = logging.getLogger("router")
_ID = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._~:@+=-]{1,128}")
_LONGEST_MESSAGE = 64 * 1024
_SYSTEM = ("system", "developer")
_ROLES = (*_SYSTEM, "user", "assistant", "tool", "function")
_NAME = re.compile(r"[\x21-\x7e]{1,255}")
_LIMITS = ("max_tokens", "max_completion_tokens")


class Turn(msgspec.Struct, frozen=True):
    """A turn that may go to the provider; `durability` is its user message's.

    Of a session, `earlier` is what the model gets before the question, and `reply`
    is there when the same turn was answered before.
    """

    id: str
    reply_id: str
    key: SessionKey | None
    call: Call
    streamed: bool
    route: str
    durability: Durability | None = None
    system: tuple[dict[str, Any], ...] = ()
    earlier: tuple[Message, ...] = ()
    question: tuple[Message, ...] = ()
    reply: Message | None = None

    def tell_less(self) -> "Turn | None":
        """The same turn with the later half of what was said earlier, if any was."""
        if not self.earlier:
            return None
        return self.tell(self.earlier[(len(self.earlier) + 1) // 2 :])

    def tell(self, earlier: tuple[Message, ...]) -> "Turn":
        """The same turn, the model given this of what was said earlier."""
        said = _alternate((*earlier, *self.question))
        fields = self.call.fields | {"messages": [*self.system, *said]}
        call = Call(fields, self.call.text)
        return msgspec.structs.replace(self, call=call, earlier=earlier)

    @property
    def headers(self) -> dict[str, str]:
        # A header is ASCII; a keyword may be anything.
        route = self.route.encode("ascii", "backslashreplace").decode()
        headers = {"X-Route": route}
        if self.durability:
            headers["X-Session-Durability"] = self.durability
        return headers


def make_key(user: str, session: str) -> SessionKey:
    """The key of a session; raises Refusal for an id that no user can have."""
    for name, id in (("user", user), ("session", session)):
        if not _ID.fullmatch(id):
            text = f"a {name} id is 1 to 128 of A-Z a-z 0-9 . _ ~ : @ + = -"
            raise Refusal(400, "invalid_id", text)
    return SessionKey(user, session)


def find_key(headers: Mapping[str, str]) -> SessionKey | None:
    """The session a request speaks of; None when it is on its own."""
    user, session = headers.get("X-User-Id"), headers.get("X-Session-Id")
    if user is None and session is None:
        return None
    if user is None or session is None:
        text = "send both X-User-Id and X-Session-Id, or neither"
        raise Refusal(400, "invalid_id", text)
    return make_key(user, session)


def find_name(headers: Mapping[str, str]) -> str:
    """The name that a client gave its request, so that it can be sent again."""
    name = headers.get("Idempotency-Key", "")
    if name and not _NAME.fullmatch(name):
        text = "an Idempotency-Key is 1 to 255 visible ASCII characters"
        raise Refusal(400, "invalid_id", text)
    return name


class Turns:
    """Begins turns and ends them; knows the order in which things are stored."""

    def __init__(
        self,
        store: SessionStore,
        routes: Sequence[Route],
        provider: Provider,
        model: str | None,
        *,
        limit_name: str = "max_tokens",
    ) -> None:
        self._store = store
        self._routes = routes
        self._provider = provider
        self._model = model
        self._limit_name = limit_name
        self._under_way: set[tuple[SessionKey, str]] = set()

    async def begin(self, body: bytes, key: SessionKey | None, name: str = "") -> Turn:
        """Read a request and store its new messages, once for each name.

        Raises Refusal, or what `refuse` makes one of; so does `complete`.
        """
        request, fields = decode_request(body)
        _check_messages(request.messages)
        users = [message.text for message in request.messages if message.role == "user"]
        text = users[-1] if users else ""
        choice = choose_route(self._routes, text, request.model or "")
        route = choice.route
        messages = fields["messages"]
        asked = await self._converse(key, request, name) if key else None
        if asked:
            messages = [m for m in messages if m["role"] in _SYSTEM]
        if route.system and not (messages and messages[0]["role"] in _SYSTEM):
            messages.insert(0, {"role": "system", "content": route.system})
        if request.tools == []:  # providers refuse an empty list
            del fields["tools"]
        fields |= self._limit_tokens(request, route)
        fields |= {"model": self._model or route.model, "messages": messages}
        turn = Turn(
            id=asked.turn if asked else "",
            reply_id=self._store.new_id() if asked else "",
            key=key,
            call=Call(fields, text),
            streamed=bool(request.stream),
            route=f"{route.name}; {choice.reason}",
        )
        if not asked:
            return turn
        turn = msgspec.structs.replace(
            turn,
            durability=asked.durability,
            system=tuple(messages),
            question=asked.question,
            reply=asked.reply,
        )
        return turn.tell(_limit(asked.earlier, route))

    async def complete(self, turn: Turn) -> bytes:
        """The whole reply, stored before it is returned."""
        if turn.reply:
            return _repeat(turn, turn.reply)
        with self._only_once(turn):
            piece = await self._complete(turn)
            await self._store_reply(turn, piece.text)
        return piece.data

    async def _complete(self, turn: Turn) -> Piece:
        while True:
            try:
                return await self._provider.complete(turn.call)
            except ContextExceeded:
                shorter = turn.tell_less()
                if shorter is None:
                    raise
                turn = shorter

    async def stream(self, turn: Turn) -> AsyncGenerator[bytes, None]:
        """The reply as events; stored before its end can be seen, or as far as it got.

        Raises a failure before the first event; later it is the last event.
        """
        if turn.reply:
            for data in _repeat_chunks(turn, turn.reply):
                yield _event(data)
            return
        said: list[str] = []
        ending: list[bytes] = []
        begun = False
        try:
            with self._only_once(turn):
                async with aclosing(self._stream(turn)) as pieces:
                    async for piece in pieces:
                        said.append(piece.text)
                        if piece.last or ending:
                            ending.append(piece.data)
                        else:
                            begun = True
                            yield _event(piece.data)
                await self._store_reply(turn, "".join(said))
            ending.append(b"[DONE]")
        except BaseException as error:  # a client that left is a cancel, or a close
            with suppress(StoreFull):
                await self._store_reply(turn, "".join(said), interrupted=True)
            refusal = refuse(error)
            if not begun or not refusal:
                raise
            _log.warning("a reply broke off: %s", refusal.detail)
            ending = [refusal.encode()]
        for data in ending:
            yield _event(data)

    async def _stream(self, turn: Turn) -> AsyncGenerator[Piece, None]:
        while True:
            begun = False
            try:
                async with aclosing(self._provider.stream(turn.call)) as pieces:
                    async for piece in pieces:
                        begun = True
                        yield piece
            except ContextExceeded:
                shorter = turn.tell_less()
                if begun or shorter is None:
                    raise
                turn = shorter
            else:
                return

    @contextmanager
    def _only_once(self, turn: Turn) -> Iterator[None]:
        """Refuse to ask for a reply that is on its way already; raises Refusal."""
        if turn.key is None:
            yield
            return
        mine = (turn.key, turn.id)
        if mine in self._under_way:
            text = "this turn is being answered; ask for it again later"
            raise Refusal(409, "turn_under_way", text, retry_after="1")
        self._under_way.add(mine)
        try:
            yield
        finally:
            self._under_way.discard(mine)

    async def _converse(
        self, key: SessionKey, request: ChatRequest, name: str
    ) -> Asked:
        """Store what is new, and learn what was said before."""
        if request.tools or request.functions:
            text = (
                "a session holds text only: send tools without X-User-Id and "
                "X-Session-Id, with all messages"
            )
            raise Refusal(400, "tools_in_session", text)
        return await self._store.ask(key, _find_new(request.messages), name)

    def _limit_tokens(self, request: ChatRequest, route: Route) -> dict[str, int]:
        """The longest reply, where the client or the route says so."""
        wanted = {
            name: getattr(request, name)
            for name in _LIMITS
            if getattr(request, name) is not None
        }
        if any(most < 1 for most in wanted.values()):
            raise Refusal(400, "invalid_limit", f"{next(iter(wanted))}: use 1 or more")
        if route.max_tokens is None:
            return {}
        if not wanted:
            return {self._limit_name: route.max_tokens}
        return {name: min(most, route.max_tokens) for name, most in wanted.items()}

    async def _store_reply(
        self, turn: Turn, text: str, *, interrupted: bool = False
    ) -> None:
        if not turn.key or not text:
            return
        kept = text
        if len(text) > _LONGEST_MESSAGE // 4:  # a character has up to four bytes
            kept = text.encode()[:_LONGEST_MESSAGE].decode(errors="ignore")
        interrupted = interrupted or len(kept) < len(text)
        at = milliseconds_of(turn.reply_id)
        reply = Message(turn.reply_id, "assistant", kept, at, interrupted)
        with suppress(SessionDeleted):
            await self._store.append(turn.key, [reply], turn=turn.id)


def refuse(error: BaseException) -> Refusal | None:
    """A failure of the store or the provider as a refusal; None for any other."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, StoreFull):
        text = "sessions cannot be kept until Redis is back"
        after = str(error.retry_after)
        return Refusal(503, "sessions_full", text, retry_after=after)
    if isinstance(error, CorruptSession):
        text = "the stored session cannot be read and was set aside; begin a new one"
        return Refusal(500, "session_corrupt", text)
    return None


def _check_messages(messages: list[Incoming]) -> None:
    if not messages:
        raise Refusal(400, "no_message", "messages: there is none")
    for number, message in enumerate(messages):
        if message.role not in _ROLES:
            text = f"messages[{number}].role: use one of {', '.join(_ROLES)}"
            raise Refusal(400, "invalid_role", text)
        if message.is_empty and message.role not in {"tool", "function"}:
            text = f"messages[{number}].content is empty"
            raise Refusal(400, "no_message", text)
        if len(message.text.encode()) > _LONGEST_MESSAGE:
            text = f"messages[{number}] is longer than {_LONGEST_MESSAGE} bytes"
            raise Refusal(413, "message_too_long", text)


def _find_new(messages: list[Incoming]) -> list[str]:
    """The texts after the last reply; what was before it, the store knows."""
    new: list[Incoming] = []
    for message in messages:
        if message.role == "assistant":
            new.clear()
        elif message.role not in _SYSTEM:
            new.append(message)
    if any(message.role != "user" or not message.is_text for message in new):
        text = "a session holds text of users and replies only"
        raise Refusal(400, "invalid_message", text)
    if not any(message.text for message in new):
        raise Refusal(400, "no_message", "messages: there is no new one by the user")
    return [message.text for message in new]


def _limit(earlier: tuple[Message, ...], route: Route) -> tuple[Message, ...]:
    """The last messages, as many and as long as the route lets the model get."""
    kept = earlier[-route.history :] if route.history else ()
    if sum([len(message.content) for message in kept]) <= route.history_characters:
        return kept
    size, first = 0, len(kept)
    while first and size + len(kept[first - 1].content) <= route.history_characters:
        first -= 1
        size += len(kept[first].content)
    return kept[first:]


def _alternate(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages as models take them: a user's first, then by turns.

    Neighbours of one role are joined, since templates of models refuse them; a question
    that was asked again is sent once.
    """
    joined: list[dict[str, Any]] = []
    role = last = ""
    for message in messages:
        if message.role != role:
            if joined or message.role == "user":
                role = message.role
                joined.append({"role": role, "content": message.content})
        elif message.content != last:
            joined[-1]["content"] += f"\n\n{message.content}"
        last = message.content
    return joined


def _envelope(turn: Turn, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{turn.id}",
        "object": kind,
        "created": milliseconds_of(turn.id) // 1000,
        "model": turn.call.fields["model"],
    }


def _repeat(turn: Turn, reply: Message) -> bytes:
    """A stored reply as it is given again, whole."""
    message = {"role": "assistant", "content": reply.content}
    reason = "length" if reply.interrupted else "stop"
    choice = {"index": 0, "message": message, "finish_reason": reason}
    return encode_json(_envelope(turn, "chat.completion") | {"choices": [choice]})


def _repeat_chunks(turn: Turn, reply: Message) -> Iterator[bytes]:
    """A stored reply as it is given again, in one piece and an end."""
    envelope = _envelope(turn, "chat.completion.chunk")
    said = {"role": "assistant", "content": reply.content}
    end = "length" if reply.interrupted else "stop"
    for delta, reason in ((said, None), ({}, end)):
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        yield encode_json(envelope | {"choices": [choice]})
    yield b"[DONE]"


def _event(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"
