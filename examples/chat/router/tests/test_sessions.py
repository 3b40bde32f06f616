"""What every session store does: one suite over memory, Redis and the chooser."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest

from router.ids import SUFFIX, IdMaker
from router.sessions.log import Limits, Log, Message, make_change, merge
from router.sessions.memory import MemoryStore
from router.sessions.recovering import RecoveringStore
from router.sessions.redis import RedisStore
from router.sessions.store import (
    Behind,
    How,
    SessionDeleted,
    SessionKey,
    SessionStore,
)
from tests.fakes import Clock
from tests.servers import PATIENCE, RedisServer

KINDS = ["memory", "redis", "chooser"]
LIMITS = Limits(lifetime=100, messages=6, size=2000)
KEY = SessionKey("alice", "one")
OTHER = SessionKey("alice", "two")
new_id = IdMaker()


def make_message(content: str, role: str = "user", id: str | None = None) -> Message:
    return Message(id or new_id(), role, content, at=1)


def contents(session: object) -> list[str]:
    return [message.content for message in getattr(session, "messages", ())]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=KINDS)
async def store(
    request: pytest.FixtureRequest, clock: Clock
) -> AsyncIterator[SessionStore]:
    if request.param == "memory":
        yield MemoryStore(limits=LIMITS, clock=clock, new_id=new_id)
        return
    url = request.getfixturevalue("redis_url")
    remote = RedisStore(url, limits=LIMITS, timeout=PATIENCE, new_id=new_id)
    store = remote if request.param == "redis" else RecoveringStore(remote, clock=clock)
    yield store
    await store.close()


@pytest.fixture
def pass_time(
    request: pytest.FixtureRequest, clock: Clock, store: SessionStore
) -> Callable[[float], None]:
    """Lets time pass for the store, which takes none."""

    def go_on(seconds: float) -> None:
        clock.advance(seconds)
        if not isinstance(store, MemoryStore):
            request.getfixturevalue("redis_server").age(seconds)

    return go_on


async def test_a_session_is_loaded_as_it_was_appended(store: SessionStore) -> None:
    question = make_message("hé \u2028 \U0001f600 \x00 {}")
    reply = Message(new_id(), "assistant", "", at=7, interrupted=True)
    durability = await store.append(KEY, [question])
    await store.append(KEY, [reply], turn=question.id)
    session = await store.load(KEY)
    assert session is not None
    assert session.messages == (question, reply)
    assert session.durability == durability == store.status().mode


async def test_there_is_no_session_before_the_first_message(
    store: SessionStore,
) -> None:
    assert await store.load(KEY) is None
    assert not await store.exists(KEY)
    assert (await store.get_stats()).sessions == 0


async def test_the_same_append_again_changes_nothing(store: SessionStore) -> None:
    messages = [make_message("a"), make_message("b", "assistant")]
    for _ in range(3):
        await store.append(KEY, messages)
    await store.append(KEY, messages[:1])
    assert contents(await store.load(KEY)) == ["a", "b"]


async def test_messages_are_in_the_order_of_their_ids(store: SessionStore) -> None:
    ids = [new_id() for _ in range(4)]
    for place in (2, 0, 3, 1):
        await store.append(KEY, [make_message(str(place), id=ids[place])])
    assert contents(await store.load(KEY)) == ["0", "1", "2", "3"]


async def test_save_replaces_the_history(store: SessionStore) -> None:
    await store.append(KEY, [make_message("old")])
    kept = make_message("kept")
    await store.append(KEY, [kept])
    await store.save(KEY, [kept, make_message("new", "assistant")])
    assert contents(await store.load(KEY)) == ["kept", "new"]
    await store.append(KEY, [make_message("next")])
    assert contents(await store.load(KEY)) == ["kept", "new", "next"]
    await store.save(KEY, [])
    assert await store.load(KEY) is None


async def test_a_deleted_session_is_gone_and_can_begin_again(
    store: SessionStore,
) -> None:
    await store.append(KEY, [make_message("old")])
    await store.append(OTHER, [make_message("other")])
    await store.delete(KEY)
    assert await store.load(KEY) is None
    assert not await store.exists(KEY)
    assert contents(await store.load(OTHER)) == ["other"]
    assert (await store.get_stats()).sessions == 1
    await store.append(KEY, [make_message("new")])
    assert contents(await store.load(KEY)) == ["new"]


async def test_what_belongs_to_an_older_turn_is_refused_after_a_delete(
    store: SessionStore,
) -> None:
    question = make_message("before")
    await store.append(KEY, [question])
    await store.delete(KEY)
    for _ in range(2):
        with pytest.raises(SessionDeleted):
            await store.append(
                KEY, [make_message("late", "assistant")], turn=question.id
            )
    assert await store.load(KEY) is None
    newer = make_message("after")
    await store.append(KEY, [newer])
    with pytest.raises(SessionDeleted):
        await store.append(KEY, [make_message("late", "assistant")], turn=question.id)
    assert contents(await store.load(KEY)) == ["after"]


async def test_a_delete_that_comes_late_keeps_what_is_newer(
    store: SessionStore,
) -> None:
    older = make_message("older")
    epoch = new_id()
    newer = make_message("newer")
    await store.append(KEY, [older])
    # Its id is newer than the delete, its turn is not.
    await store.append(KEY, [make_message("reply", "assistant")], turn=older.id)
    await store.append(KEY, [newer])
    await store.apply(KEY, Log(epoch=epoch))
    assert contents(await store.load(KEY)) == ["newer"]
    await store.apply(KEY, Log(epoch=older.id))
    with pytest.raises(SessionDeleted):
        await store.append(KEY, [make_message("late", "assistant")], turn=older.id)


async def test_too_many_messages_go_oldest_first_in_pairs(store: SessionStore) -> None:
    for number in range(4):
        question = make_message(f"q{number}")
        reply = make_message(f"a{number}", "assistant")
        await store.append(KEY, [question])
        await store.append(KEY, [reply], turn=question.id)
    assert contents(await store.load(KEY)) == ["q1", "a1", "q2", "a2", "q3", "a3"]
    await store.append(KEY, [make_message("q4")])
    assert contents(await store.load(KEY)) == ["q2", "a2", "q3", "a3", "q4"]


async def test_too_many_bytes_go_oldest_first_but_never_the_newest(
    store: SessionStore,
) -> None:
    await store.append(KEY, [make_message("a" * 800)])
    await store.append(KEY, [make_message("b" * 800)])
    await store.append(KEY, [make_message("c" * 800)])
    assert [text[0] for text in contents(await store.load(KEY))] == ["b", "c"]
    await store.append(KEY, [make_message("d" * 5000)])
    assert [text[0] for text in contents(await store.load(KEY))] == ["d"]


async def test_a_used_session_lives_on_and_an_unused_one_ends(
    store: SessionStore, pass_time: Callable[[float], None]
) -> None:
    await store.append(KEY, [make_message("used")])
    await store.append(OTHER, [make_message("unused")])
    for _ in range(3):
        pass_time(50)
        assert contents(await store.load(KEY)) == ["used"]
    assert not await store.exists(OTHER)
    assert await store.load(OTHER) is None
    assert (await store.get_stats()).sessions == 1
    pass_time(50)
    assert await store.exists(KEY)  # asking for it does not lengthen its life
    pass_time(50)
    assert await store.load(KEY) is None


async def test_a_delete_is_remembered_for_one_lifetime(
    store: SessionStore, pass_time: Callable[[float], None]
) -> None:
    question = make_message("before")
    await store.delete(KEY)
    pass_time(60)
    with pytest.raises(SessionDeleted):
        await store.append(KEY, [question])


async def test_concurrent_turns_lose_nothing(store: SessionStore) -> None:
    await asyncio.gather(
        *(store.append(KEY, [make_message(str(number))]) for number in range(6))
    )
    assert sorted(contents(await store.load(KEY))) == list("012345")


@pytest.mark.parametrize(
    ("one", "another"),
    [
        (("alice", "x:1"), ("alice:x", "1")),
        (("a", "1:b"), ("a:1", "b")),
        (("a}", "b"), ("a", "}b")),
        (("1:a", "b"), ("1", "a:b")),
    ],
)
async def test_no_two_users_share_a_session(
    store: SessionStore, one: tuple[str, str], another: tuple[str, str]
) -> None:
    await store.append(SessionKey(*one), [make_message("mine")])
    assert await store.load(SessionKey(*another)) is None


async def test_a_cancelled_call_leaves_the_store_in_order(store: SessionStore) -> None:
    await store.append(KEY, [make_message("kept")])
    for delay in range(30):
        task = asyncio.create_task(store.load(KEY))
        for _ in range(delay % 6):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert contents(await store.load(KEY)) == ["kept"]


async def test_ping_says_yes_while_the_store_answers(store: SessionStore) -> None:
    assert await store.ping()


async def test_a_turn_begins_behind_all_that_is_there(store: SessionStore) -> None:
    first = await store.ask(KEY, ["one"])
    assert [message.content for message in first.question] == ["one"]
    assert (first.earlier, first.reply) == ((), None)
    assert first.durability == store.status().mode
    reply = make_message("two", "assistant")
    await store.append(KEY, [reply], turn=first.turn)
    second = await store.ask(KEY, ["three", "four"])
    assert second.earlier == (*first.question, reply)
    assert second.turn == second.question[0].id
    assert contents(await store.load(KEY)) == ["one", "two", "three", "four"]


async def test_a_question_without_a_reply_is_not_stored_again(
    store: SessionStore,
) -> None:
    before = await store.ask(KEY, ["hello", "you"])
    again = await store.ask(KEY, ["hello", "you"])
    assert again == before
    assert contents(await store.load(KEY)) == ["hello", "you"]
    await store.append(KEY, [make_message("yes?", "assistant")], turn=again.turn)
    later = await store.ask(KEY, ["hello", "you"])
    assert later.turn != before.turn
    assert len(contents(await store.load(KEY))) == 5


async def test_a_turn_of_the_same_name_is_known_with_its_reply(
    store: SessionStore,
) -> None:
    first = await store.ask(KEY, ["hello"], "name")
    reply = make_message("yes?", "assistant")
    await store.append(KEY, [reply], turn=first.turn)
    await store.ask(KEY, ["more"], "another")
    again = await store.ask(KEY, ["hello"], "name")
    assert (again.turn, again.question, again.reply) == (
        first.turn,
        first.question,
        reply,
    )
    assert again.earlier == ()
    assert contents(await store.load(KEY)) == ["hello", "yes?", "more"]
    assert (await store.ask(OTHER, ["hello"], "name")).reply is None


async def test_a_reply_without_its_question_is_refused(
    store: SessionStore, request: pytest.FixtureRequest
) -> None:
    if isinstance(store, MemoryStore):
        asked = await store.ask(KEY, ["hello"])
        store.drop(KEY)
    else:
        asked = await store.ask(KEY, ["hello"])
        await store.delete(KEY)
        request.getfixturevalue("redis_server").empty()  # the delete is forgotten
    with pytest.raises(SessionDeleted):
        await store.append(KEY, [make_message("yes?", "assistant")], turn=asked.turn)
    assert await store.load(KEY) is None


async def test_redis_merges_as_memory_does(redis_url: str) -> None:
    chance = random.Random(7)
    memory = MemoryStore(limits=LIMITS)
    redis = RedisStore(redis_url, limits=LIMITS, timeout=PATIENCE)
    ids = [new_id() for _ in range(60)]
    for number in range(40):
        key = SessionKey("bob", str(number))
        for _ in range(12):
            turn = chance.choice(ids)
            epoch = chance.choice(ids) if chance.random() < 0.2 else ""
            messages = [
                make_message(
                    "x" * chance.choice((1, 400)),
                    chance.choice(("user", "assistant")),
                    id,
                )
                for id in chance.sample(ids, chance.randrange(4))
            ]
            change = make_change(messages, turn, epoch)
            how = chance.choice(("merge", "merge", "stamp", "ask"))
            if (how == "ask" and not messages) or (how == "stamp" and not epoch):
                how = "merge"
            said = await say(memory, key, change, how, turn)
            assert await say(redis, key, change, how, turn) == said
            assert (await redis.read(key))[0] == (await memory.read(key))[0]
    await redis.close()


async def say(
    store: SessionStore, key: SessionKey, change: Log, how: How, turn: str
) -> object:
    """What a store answers to a change, or raises, but for where it keeps it."""
    condition = {"merge": turn, "stamp": "", "ask": turn[SUFFIX]}[how]
    try:
        receipt = await store.apply(key, change, how=how, condition=condition)
    except (Behind, SessionDeleted) as error:
        return type(error), error.args
    return receipt.epoch, receipt.members, receipt.turn


def test_merging_in_any_order_gives_the_same() -> None:
    limits = Limits()
    messages = [make_message("one"), make_message("two")]
    epoch = new_id()
    later = make_message("three")
    changes = [
        make_change(messages[:1], messages[0].id),
        make_change([make_message("reply", "assistant")], messages[0].id),
        Log(epoch=epoch),
        make_change(messages[1:], messages[1].id),
        make_change([later], later.id),
    ]
    results = set()
    for order in itertools.permutations(changes):
        log = Log()
        for change in (*order, order[0]):
            log = merge(log, change, limits)
        results.add((log.epoch, log.members))
    assert results == {(epoch, changes[-1].members)}


async def test_of_two_messages_with_one_id_in_one_append_the_first_is_kept(
    store: SessionStore,
) -> None:
    question = make_message("first")
    await store.append(KEY, [question, make_message("second", id=question.id)])
    assert contents(await store.load(KEY)) == ["first"]


async def test_sessions_of_the_form_before_can_be_read_and_go_on(
    redis_server: RedisServer, redis_url: str
) -> None:
    store = RedisStore(redis_url, limits=LIMITS, timeout=PATIENCE)
    (name,) = store._keys(KEY)
    message = make_message("old")
    body = msgspec.msgpack.encode(message)
    await store._client.zadd(name, {f"{message.id}{message.id}u1".encode() + body: 0})
    assert contents(await store.load(KEY)) == ["old"]
    asked = await store.ask(KEY, ["new"])
    assert [message.content for message in asked.earlier] == ["old"]
    for number in range(8):
        await store.append(KEY, [make_message("x" * 600 + str(number))])
    assert sum(map(len, contents(await store.load(KEY)))) <= LIMITS.size
    await store.close()
