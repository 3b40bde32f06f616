"""The chat stack when Redis or the router goes away under a running conversation.

Every fault begins and ends when the talkers have seen what it does, never after a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
import yaml

from tests.e2e.engine import (
    Project,
    has_started,
    is_healthy,
    read_time,
    run_composegen,
    wait_until,
)
from tests.e2e.examples import (
    ask,
    be_patient,
    copy_example,
    list_images,
    publish_elsewhere,
)
from tests.e2e.images import Images
from tests.e2e.talkers import (
    STREAM,
    Talk,
    Talker,
    assert_all_is_kept,
    assert_turns_are_kept,
    list_safe,
)

pytestmark = pytest.mark.engine

IMAGES = list_images("chat")

CRASH = ["sh", "-c", "kill -9 -1"]
"""Kills all that runs in a container but its init, which then ends as well.

Unlike `docker kill` that is a crash to the engine, so that it starts the service again.
"""

SERVER = "docker-entrypoint.sh redis-server"
HELD = "/data/held"
"""While this is there, a Redis that is started again does not listen."""

HOLDABLE = {
    "command": [
        *("sh", "-c"),
        f"while [ -e {HELD} ]; do sleep 0.1; done; exec {SERVER}",
    ]
}


class Chat(NamedTuple):
    """The running stack and the ports of this machine it was put on."""

    project: Project
    frontend: int
    backend: int

    def make_talkers(self) -> list[Talker]:
        """Whole replies and streams, through the frontend and without it."""
        return [
            Talker("ada", self.frontend, stream=False),
            Talker("ben", self.frontend, stream=True),
            Talker("cleo", self.backend, stream=False),
        ]

    def read_status(self) -> dict[str, Any]:
        """What the page gets of router, sessions and turns."""
        status: dict[str, Any] = ask(self.frontend, "/api/status").json
        return status

    def do(self, *words: str) -> None:
        """Run a command of Compose that must succeed."""
        done = self.project.compose(*words)
        assert done.returncode == 0, done.stderr

    def crash(self, service: str) -> None:
        """Kill a service from within; returns as soon as its container has ended."""
        before = self.project.inspect(service)["RestartCount"]
        self.project.exec(service, *CRASH)
        wait_until(
            lambda: self.project.inspect(service)["RestartCount"] > before,
            f"the engine starts {service} again",
        )

    def wait_for_redis(self) -> None:
        """Until all that was kept elsewhere meanwhile is in Redis."""

        def look() -> bool:
            status = self.read_status()
            sessions = status["sessions"] or {}
            return (sessions.get("mode"), sessions.get("unsynced")) == (
                "redis",
                0,
            ) and (status["rate_limit"]["store"] == "redis")

        wait_until(look, "sessions and turns are kept in Redis again", deadline=180)

    def replace_router(self) -> None:
        """Kill the router with all that it alone knows, and start it again."""
        self.do("kill", "router")
        self.do("start", "router")
        self.wait_for_health("router")

    def wait_for_health(self, *services: str) -> None:
        """Until these are healthy; `up --wait` would not let them get well again."""
        for service in services:
            wait_until(
                lambda service=service: is_healthy(self.project.inspect(service)),
                f"{service} is healthy",
                deadline=180,
            )


def make_chat(project: Project, redis: dict[str, Any]) -> Chat:
    """The chat stack on free ports, with keys of Redis changed; not yet up."""
    copy_example("chat", project.folder)
    path = project.folder / "stack.yaml"
    stack = yaml.safe_load(path.read_text())
    services = stack["services"]
    ports = publish_elsewhere(services)
    be_patient(services)
    # The talkers say more than a person may.
    services["backend"]["environment"] = {"RATE_LIMIT": "10000"}
    # So that one that is started anew is away for long enough to be missed.
    services["router"]["environment"] = {"BOOT_DELAY": "1"}
    services["redis"] |= redis
    path.write_text(yaml.safe_dump(stack, sort_keys=False))
    run_composegen(project.folder, "secrets", GROQ_API_KEY="")
    run_composegen(project.folder, "render")
    return Chat(project, ports["frontend"], ports["backend"])


@pytest.fixture(scope="module")
def running(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chat]:
    images.have(*IMAGES)
    with Project(tmp_path_factory.mktemp("chat")) as project:
        chat = make_chat(project, HOLDABLE)
        project.up("--build", deadline=300)
        yield chat


@pytest.fixture
def chat(running: Chat) -> Iterator[Chat]:
    """The stack as it should be, whatever the test before has left of it."""
    running.do("start")
    running.project.exec("redis", "rm", "-f", HELD)
    running.wait_for_health(*running.project.inspect_all())
    running.wait_for_redis()
    yield running
    # Fails where nothing is frozen; what is could not be removed.
    running.project.compose("unpause")


@pytest.mark.parametrize(
    ("begin", "end"),
    [("stop", "start"), ("pause", "unpause"), ("kill", "start")],
    ids=["stopped", "frozen", "killed"],
)
def test_no_turn_fails_or_is_lost_while_redis_is_away(
    begin: str, end: str, chat: Chat
) -> None:
    talk = Talk(*chat.make_talkers())
    # One who says nothing meanwhile: what is his is in Redis alone once it is saved.
    quiet = Talker("dora", chat.backend, stream=False)
    quiet.say()
    chat.wait_for_redis()
    assert chat.project.exec("redis", "redis-cli", "save").stdout.strip() == "OK"

    with talk.going_on():
        talk.wait_for("redis")
        chat.do(begin, "redis")
        talk.wait_for("degraded")
        during = chat.read_status()
        chat.do(end, "redis")
        talk.wait_for("redis")

    assert talk.list_refused() == []
    assert during["router"]["ready"]
    assert during["router"]["status"] == "degraded"
    assert during["sessions"]["mode"] == "degraded"
    assert during["sessions"]["unsynced"] >= len(talk.talkers)
    assert during["rate_limit"]["store"] == "degraded"
    chat.wait_for_redis()
    for talker in (*talk.talkers, quiet):
        assert_all_is_kept(talker)
    # And it is Redis that keeps it now, not the router.
    chat.replace_router()
    for talker in (*talk.talkers, quiet):
        assert_all_is_kept(talker)


def test_no_turn_fails_or_is_lost_when_redis_crashes_and_the_engine_starts_it_again(
    chat: Chat,
) -> None:
    talk = Talk(*chat.make_talkers())
    with talk.going_on():
        talk.wait_for("redis")
        assert chat.project.exec("redis", "touch", HELD).returncode == 0
        chat.crash("redis")
        talk.wait_for("degraded")
        assert chat.project.exec("redis", "rm", HELD).returncode == 0
        talk.wait_for("redis")

    assert talk.list_refused() == []
    chat.wait_for_redis()
    chat.replace_router()
    for talker in talk.talkers:
        assert_all_is_kept(talker)


def test_a_question_while_the_router_is_away_is_answered_with_when_to_come_back(
    chat: Chat,
) -> None:
    talkers = chat.make_talkers()
    kept = [talker.say() for talker in talkers]
    assert all(turn.is_answered for turn in kept)
    # On a busy machine Redis may have been slow to answer.
    chat.wait_for_redis()

    chat.do("kill", "router")

    refused = [talker.say() for talker in talkers]
    loads = [
        ask(talker.port, f"/api/chat/{talker.session}", cookie=talker.cookie)
        for talker in talkers
    ]
    for answer in (*refused, *loads):
        assert answer.status == 503, answer
        assert int(answer.retry_after) >= 1, answer
    assert {turn.code for turn in refused} == {"router_unavailable"}
    streamed = ask(chat.backend, "/api/chat", {"message": "Hello?"}, accept=STREAM)
    assert (streamed.status, streamed.retry_after) == (503, refused[0].retry_after)
    status = chat.read_status()["router"]
    assert (status["running"], status["ready"]) == (False, False)
    for port in (chat.frontend, chat.backend):
        assert ask(port, "/health").status == 200

    chat.do("start", "router")
    for talker, turn in zip(talkers, kept, strict=True):
        wait_until(lambda talker=talker: talker.say().is_answered, "it is answered")
        assert_turns_are_kept(talker, [turn, talker.turns[-1]])
    assert chat.read_status()["router"]["ready"]


def test_a_router_that_crashes_is_back_by_itself(chat: Chat) -> None:
    before = chat.project.inspect_all()
    talk = Talk(*chat.make_talkers())
    with talk.going_on():
        talk.wait_for("redis")
        chat.crash("router")
        talk.wait_for_refusals(count=1)
        talk.wait_for("redis")

    for talker in talk.talkers:
        first, *others = [turn for turn in talker.turns if not turn.is_answered]
        # Who was being answered when it died is told that it broke off.
        assert (first.status, first.code) in {
            (503, "router_unavailable"),
            (502, "router_lost"),
            (200, "router_lost"),
        }, first
        for turn in others:
            assert (turn.status, turn.code) == (503, "router_unavailable"), turn
            assert int(turn.retry_after) >= 1, turn
        assert_turns_are_kept(talker, list_safe(talker))
    after = chat.project.inspect_all()
    started = {
        service
        for service, container in after.items()
        if container["State"]["StartedAt"] != before[service]["State"]["StartedAt"]
    }
    assert started == {"router"}
    assert after["router"]["Id"] == before["router"]["Id"]


# What a Redis may be like that never gets healthy, which is waited for a short time.
IN_VAIN = {"boot": "3s", "interval": "1s", "retries": 2}
NEVER_LISTENS = {
    "command": [
        *("sh", "-c"),
        f"until [ -e /tmp/listen ]; do sleep 0.1; done; exec {SERVER}",
    ],
    "health": IN_VAIN,
}
DIES_AT_ONCE = {"command": ["sh", "-c", "exit 3"], "health": IN_VAIN}


def bring_up_in_vain(project: Project, redis: dict[str, Any]) -> Chat:
    """Bring the stack up with a Redis that does not come; all else must."""
    chat = make_chat(project, redis)
    done = project.compose("up", "-d", "--build", deadline=300)
    assert done.returncode == 0, done.stderr
    assert 'optional dependency "redis" failed to start' in done.stderr
    containers = project.inspect_all()
    assert not is_healthy(containers["redis"])
    assert has_started(containers["frontend"])
    chat.wait_for_health("frontend")
    return chat


def assert_works_without_redis(chat: Chat) -> list[Talker]:
    """Talk to a stack whose Redis does not answer; those who talked."""
    talkers = chat.make_talkers()
    for talker in talkers:
        for _ in range(2):
            turn = talker.say()
            assert turn.durability == "degraded", turn
        assert_all_is_kept(talker, kept_in="degraded")
    status = chat.read_status()
    assert status["router"]["ready"]
    assert status["router"]["status"] == "degraded"
    assert status["sessions"]["mode"] == "degraded"
    assert status["rate_limit"]["store"] == "degraded"
    assert "sessions are kept here" in chat.project.read_logs("router")
    assert "counting in memory" in chat.project.read_logs("backend")
    return talkers


def test_without_a_redis_that_listens_the_stack_comes_up_and_says_so(
    images: Images, project: Project
) -> None:
    images.have(*IMAGES)
    chat = bring_up_in_vain(project, NEVER_LISTENS)

    redis, router = project.inspect("redis"), project.inspect("router")
    waited = read_time(router["State"]["StartedAt"]) - read_time(
        redis["State"]["StartedAt"]
    )
    assert waited > timedelta(seconds=3), "Redis was not given its `boot`"
    assert redis["State"]["Health"]["Status"] == "unhealthy"
    talkers = assert_works_without_redis(chat)

    # One that comes late is taken into use, and is given what it has missed.
    assert project.exec("redis", "touch", "/tmp/listen").returncode == 0
    chat.wait_for_redis()
    chat.replace_router()
    for talker in talkers:
        wait_until(
            lambda talker=talker: talker.say().durability == "redis", "kept in Redis"
        )
        assert_all_is_kept(talker)


def test_without_a_redis_that_stays_alive_the_stack_comes_up_and_says_so(
    images: Images, project: Project
) -> None:
    images.have(*IMAGES)
    chat = bring_up_in_vain(project, DIES_AT_ONCE)
    assert project.inspect("redis")["RestartCount"] > 0
    assert_works_without_redis(chat)
