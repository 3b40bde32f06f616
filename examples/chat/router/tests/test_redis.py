"""Redis as it is set up elsewhere: failover, clusters, passwords, eviction, clocks."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from router.ids import IdMaker
from router.sessions import tended
from router.sessions.clock import RemoteClock
from router.sessions.log import Limits, Message
from router.sessions.recovering import RecoveringStore
from router.sessions.redis import RedisStore
from router.sessions.store import (
    Session,
    SessionDeleted,
    SessionKey,
    SessionStore,
    StoreMisconfigured,
    StoreUnavailable,
)
from tests.servers import PATIENCE, RedisServer, Relay, Sentinel, serving

KEY = SessionKey("alice", "one")
FREEZE = 1.0


def contents(session: Session | None) -> list[str]:
    return [message.content for message in session.messages] if session else []


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not await holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def take_turn(store: SessionStore, text: str) -> str:
    asked = await store.ask(KEY, [text])
    reply = Message(store.new_id(), "assistant", f"re: {text}", at=1)
    return await store.append(KEY, [reply], turn=asked.turn)


def follow(replica: RedisServer, primary: RedisServer) -> None:
    replica.command(f"REPLICAOF 127.0.0.1 {primary.port}")


async def in_step(replica: RedisServer) -> None:
    async def is_up() -> bool:
        return b"master_link_status:up" in replica.command("INFO replication")

    await until(is_up)


# Failover behind one address


@pytest.mark.parametrize("cuts", [False, True])
async def test_after_a_failover_the_store_comes_back_and_has_lost_nothing(
    cuts: bool,
) -> None:
    with RedisServer() as old, RedisServer() as new:
        follow(new, old)
        await in_step(new)
        async with Relay(old) as relay:
            store = RecoveringStore(RedisStore(relay.url, timeout=PATIENCE))
            async with tended(store):
                assert await take_turn(store, "a") == "redis"
                assert old.command("WAIT 1 10000").startswith(b":1")
                new.command("REPLICAOF NO ONE")
                follow(old, new)
                if cuts:  # as Sentinel does, before the proxy knows the new primary
                    relay.cut()
                assert await take_turn(store, "b") == "degraded"
                relay.target = new
                await until(lambda: answers(store, "redis"))
                assert store.status().unsynced == 0
                assert await take_turn(store, "c") == "redis"
            other = RedisStore(new.url, timeout=PATIENCE)
            said = ["a", "re: a", "b", "re: b", "c", "re: c"]
            assert contents(await other.load(KEY)) == said
            await other.close()


async def answers(store: SessionStore, mode: str) -> bool:
    return store.status().mode == mode


async def test_a_stop_after_a_failover_brings_over_what_was_acknowledged() -> None:
    with RedisServer() as old, RedisServer() as new:
        async with Relay(old) as relay:
            store = RecoveringStore(RedisStore(relay.url, timeout=PATIENCE))
            assert await store.ping()
            follow(old, new)
            await in_step(old)
            assert await take_turn(store, "a") == "degraded"
            relay.target = new
            await store.close()
        other = RedisStore(new.url, timeout=PATIENCE)
        assert contents(await other.load(KEY)) == ["a", "re: a"]
        await other.close()


async def test_sentinel_may_replace_the_primary() -> None:
    with RedisServer() as old, RedisServer() as new:
        follow(new, old)
        await in_step(new)
        with Sentinel(old) as sentinel:

            async def knows_replica() -> bool:
                return b"num-slaves\r\n$1\r\n1" in sentinel.ask("SENTINEL master chat")

            await until(knows_replica)
            async with Relay(sentinel) as relay:
                store = RecoveringStore(RedisStore(relay.url, timeout=PATIENCE))
                async with tended(store):
                    assert await take_turn(store, "a") == "redis"
                    assert old.command("WAIT 1 10000").startswith(b":1")
                    old.kill()
                    assert await take_turn(store, "b") == "degraded"
                    await until(lambda: answers(store, "redis"))
                    assert await take_turn(store, "c") == "redis"
            other = RedisStore(new.url, timeout=PATIENCE)
            said = ["a", "re: a", "b", "re: b", "c", "re: c"]
            assert contents(await other.load(KEY)) == said
            await other.close()


async def test_a_redis_that_takes_no_writes_is_still_read() -> None:
    with RedisServer() as primary, RedisServer() as replica:
        other = RedisStore(primary.url, timeout=PATIENCE)
        await take_turn(other, "elsewhere")
        follow(replica, primary)
        await in_step(replica)
        store = RecoveringStore(RedisStore(replica.url, timeout=PATIENCE))
        assert not await store.ping()
        assert store.status().reason == "Redis is a replica now and takes no writes"
        session = await store.load(KEY)
        assert contents(session) == ["elsewhere", "re: elsewhere"]
        assert session
        assert session.durability == "degraded"  # a replica may be behind
        assert await take_turn(store, "here") == "degraded"
        assert contents(await store.load(KEY))[2:] == ["here", "re: here"]
        replica.command("REPLICAOF NO ONE")
        await store.probe()
        assert store.status().mode == "redis"
        assert len(contents(await store.load(KEY))) == 4
        await store.close()
        await other.close()


async def test_a_redis_without_room_changes_nothing_and_is_still_read() -> None:
    with RedisServer() as server:
        remote = RedisStore(server.url, timeout=PATIENCE)
        store = RecoveringStore(remote)
        assert await take_turn(store, "a") == "redis"
        server.command("CONFIG SET maxmemory 1")
        assert await store.delete(KEY) == "degraded"
        assert contents(await remote.load(KEY)) == ["a", "re: a"]
        assert "maxmemory" in (store.status().reason or "")
        server.command("CONFIG SET maxmemory 0")
        await store.probe()
        assert await remote.load(KEY) is None
        await store.close()


# Settings


ACL = "ACL SETUSER {user} on >word ~{keys} {rights}"


@pytest.mark.parametrize(
    ("prepare", "user", "path", "words"),
    [
        ("CONFIG SET requirepass right", "", "0", "user or password"),
        ("CONFIG SET requirepass right", ":wrong@", "0", "user or password"),
        ("PING", "nobody:word@", "0", "user or password"),
        (ACL.format(user="u", keys="*", rights="+@read"), "u:word@", "0", "lacks"),
        (ACL.format(user="u", keys="x", rights="+@all"), "u:word@", "0", "lacks"),
        ("PING", "", "99", "use /0"),
    ],
)
async def test_a_redis_that_will_never_do_is_named_at_the_start(
    prepare: str, user: str, path: str, words: str
) -> None:
    with RedisServer() as server:
        assert server.command(prepare)[:1] == b"+"
        url = f"redis://{user}127.0.0.1:{server.port}/{path}"
        store = RecoveringStore(RedisStore(url, timeout=PATIENCE))
        with pytest.raises(StoreMisconfigured, match=words):
            async with tended(store):
                pass


async def test_what_is_no_redis_is_named_at_the_start() -> None:
    async def answer(scope: object, receive: object, send: object) -> None:
        raise AssertionError("it is no HTTP that comes here")

    async with serving(answer) as address:
        url = address.replace("http:", "redis:")
        with pytest.raises(StoreMisconfigured, match="is no Redis"):
            async with tended(RecoveringStore(RedisStore(url, timeout=PATIENCE))):
                pass


async def test_a_redis_that_is_away_at_the_start_is_waited_for() -> None:
    with RedisServer() as server:
        server.kill()
        store = RecoveringStore(RedisStore(server.url, timeout=PATIENCE))
        async with tended(store):
            assert "Redis does not answer" in (store.status().reason or "")
            server.start()
            await until(lambda: answers(store, "redis"))
            assert store.status().reason is None


async def test_a_password_that_is_changed_later_is_a_reason_and_no_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with RedisServer() as server:
        store = RecoveringStore(RedisStore(server.url, timeout=PATIENCE))
        async with tended(store):
            server.command("CONFIG SET requirepass right")
            await store._remote._let_go()  # type: ignore[attr-defined]
            await until(lambda: answers(store, "degraded"))
            assert "user or password" in (store.status().reason or "")
            assert await take_turn(store, "a") == "degraded"
    assert caplog.text.count("user or password") == 1


async def test_one_node_of_a_cluster_is_refused_and_a_whole_one_is_not() -> None:
    with RedisServer(cluster=True) as one, RedisServer(cluster=True) as other:
        store = RecoveringStore(RedisStore(one.url, timeout=PATIENCE))
        one.command("CLUSTER ADDSLOTSRANGE 0 16383")
        await until(lambda: cluster_is_up(one))
        async with tended(store):
            assert await take_turn(store, "a") == "redis"

        other.command("CLUSTER ADDSLOTSRANGE 0 16000")
        one.command("CLUSTER DELSLOTSRANGE 0 16000")
        one.command(f"CLUSTER MEET 127.0.0.1 {other.port} {other.bus}")
        for server in (one, other):
            await until(lambda: cluster_has(server, 2))  # noqa: B023 - used here
            again = RecoveringStore(RedisStore(server.url, timeout=PATIENCE))
            with pytest.raises(StoreMisconfigured, match="Redis Cluster"):
                async with tended(again):
                    pass


async def cluster_is_up(server: RedisServer) -> bool:
    return b"cluster_state:ok" in server.command("CLUSTER INFO")


async def cluster_has(server: RedisServer, size: int) -> bool:
    info = server.command("CLUSTER INFO")
    return f"cluster_size:{size}".encode() in info and b"cluster_state:ok" in info


@pytest.mark.parametrize(
    ("policy", "warns"), [("allkeys-lru", True), ("noeviction", False)]
)
async def test_a_redis_that_may_evict_is_warned_of(
    policy: str, warns: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with RedisServer() as server:
        server.command(f"CONFIG SET maxmemory-policy {policy}")
        async with tended(RecoveringStore(RedisStore(server.url, timeout=PATIENCE))):
            pass
    assert ("maxmemory-policy" in caplog.text) is warns


async def test_what_is_left_of_a_session_by_eviction_keeps_its_bound(
    redis_server: RedisServer, redis_url: str
) -> None:
    limits = Limits(size=2000)
    store = RedisStore(redis_url, limits=limits, timeout=PATIENCE)
    for number in range(6):
        await store.ask(KEY, [f"{number} " + "x" * 500])
        await store._client.zrem(store._keys(KEY)[0], "!")
    assert await store._client.keys("*alice*") == [store._keys(KEY)[0].encode()]
    assert sum(map(len, contents(await store.load(KEY)))) <= limits.size
    await store.close()


# Clocks


async def test_a_message_right_after_a_faster_router_s_delete_is_kept(
    redis_url: str,
) -> None:
    fast = RedisStore(
        redis_url, timeout=PATIENCE, new_id=IdMaker(lambda: time.time() + 0.8)
    )
    slow = RedisStore(redis_url, timeout=PATIENCE, new_id=IdMaker(time.time))
    await take_turn(fast, "before")
    await fast.delete(KEY)
    assert await take_turn(slow, "after") == "redis"
    assert contents(await slow.load(KEY)) == ["after", "re: after"]
    assert await fast.delete(KEY) == "redis"
    for number, store in enumerate((fast, slow, fast, slow)):
        await take_turn(store, str(number))
    expected = [text for n in range(4) for text in (str(n), f"re: {n}")]
    assert contents(await fast.load(KEY)) == expected
    await slow.delete(KEY)
    assert await fast.load(KEY) is None
    await fast.close()
    await slow.close()


async def test_routers_that_know_redis_agree_on_the_time_without_it(
    redis_server: RedisServer, redis_url: str
) -> None:
    fast = IdMaker(lambda: time.time() + 3600)
    slow = IdMaker(lambda: time.time() - 3600)
    for ids in (fast, slow):
        store = RedisStore(redis_url, timeout=PATIENCE, new_id=ids)
        await store.check()
        await store.close()
    before = fast()
    await asyncio.sleep(0.05)
    assert before < slow()


async def test_a_write_that_redis_executes_too_late_changes_nothing() -> None:
    with RedisServer() as server:
        limits = Limits(lifetime=0.5)
        store = RedisStore(server.url, limits=limits, timeout=FREEZE)
        await store.check()
        asked = await store.ask(KEY, ["before"])
        server.freeze()
        reply = Message(store.new_id(), "assistant", "late", at=1)
        with pytest.raises(StoreUnavailable):
            await store.append(KEY, [reply], turn=asked.turn)
        with pytest.raises(StoreUnavailable):
            await store.ask(KEY, ["late"])
        await asyncio.sleep(0.2)
        server.thaw()
        again = RedisStore(server.url, limits=limits, timeout=PATIENCE)
        assert await again.load(KEY) is None
        with pytest.raises(SessionDeleted):
            await again.append(KEY, [reply], turn=asked.turn)
        await again.close()
        await store.close()


async def test_what_redis_has_let_go_does_not_come_back_in_an_outage(
    redis_server: RedisServer,
) -> None:
    with RedisServer() as server:
        store = RecoveringStore(RedisStore(server.url, timeout=PATIENCE))
        await take_turn(store, "gone")
        server.empty()
        assert await store.load(KEY) is None
        await take_turn(store, "kept")
        server.kill()
        assert contents(await store.load(KEY)) == ["kept", "re: kept"]
        await store.close()


def test_the_clock_keeps_the_sample_that_took_the_least_time() -> None:
    clock = RemoteClock()
    assert clock.read(1.0) == 0
    assert clock.learn(5_000_000, 1.0, 1.2)
    assert clock.learn(5_000_100, 1.2, 1.202)
    assert not clock.learn(5_000_300, 1.3, 1.5)
    assert abs(clock.read(1.201) - 5_000_100) <= 1


def test_the_clock_follows_one_that_was_set() -> None:
    clock = RemoteClock()
    clock.learn(5_000_000, 1.0, 1.002)
    assert clock.learn(8_600_000, 2.0, 2.1)
    assert abs(clock.read(2.05) - 8_600_000) <= 1


def test_an_old_sample_gives_way() -> None:
    clock = RemoteClock()
    clock.learn(5_000_000, 1.0, 1.002)
    assert clock.learn(5_100_000, 101.0, 101.05)
