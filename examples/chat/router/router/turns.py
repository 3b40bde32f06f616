"""One turn of a conversation: what is asked, what is stored, in which order."""

import logging
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any

import msgspec

from router.ids import milliseconds_of
from router.provider import Call, Provider
from router.routes import Route, choose_route
from router.sessions.log import CorruptSession, Message
from router.sessions.store import (
    Durability,
    SessionDeleted,
    SessionKey,
    SessionStore,
    StoreFull,
)
from router.wire import ChatRequest, Incoming, Refusal, decode_request

_log = logging.getLogger("router")
_ID = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._~:@+=-]{1,128}")
_LONGEST_MESSAGE = 64 * 1024
_SYSTEM = ("system", "developer")
_ROLES = (*_SYSTEM, "user", "assistant", "tool", "function")


class Turn(msgspec.Struct, frozen=True):
    """A turn that may go to the provider; `durability` is its user message's."""

    id: str
    reply_id: str
    key: SessionKey | None
    call: Call
    streamed: bool
    route: str
    durability: Durability | None = None

    @property
    def headers(self) -> dict[str, str]:
        # A header is ASCII; a keyword may be anything.
        route = self.route.encode("ascii", "backslashreplace").decode()
        headers = {"X-Route": route}
        if self.durability:
            headers["X-Session-Durability"] = self.durability
        return headers


def make_key(user: str, session: str) -> SessionKey:
    """The key of a session; raises Refusal for an id nobody can have."""
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


class Turns:
    """Begins turns and ends them; knows the order in which things are stored."""

    def __init__(
        self,
        store: SessionStore,
        routes: Sequence[Route],
        provider: Provider,
        model: str | None,
    ) -> None:
        self._store = store
        self._routes = routes
        self._provider = provider
        self._model = model

    async def begin(self, body: bytes, key: SessionKey | None) -> Turn:
        """Read a request and store its new messages.

        Raises Refusal, or what `refuse` makes one of; so does `complete`.
        """
        request, fields = decode_request(body)
        _check_messages(request.messages)
        users = [message.text for message in request.messages if message.role == "user"]
        choice = choose_route(
            self._routes, users[-1] if users else "", request.model or ""
        )
        if key:
            id, durability, messages = await self._converse(
                key, request.messages, choice.route.history
            )
        else:
            id, durability = self._store.new_id(), None
            messages = msgspec.json.decode(fields["messages"])
        if choice.route.system and messages[0]["role"] not in _SYSTEM:
            messages.insert(0, {"role": "system", "content": choice.route.system})
        fields |= _limit_tokens(request, choice.route)
        fields |= {"model": self._model or choice.route.model, "messages": messages}
        return Turn(
            id=id,
            reply_id=self._store.new_id(),
            key=key,
            call=Call(fields, users[-1] if users else ""),
            streamed=bool(request.stream),
            route=f"{choice.route.name}; {choice.reason}",
            durability=durability,
        )

    async def complete(self, turn: Turn) -> bytes:
        """The whole reply, stored before it is returned."""
        piece = await self._provider.complete(turn.call)
        await self._store_reply(turn, piece.text)
        return piece.data

    async def stream(self, turn: Turn) -> AsyncGenerator[bytes, None]:
        """The reply as events; stored before its end can be seen, or as far as it got.

        Raises a failure before the first event; later it is the last event.
        """
        said: list[str] = []
        ending: list[bytes] = []
        begun = False
        try:
            async with aclosing(self._provider.stream(turn.call)) as pieces:
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

    async def _converse(
        self, key: SessionKey, incoming: list[Incoming], most: int
    ) -> tuple[str, Durability | None, list[dict[str, Any]]]:
        """Store what is new; the turn's id, how it is kept, what the model is told."""
        new = _find_new(incoming)
        session = await self._store.load(key)
        earlier = session.messages if session else ()
        question = _find_unanswered(earlier, new)
        if question:
            earlier = earlier[: -len(question)]
        else:
            ids = [self._store.new_id() for _ in new]
            at = milliseconds_of(ids[0])
            question = tuple(
                Message(id, "user", text, at) for id, text in zip(ids, new, strict=True)
            )
        id, durability = question[0].id, None
        with suppress(SessionDeleted):
            durability = await self._store.append(key, question, turn=id)
        system = [m for m in incoming if m.role in _SYSTEM]
        messages = [{"role": m.role, "content": m.text} for m in system]
        told = (*(earlier[-most:] if most else ()), *question)
        messages += [{"role": m.role, "content": m.content} for m in told]
        return id, durability, messages

    async def _store_reply(
        self, turn: Turn, text: str, *, interrupted: bool = False
    ) -> None:
        if not turn.key or not text:
            return
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


def _find_unanswered(
    earlier: tuple[Message, ...], new: list[str]
) -> tuple[Message, ...]:
    """The stored messages that these are, asked again after no reply came."""
    last = earlier[-len(new) :]
    asked = [message.content for message in last if message.role == "user"]
    return last if asked == new else ()


def _limit_tokens(request: ChatRequest, route: Route) -> dict[str, int]:
    if request.max_completion_tokens:
        most = min(request.max_completion_tokens, route.max_tokens)
        return {"max_completion_tokens": most}
    return {"max_tokens": min(request.max_tokens or route.max_tokens, route.max_tokens)}


def _event(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"
