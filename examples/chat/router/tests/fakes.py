"""Hand-written stand-ins: a clock, a loop in simulated time, a Redis, a provider."""

import asyncio
import random
import selectors
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from router.ids import Ids
from router.sessions.log import Limits, Log
from router.sessions.memory import MemoryStore
from router.sessions.store import (
    Durability,
    How,
    Receipt,
    SessionKey,
    SessionStore,
    Stats,
    Status,
    StoreUnavailable,
)

_T = TypeVar("_T")
TIMEOUT = 0.25
EPOCH = 1.7e9
"""When simulated time began, in seconds since 1970."""


class Clock:
    """A clock that goes only when a test moves it."""

    def __init__(self, start: float = 1000.0) -> None:
        self.now = start

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class _NoWait(selectors.DefaultSelector):
    """Waits no real time: what would have been waited is added to the loop's clock.

    Nor does it look at any file: in a simulation all that happens is on the clock.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("nothing will ever happen: everybody waits")
        self._clock.advance(max(timeout, 0))
        return []


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop in which an hour passes at once."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(_NoWait(clock))
        self._simulated = clock

    def time(self) -> float:
        return self._simulated.now


class SimulatedRedis:
    """What Redis would hold, behind a transport that can go wrong in every way."""

    def __init__(
        self, clock: Callable[[], float], limits: Limits, chance: random.Random
    ) -> None:
        self.store = MemoryStore(limits=limits, clock=clock)
        self.clock = clock
        self.limits = limits
        self.chance = chance
        self.refuses = False
        self.loses_answers = 0.0
        # Slow at times, so that whatever can overlap does.
        self.latency = chance.choice((0.002, 0.1))
        self.thawed = asyncio.Event()
        self.thawed.set()

    def freeze(self) -> None:
        self.thawed.clear()

    def thaw(self) -> None:
        self.thawed.set()


class SimulatedRemote(SessionStore):
    """One router's connection to a simulated Redis; it may be cut off by itself."""

    def __init__(self, redis: SimulatedRedis, new_id: Ids) -> None:
        super().__init__(redis.limits, new_id)
        self._redis = redis
        self._late: set[asyncio.Task[Any]] = set()
        self.cut_off = False
        self.calls = 0

    async def apply(
        self,
        key: SessionKey,
        change: Log,
        *,
        lifetime: float | None = None,
        how: How = "merge",
        condition: str = "",
    ) -> Receipt:
        latest = self._redis.clock() + TIMEOUT

        async def change_in_time() -> Receipt:
            if self._redis.clock() > latest:
                raise StoreUnavailable("too late")
            return await self._redis.store.apply(
                key, change, lifetime=lifetime, how=how, condition=condition
            )

        done = await self._call(change_in_time)
        return Receipt("redis", done.epoch, done.members, done.turn)

    async def read(self, key: SessionKey) -> tuple[Log, Durability]:
        log, _ = await self._call(lambda: self._redis.store.read(key))
        return log, "redis"

    async def exists(self, key: SessionKey) -> bool:
        return await self._call(lambda: self._redis.store.exists(key))

    async def set_aside(self, key: SessionKey) -> None:
        await self._call(lambda: self._redis.store.set_aside(key))

    async def cleanup_expired(self) -> int:
        return 0

    async def get_stats(self) -> Stats:
        return await self._call(self._redis.store.get_stats)

    async def check(self) -> None:
        await self._call(self._redis.store.check)

    def status(self) -> Status:
        return Status(mode="redis", since=self.since)

    async def _call(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """Do the work as a Redis that is far away would, or fail as one does."""
        self.calls += 1
        await asyncio.sleep(self._redis.chance.uniform(0, self._redis.latency))
        if self.cut_off or self._redis.refuses:
            raise StoreUnavailable("refused")
        # What was sent is carried out in the end, whether or not anybody still waits.
        carried_out = asyncio.create_task(self._carry_out(work))
        self._late.add(carried_out)
        carried_out.add_done_callback(self._late.discard)
        done, _ = await asyncio.wait((carried_out,), timeout=TIMEOUT)
        if not done:
            raise StoreUnavailable("timed out")
        if self._redis.chance.random() < self._redis.loses_answers:
            raise StoreUnavailable("the connection broke before the answer")
        self.new_id.align(EPOCH + self._redis.clock())
        return carried_out.result()

    async def _carry_out(self, work: Callable[[], Awaitable[_T]]) -> _T:
        await self._redis.thawed.wait()
        await asyncio.sleep(self._redis.chance.uniform(0, self._redis.latency))
        return await work()


class ProviderScript:
    """An OpenAI-shaped provider that does what the test sets, and remembers.

    `failures` are answered first, one each: a status, or "break" for a connection that
    ends without an answer. A streamed reply waits for `go` after its first word.
    """

    def __init__(self, words: list[str] | None = None) -> None:
        self.words = words or ["Hello", " there", "!"]
        self.failures: list[int | str] = []
        self.retry_after: str | None = None
        self.error: object = {"message": "as told"}
        self.fails_late: int | None = None
        self.most_characters: int | None = None
        self.wants_turns = False
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.go = asyncio.Event()
        self.go.set()
        self.cancelled = asyncio.Event()
        self.breaks_after: int | None = None
        self.aborts_after: int | None = None
        self.before_reply: Callable[[], Awaitable[None]] | None = None
        self.app = Starlette(
            routes=[Route("/v1/chat/completions", self._answer, methods=["POST"])]
        )

    async def _answer(self, request: Request) -> Response:
        self.asked.append(msgspec.json.decode(await request.body()))
        self.keys.append(request.headers.get("Authorization"))
        if self.failures:
            return self._fail(self.failures.pop(0))
        messages = self.asked[-1]["messages"]
        size = sum(len(message["content"] or "") for message in messages)
        if self.most_characters is not None and size > self.most_characters:
            self.error = {"message": "too long", "code": "context_length_exceeded"}
            return self._fail(400)
        roles = [m["role"] for m in messages if m["role"] != "system"]
        if self.wants_turns and roles != ["user", "assistant"] * (len(roles) // 2) + [
            "user"
        ]:
            self.error = {"message": "Conversation roles must alternate"}
            return self._fail(400)
        if self.before_reply:
            await self.before_reply()
        if self.fails_late:
            return self._fail(self.fails_late)
        if self.asked[-1].get("stream"):
            return StreamingResponse(self._stream(), media_type="text/event-stream")
        await self._wait(request)
        message = {"role": "assistant", "content": "".join(self.words)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return _json({"id": "x", "object": "chat.completion", "choices": [choice]})

    def _fail(self, failure: int | str) -> Response:
        if failure == "break":
            raise ConnectionAbortedError
        headers = {"Retry-After": self.retry_after} if self.retry_after else {}
        body = _json({"error": self.error})
        return Response(body.body, int(failure), headers, "application/json")

    async def _wait(self, request: Request) -> None:
        while not self.go.is_set():
            if await request.is_disconnected():
                self.cancelled.set()
                return
            await asyncio.sleep(0.01)

    async def _stream(self) -> AsyncIterator[bytes]:
        try:
            for number, word in enumerate(self.words):
                if number == self.breaks_after:
                    return
                if number == self.aborts_after:
                    raise ConnectionAbortedError
                yield _chunk({"content": word}, None)
                await self.go.wait()
            yield _chunk({}, "stop")
            yield b"data: [DONE]\n\n"
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


def _chunk(delta: dict[str, str], reason: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    body = {"id": "x", "object": "chat.completion.chunk", "choices": [choice]}
    return b"data: " + msgspec.json.encode(body) + b"\n\n"


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
