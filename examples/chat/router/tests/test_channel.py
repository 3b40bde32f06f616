"""The connection that carries scripts: its order, its deadlines, its end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from router.sessions.channel import Channel
from tests.servers import PATIENCE, RedisServer, Relay

ECHO = "return ARGV[1]"
COUNT = "return redis.call('INCR', KEYS[1])"
FAIL = "return redis.error_reply('ERR ' .. ARGV[1])"


class Using:
    """A channel to an address, and the scripts that tests run on it."""

    def __init__(self, url: str, timeout: float) -> None:
        self.client = Redis.from_url(url)
        make = self.client.connection_pool.make_connection
        self.channel = Channel(make, timeout=timeout)

    async def run(self, text: str, *arguments: str | int) -> object:
        script = self.client.register_script(text)
        return await self.channel.run(script, *arguments)

    def start(self, text: str, *arguments: str | int) -> "asyncio.Task[object]":
        return asyncio.create_task(self.run(text, *arguments))


@asynccontextmanager
async def using(url: str, timeout: float = PATIENCE) -> AsyncIterator[Using]:
    made = Using(url, timeout)
    yield made
    await made.channel.close()
    await made.client.aclose()


def count_connections(server: RedisServer) -> int:
    return server.command("CLIENT LIST").count(b"cmd=eval")


async def test_calls_share_a_connection_and_each_gets_its_own_answer() -> None:
    with RedisServer() as server:
        async with using(server.url) as use:
            answers = await asyncio.gather(
                *(use.run(ECHO, 0, f"{number}") for number in range(200))
            )
            assert answers == [f"{number}".encode() for number in range(200)]
            assert count_connections(server) == 1


async def test_an_error_is_for_the_caller_that_it_belongs_to() -> None:
    with RedisServer() as server:
        async with using(server.url) as use:
            calls = [
                use.start(ECHO, 0, "a"),
                use.start(FAIL, 0, "mine"),
                use.start(ECHO, 0, "b"),
            ]
            with pytest.raises(ResponseError, match="mine"):
                await calls[1]
            assert [await calls[0], await calls[2]] == [b"a", b"b"]


async def test_a_call_whose_caller_has_left_is_made_and_moves_no_answer() -> None:
    with RedisServer() as server:
        async with using(server.url) as use:
            assert await use.run(COUNT, 1, "counted") == 1
            server.freeze()
            left, kept = use.start(COUNT, 1, "counted"), use.start(ECHO, 0, "kept")
            await asyncio.sleep(0)
            left.cancel()
            await asyncio.wait([left])
            server.thaw()
            assert await kept == b"kept"
            assert await use.run(COUNT, 1, "counted") == 3


async def test_scripts_that_redis_has_forgotten_are_sent_again() -> None:
    with RedisServer() as server:
        async with using(server.url) as use:
            assert await use.run(ECHO, 0, "a") == b"a"
            server.command("SCRIPT FLUSH")
            assert await use.run(ECHO, 0, "b") == b"b"


async def test_a_connection_that_ended_while_it_was_idle_is_no_error() -> None:
    with RedisServer() as server:
        async with using(server.url) as use:
            assert await use.run(ECHO, 0, "a") == b"a"
            server.command("CLIENT KILL TYPE normal")
            assert await use.run(ECHO, 0, "b") == b"b"


async def test_calls_on_a_connection_that_ends_are_sent_once_more() -> None:
    with RedisServer() as server:
        async with Relay(server) as relay, using(relay.url) as use:
            assert await use.run(ECHO, 0, "a") == b"a"
            server.freeze()
            calls = [use.start(ECHO, 0, f"{number}") for number in range(5)]
            await asyncio.sleep(0)
            relay.cut()
            server.thaw()
            expected = [f"{number}".encode() for number in range(5)]
            assert await asyncio.gather(*calls) == expected


async def test_a_redis_that_is_away_fails_at_once_and_is_found_again() -> None:
    with RedisServer() as server:
        async with using(server.url) as use:
            assert await use.run(ECHO, 0, "a") == b"a"
            server.kill()
            with pytest.raises(RedisConnectionError):
                await use.run(ECHO, 0, "b")
            server.start()
            assert await use.run(ECHO, 0, "c") == b"c"


async def test_an_answer_that_came_too_late_is_nobody_else_s() -> None:
    with RedisServer() as server:
        async with using(server.url, timeout=1.0) as use:
            assert await use.run(ECHO, 0, "a") == b"a"
            server.freeze()
            calls = [use.start(ECHO, 0, "late"), use.start(ECHO, 0, "later")]
            done, _ = await asyncio.wait(calls)
            assert all(isinstance(call.exception(), TimeoutError) for call in done)
            server.thaw()
            assert await use.run(ECHO, 0, "b") == b"b"


async def test_what_is_let_go_still_answers_and_is_not_used_again() -> None:
    with RedisServer() as old, RedisServer() as new:
        async with Relay(old) as relay, using(relay.url) as use:
            assert await use.run(COUNT, 1, "counted") == 1
            old.freeze()
            waiting = use.start(COUNT, 1, "counted")
            await asyncio.sleep(0)
            use.channel.let_go()
            relay.target = new
            assert await use.run(COUNT, 1, "counted") == 1
            old.thaw()
            assert await waiting == 2


async def test_a_close_waits_for_calls_that_are_under_way() -> None:
    with RedisServer() as server:
        async with using(server.url) as use:
            assert await use.run(COUNT, 1, "counted") == 1
            server.freeze()
            call = use.start(COUNT, 1, "counted")
            await asyncio.sleep(0)
            closing = asyncio.create_task(use.channel.close())
            for _ in range(5):
                await asyncio.sleep(0)
            assert not closing.done()
            server.thaw()
            await closing
            assert await call == 2


async def test_a_close_ends_what_was_sent_again_meanwhile() -> None:
    with RedisServer() as server:
        async with Relay(server) as relay, using(relay.url) as use:
            assert await use.run(COUNT, 1, "counted") == 1
            server.freeze()
            call = use.start(COUNT, 1, "counted")
            await asyncio.sleep(0)
            closing = asyncio.create_task(use.channel.close())
            await asyncio.sleep(0)
            relay.cut()
            server.thaw()
            await closing
            assert not use.channel._links
            assert await call in (2, 3)  # the first one may have arrived


async def test_a_close_waits_for_a_script_that_redis_has_to_be_sent() -> None:
    with RedisServer() as server:
        async with using(server.url) as use:
            assert await use.run(ECHO, 0, "a") == b"a"
            server.freeze()
            call = use.start(COUNT, 1, "counted")
            await asyncio.sleep(0)
            closing = asyncio.create_task(use.channel.close())
            await asyncio.sleep(0)
            server.thaw()
            await closing
            assert not use.channel._links
            assert call.done()
            assert await call == 1
