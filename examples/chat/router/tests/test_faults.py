"""The twenty-two faults of the obvious store: a dictionary of values and expiries."""

import asyncio
import time
from dataclasses import replace

import pytest

import router.sessions.memory
from router.guard import AnotherProcess, only_process
from router.ids import IdMaker
from router.sessions import tended
from router.sessions.log import CorruptSession, Limits, Message
from router.sessions.memory import Bounds, MemoryStore
from router.sessions.recovering import RecoveringStore
from router.sessions.redis import RedisStore
from router.sessions.store import SessionDeleted, SessionKey, StoreUnavailable
from tests.apps import CHAT, SESSION, routing, say
from tests.fakes import Clock, ProviderScript
from tests.servers import PATIENCE, RedisServer, free_port, serving

LIMITS = Limits(lifetime=60)
KEY = SessionKey("alice", "one")
new_id = IdMaker()


def ask(content: str = "hello") -> Message:
    return Message(new_id(), "user", content, at=1)


def key_number(number: int, user: str = "alice") -> SessionKey:
    return SessionKey(user, str(number))


def make_store(clock: Clock, bounds: Bounds | None = None) -> MemoryStore:
    return MemoryStore(
        limits=LIMITS, bounds=bounds or Bounds(), clock=clock, new_id=new_id
    )


async def count_messages(store: MemoryStore, key: SessionKey = KEY) -> int:
    session = await store.load(key)
    return len(session.messages) if session else 0


async def test_fault_01_exists_knows_about_expiry() -> None:
    store = make_store(clock := Clock())
    await store.append(KEY, [ask()])
    assert await store.exists(KEY)
    clock.advance(60)
    assert not await store.exists(KEY)


async def test_fault_02_statistics_do_not_count_the_expired() -> None:
    store = make_store(clock := Clock())
    await store.append(KEY, [ask()])
    clock.advance(60)
    stats = await store.get_stats()
    assert (stats.sessions, stats.size) == (0, 0)


async def test_fault_03_cleaning_up_does_not_break_on_what_it_removes() -> None:
    store = make_store(clock := Clock(), Bounds(per_user=5000))
    for number in range(1200):
        await store.append(key_number(number), [ask()])
    clock.advance(60)
    assert await store.cleanup_expired() == 1200
    assert (await store.get_stats()).size == 0


async def test_fault_04_cleaning_up_does_not_block_the_loop() -> None:
    store = make_store(clock := Clock(), Bounds(per_user=5000))
    for number in range(2000):
        await store.append(key_number(number), [ask()])
    clock.advance(60)
    cleaning = asyncio.create_task(store.cleanup_expired())
    turns_of_others = 0
    while not cleaning.done():
        turns_of_others += 1
        await asyncio.sleep(0)
    assert turns_of_others >= 4
    # And with nothing expired it looks at one entry, however many there are.
    for number in range(2000):
        await store.append(key_number(number), [ask()])
    looked = 0
    entries = store._entries

    class Counting(type(entries)):  # type: ignore[misc]
        def __getitem__(self, key: SessionKey) -> object:
            nonlocal looked
            looked += 1
            return super().__getitem__(key)

    store._entries = Counting(entries)
    assert await store.cleanup_expired() == 0
    assert looked <= 2


async def test_fault_05_expired_sessions_are_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemoryStore(limits=replace(LIMITS, lifetime=0.01))
    monkeypatch.setattr("router.sessions.store.TEND_EVERY", 0.01)
    await store.append(KEY, [ask()])
    async with tended(store), asyncio.timeout(PATIENCE):
        while len(store) > 0:
            await asyncio.sleep(0.01)


async def test_fault_05_a_write_frees_what_was_never_read() -> None:
    store = make_store(clock := Clock())
    for number in range(3):
        await store.append(key_number(number), [ask()])
    clock.advance(60)
    await store.append(key_number(3), [ask()])
    await store.append(key_number(4), [ask()])
    assert len(store) == 2


async def test_fault_06_sessions_are_bounded() -> None:
    by_number = make_store(Clock(), Bounds(sessions=3))
    by_size = make_store(Clock(), Bounds(size=3 * 700))
    for number in range(10):
        await by_number.append(key_number(number), [ask()])
        await by_size.append(key_number(number), [ask()])
    for store in (by_number, by_size):
        assert len(store) == 3
        assert (await store.get_stats()).evicted == 7
        assert await store.exists(key_number(9))
        assert not await store.exists(key_number(6))


async def test_fault_06_one_user_does_not_evict_everybody() -> None:
    store = make_store(Clock(), Bounds(sessions=100, per_user=3))
    await store.append(KEY, [ask()])
    for number in range(10):
        await store.append(key_number(number, "mallory"), [ask()])
    assert await store.exists(KEY)
    assert len(store) == 4
    assert await store.exists(key_number(9, "mallory"))


async def test_fault_07_one_session_is_bounded() -> None:
    store = make_store(Clock())
    for _ in range(250):
        await store.append(KEY, [ask()])
    assert await count_messages(store) == 200
    for _ in range(20):
        await store.append(KEY, [ask("x" * 60_000)])
    assert ((await store.get_stats()).size or 0) <= LIMITS.size + 400
    assert await count_messages(store) == 4


async def test_fault_08_loading_extends_the_lifetime() -> None:
    store = make_store(clock := Clock())
    await store.append(KEY, [ask()])
    for _ in range(5):
        clock.advance(45)
        assert await count_messages(store) == 1


async def test_fault_09_keys_with_colons_do_not_collide() -> None:
    store = make_store(Clock())
    await store.append(SessionKey("alice", "x:1"), [ask("secret")])
    assert await store.load(SessionKey("alice:x", "1")) is None


async def test_fault_10_a_loaded_session_is_not_the_stored_one() -> None:
    store = make_store(Clock())
    messages = [ask("kept")]
    await store.append(KEY, messages)
    messages.clear()
    session = await store.load(KEY)
    assert session is not None
    with pytest.raises(AttributeError):
        session.messages[0].content = "changed"  # type: ignore[misc]
    assert isinstance(session.messages, tuple)
    assert session.messages[0].content == "kept"


async def test_fault_11_concurrent_turns_keep_every_message() -> None:
    store = make_store(Clock())

    async def take_turn() -> None:
        await store.load(KEY)
        await asyncio.sleep(0)
        await store.append(KEY, [ask()])

    await asyncio.gather(*(take_turn() for _ in range(10)))
    assert await count_messages(store) == 10


async def test_fault_12_a_delete_during_a_turn_stays() -> None:
    store = make_store(Clock())
    question = ask()
    await store.append(KEY, [question])
    await store.delete(KEY)
    reply = Message(new_id(), "assistant", "late", at=1)
    with pytest.raises(SessionDeleted):
        await store.append(KEY, [reply], turn=question.id)
    assert await store.load(KEY) is None


async def test_fault_13_a_failure_is_neither_done_nor_empty() -> None:
    store = RedisStore(f"redis://127.0.0.1:{free_port()}", limits=LIMITS)
    with pytest.raises(StoreUnavailable):
        await store.append(KEY, [ask()])
    with pytest.raises(StoreUnavailable):
        await store.load(KEY)
    await store.close()


@pytest.mark.parametrize("damage", ["SET {log} nonsense", "ZADD {log} 0 nonsense"])
async def test_fault_13_a_corrupt_session_is_set_aside_not_read_as_empty(
    redis_server: RedisServer, redis_url: str, damage: str
) -> None:
    remote = RedisStore(redis_url, limits=LIMITS, timeout=PATIENCE)
    store = RecoveringStore(remote)
    (name,) = remote._keys(KEY)
    redis_server.command(damage.format(log=name))
    with pytest.raises(CorruptSession):
        await store.load(KEY)
    assert store.status().mode == "redis"
    assert (await store.get_stats()).corrupt == 1
    assert redis_server.command(f"EXISTS {name}:corrupt").startswith(b":1")
    assert await store.load(KEY) is None
    await store.append(KEY, [ask()])
    assert await store.exists(KEY)
    await store.close()


async def test_fault_13_a_corrupt_session_keeps_its_last_delete(
    redis_server: RedisServer, redis_url: str
) -> None:
    store = RedisStore(redis_url, limits=LIMITS, timeout=PATIENCE)
    question = ask()
    await store.append(KEY, [question])
    await store.delete(KEY)
    redis_server.command(f"ZADD {store._keys(KEY)[0]} 0 nonsense")
    with pytest.raises(CorruptSession):
        await store.load(KEY)
    with pytest.raises(SessionDeleted):
        await store.append(KEY, [question])
    await store.close()


async def test_fault_14_ping_says_the_truth(redis_url: str) -> None:
    here = RedisStore(redis_url, timeout=PATIENCE)
    gone = RedisStore(f"redis://127.0.0.1:{free_port()}")
    assert await here.ping()
    assert not await gone.ping()
    chooser = RecoveringStore(gone)
    assert not await chooser.ping()
    assert chooser.status().mode == "degraded"
    await here.close()
    await gone.close()


async def test_fault_15_a_step_of_the_wall_clock_changes_no_lifetime(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemoryStore(limits=LIMITS)
    await store.append(KEY, [ask()])
    for step in (3600, -3600):
        stepped = time.time() + step
        monkeypatch.setattr(time, "time", lambda stepped=stepped: stepped)
        assert await count_messages(store) == 1
    assert store._clock is time.monotonic


async def test_fault_15_ids_go_on_when_the_wall_clock_steps_back() -> None:
    clock = Clock(2_000_000)
    make_id = IdMaker(clock)
    ids = [make_id() for _ in range(100)]
    clock.advance(-3600)
    ids += [make_id() for _ in range(100)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 200


async def test_fault_16_other_threads_may_ask_through_the_loop() -> None:
    store = make_store(Clock(), Bounds(per_user=1000))
    loop = asyncio.get_running_loop()

    def work(worker: int) -> None:
        for number in range(50):
            key = key_number(number, f"user{worker}")
            for call in (store.append(key, [ask()]), store.get_stats()):
                asyncio.run_coroutine_threadsafe(call, loop).result(PATIENCE)

    await asyncio.gather(*(asyncio.to_thread(work, worker) for worker in range(4)))
    assert (await store.get_stats()).sessions == 200


async def test_fault_17_a_second_process_is_refused() -> None:
    port = free_port()
    with only_process(port):
        with pytest.raises(AnotherProcess, match=r"REDIS_URL"):
            only_process(port).__enter__()
        with only_process(free_port()):
            pass
    with only_process(port):
        pass


async def test_fault_18_nothing_is_asked_before_it_is_read() -> None:
    # A session that expires between the question and the answer is simply not there.
    store = make_store(clock := Clock())
    await store.append(KEY, [ask()])
    assert await store.exists(KEY)
    clock.advance(60)
    assert await store.load(KEY) is None


async def test_fault_19_redis_is_looked_for_again_and_there_is_one_truth(
    redis_server: RedisServer, redis_url: str
) -> None:
    absent = RedisServer()
    store = RecoveringStore(RedisStore(absent.url, limits=LIMITS, timeout=PATIENCE))
    async with tended(store):
        assert store.status().mode == "degraded"
        assert await store.append(KEY, [ask("while away")]) == "degraded"
        with absent:
            await wait_for_mode(store, "redis")
            session = await store.load(KEY)
            assert session is not None
            assert session.durability == "redis"
            other = RecoveringStore(
                RedisStore(absent.url, limits=LIMITS, timeout=PATIENCE)
            )
            assert await other.load(KEY) == session
            await other.close()


async def wait_for_mode(store: RecoveringStore, mode: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while store.status().mode != mode:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_fault_20_a_client_learns_how_durable_its_session_is() -> None:
    async with routing() as client:
        reply = await client.post(CHAT, json=say("hello"), headers=SESSION)
        assert reply.headers["X-Session-Durability"] == "memory"
        stored = await client.get("/v1/sessions/alice/one")
        assert stored.json()["durability"] == "memory"
    async with routing() as client:
        assert (await client.get("/v1/sessions/alice/one")).status_code == 404


async def test_fault_21_a_failed_reply_does_not_shorten_the_session() -> None:
    store = make_store(clock := Clock())
    await store.append(KEY, [ask("first")])
    script = ProviderScript()
    async with serving(script.app) as address:
        env = {"LLM_BASE_URL": f"{address}/v1"}
        async with routing(store=store, env=env) as client:
            clock.advance(50)
            script.failures = [400]
            failed = await client.post(CHAT, json=say("second"), headers=SESSION)
            assert failed.status_code == 400
            clock.advance(50)
            assert await count_messages(store) == 2


async def test_fault_22_memory_and_redis_give_the_same_types(redis_url: str) -> None:
    message = Message(new_id(), "user", "x", at=int(time.time()))
    sessions = []
    for store in (
        MemoryStore(limits=LIMITS),
        RedisStore(redis_url, limits=LIMITS, timeout=PATIENCE),
    ):
        await store.append(KEY, [message])
        sessions.append(await store.load(KEY))
        await store.close()
    memory, redis = sessions
    assert memory is not None
    assert redis is not None
    assert memory.messages == redis.messages == (message,)
    assert type(redis.messages[0].at) is int
    assert router.sessions.memory.MemoryStore.load is RedisStore.load
