"""The chat stack on a real engine, with Redis and without, brought up by `up`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from tests.e2e.engine import (
    Container,
    has_started,
    is_healthy,
    list_probes,
    read_time,
    run_well,
)
from tests.e2e.examples import (
    ask,
    copy_example,
    hold_ports,
    list_images,
    publish_elsewhere,
)
from tests.e2e.images import Images
from tests.e2e.stacks import Done, Stack
from tests.parts import require_program

FRONTEND, BACKEND = 3000, 3002
pytestmark = pytest.mark.engine

IMAGES = list_images("chat")
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], 6379), 3)"


@dataclass(frozen=True)
class Chat:
    """The running stack, and what was known of its containers when it came up."""

    project: Stack
    with_redis: bool
    at_start: dict[str, Container]
    up: Done

    def read_environment(self, service: str) -> dict[str, str]:
        """The environment that a container was given."""
        entries = self.at_start[service]["Config"]["Env"]
        return dict(entry.split("=", 1) for entry in entries)


@pytest.fixture(scope="module", params=["with-redis", "without-redis"])
def chat(
    request: pytest.FixtureRequest,
    images: Images,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Chat]:
    images.have(*IMAGES)
    with_redis = request.param == "with-redis"
    folder = tmp_path_factory.mktemp("chat")
    with hold_ports(FRONTEND, BACKEND), Stack(folder) as project:
        copy_example("chat", project.folder)
        flags = [] if with_redis else ["--without", "redis"]
        # Without a key the router answers by itself.
        done = project.up_well(*flags, deadline=300, GROQ_API_KEY="")
        yield Chat(project, with_redis, project.inspect_all(), done)


def test_all_services_are_healthy_and_there_are_no_others(chat: Chat) -> None:
    services = {"frontend", "backend", "router"}
    assert chat.at_start.keys() == services | ({"redis"} if chat.with_redis else set())
    assert all(map(is_healthy, chat.at_start.values()))
    assert all(entry["RestartCount"] == 0 for entry in chat.at_start.values())


def test_up_says_what_is_up_and_what_is_not(chat: Chat) -> None:
    said = chat.up.err
    assert f"frontend: http://127.0.0.1:{FRONTEND}\n" in said
    assert f"backend: http://127.0.0.1:{BACKEND}\n" in said
    assert re.search(r"critical path: .*router .* -> backend .* -> frontend ", said)
    is_excluded = "redis is excluded: --without redis" in said
    assert is_excluded is not chat.with_redis
    note = "sessions live in the router's memory"
    assert (note in said) is not chat.with_redis
    done = chat.project.composegen("status")
    assert done.code == 0
    assert (note in done.out) is not chat.with_redis


def test_each_service_starts_after_what_it_needs_is_healthy(chat: Chat) -> None:
    edges = [("router", "backend"), ("backend", "frontend")]
    if chat.with_redis:
        edges += [("redis", "router"), ("redis", "backend")]
    for needed, dependent in edges:
        passed = list_probes(chat.at_start[needed], exit_zero=True)
        started = chat.at_start[dependent]["State"]["StartedAt"]
        assert min(passed) < read_time(started), f"{needed} before {dependent}"


def test_no_process_runs_as_root(chat: Chat) -> None:
    for service, container in chat.at_start.items():
        listed = run_well("docker", "top", container["Id"], "-eo", "pid,uid,args")
        users = [int(line.split()[1]) for line in listed.splitlines()[1:]]
        assert users, service
        assert 0 not in users, f"{service}: {listed}"


def test_nothing_can_be_written_but_tmp(chat: Chat) -> None:
    for service in chat.at_start:
        # As root, whom no permissions stop: only the file system itself does.
        written = chat.project.exec(service, "touch", "/usr/probe", user="0")
        assert written.returncode != 0, service
        assert "Read-only file system" in written.stderr, service
        assert chat.project.exec(service, "touch", "/tmp/probe").returncode == 0


def test_ports_are_open_on_the_loopback_address_only(chat: Chat) -> None:
    require_program("ss")
    lines = run_well("ss", "-ltnH").splitlines()
    listening = {line.split()[3] for line in lines}
    published = {
        address
        for address in listening
        if re.search(rf":({FRONTEND}|{BACKEND})$", address)
    }
    assert published == {f"127.0.0.1:{FRONTEND}", f"127.0.0.1:{BACKEND}"}
    for service in chat.at_start.keys() - {"frontend", "backend"}:
        assert not any(chat.at_start[service]["NetworkSettings"]["Ports"].values())


@pytest.mark.parametrize("port", [FRONTEND, BACKEND])
def test_a_conversation_is_held_and_kept(port: int, chat: Chat) -> None:
    first = ask(port, "/api/chat", {"message": "I like apples."})
    assert first.status == 200, first.text
    assert "I like apples." in first.json["reply"]
    kept_in = "redis" if chat.with_redis else "memory"
    assert first.json["durability"] == kept_in
    session = first.json["session"]

    body = {"message": "And pears.", "session": session}
    second = ask(port, "/api/chat", body, cookie=first.cookie)
    assert second.status == 200, second.text
    assert second.json["session"] == session

    stored = ask(port, f"/api/chat/{session}", cookie=first.cookie)
    said = [
        message["content"]
        for message in stored.json["messages"]
        if message["role"] == "user"
    ]
    assert said == ["I like apples.", "And pears."]
    assert len(stored.json["messages"]) == 4


def test_the_page_is_served(chat: Chat) -> None:
    page = ask(FRONTEND, "/")
    assert page.status == 200
    assert "<html" in page.text


def test_the_backend_says_where_sessions_and_turns_are_kept(chat: Chat) -> None:
    status = ask(FRONTEND, "/api/status").json
    kept_in = "redis" if chat.with_redis else "memory"
    assert status["router"]["ready"]
    assert status["sessions"]["mode"] == kept_in
    assert status["rate_limit"]["store"] == kept_in


def test_only_those_who_need_redis_reach_it(chat: Chat) -> None:
    places = ["redis"]
    if chat.with_redis:
        networks = chat.at_start["redis"]["NetworkSettings"]["Networks"]
        places += [network["IPAddress"] for network in networks.values()]
        assert len(places) == 2
    for place in places:
        asked = {
            service: chat.project.exec(service, "python3", "-c", CONNECT, place)
            for service in ("frontend", "backend", "router")
        }
        reached = {name for name, done in asked.items() if done.returncode == 0}
        assert reached == ({"backend", "router"} if chat.with_redis else set()), place
        for name in asked.keys() - reached:
            assert re.search(
                r"gaierror|TimeoutError|unreachable", asked[name].stderr
            ), asked[name].stderr


def test_the_environment_says_who_keeps_what(chat: Chat) -> None:
    router = chat.read_environment("router")
    backend = chat.read_environment("backend")
    if chat.with_redis:
        assert router["REDIS_URL"] == backend["REDIS_URL"] == "redis://redis:6379/0"
        assert "SESSION_STORE" not in router
        assert "RATE_LIMIT_STORE" not in backend
        return
    assert "REDIS_URL" not in router | backend
    assert router["SESSION_STORE"] == "memory"
    assert backend["RATE_LIMIT_STORE"] == "memory"


def test_a_network_and_a_volume_are_there_only_for_redis(chat: Chat) -> None:
    mine = f"label=com.docker.compose.project={chat.project.name}"
    volumes = run_well("docker", "volume", "ls", "-q", "--filter", mine).split()
    networks = run_well(
        *("docker", "network", "ls", "--format", "{{.Name}}", "--filter", mine)
    ).split()
    name = chat.project.name
    assert sorted(networks) == (
        [f"{name}_default", f"{name}_redis"] if chat.with_redis else [f"{name}_default"]
    )
    assert volumes == ([f"{name}_redis-data"] if chat.with_redis else [])


def test_a_router_that_never_gets_healthy_ends_up_within_its_boot(
    images: Images, tmp_path: Path
) -> None:
    images.have(*IMAGES)
    with Stack(tmp_path) as stack:
        copy_example("chat", stack.folder)
        file = stack.folder / "stack.yaml"
        keys = yaml.safe_load(file.read_text())
        publish_elsewhere(keys["services"])
        keys["services"]["router"]["health"] = {"http": "/no", "boot": "12s"}
        file.write_text(yaml.safe_dump(keys, sort_keys=False))
        done = stack.up_in_vain(deadline=300, GROQ_API_KEY="")
        assert "router was not healthy 12s after it started" in done.err
        cause = "GET /no answers 404, and /health answers 200"
        assert cause in done.err
        assert not has_started(stack.find("backend"))
        started = read_time(stack.inspect("router")["State"]["StartedAt"])
        given_up = datetime.fromtimestamp(
            (stack.folder / ".composegen" / "up.json").stat().st_mtime, UTC
        )
        assert 12 <= (given_up - started).total_seconds() < 12 + 60
        asked = stack.why("frontend").out
        assert "frontend -> backend -> router: " in asked
        assert cause in asked
