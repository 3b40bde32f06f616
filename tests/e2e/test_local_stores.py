"""Stores in Docker next to services that are processes; nothing of them stays."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from uuid import uuid4

import pytest

from tests import runs
from tests.e2e.engine import run
from tests.e2e.images import Images

pytestmark = pytest.mark.engine

IMAGES = ["redis:8-alpine", "postgres:18-alpine"]
LIMIT = 180.0


@pytest.fixture
def stack(images: Images, tmp_path: Path):
    """web needs a Redis that is not installed and a Postgres; names of its own."""
    images.have(*IMAGES)
    ports = runs.Ports()
    name = f"stores-{uuid4().hex[:8]}"
    needs = "needs:\n  redis: REDIS_URL\n  db: {env: {DATABASE_URL: '{url}'}}"
    runs.write_stack(
        tmp_path,
        f"name: {name}\nservices:\n"
        + runs.make_service("web", ports["web"], extra=needs)
        + f"  redis:\n    use: redis\n    publish: {ports['redis']}\n"
        "    local: {command: [no-such-redis-server]}\n"
        f"  db:\n    use: postgres\n    publish: '{ports['db']}:5432'\n"
        "    secrets: {db-password: POSTGRES_PASSWORD_FILE}\n"
        "secrets:\n  db-password: {generate: true}\n",
    )
    yield tmp_path, ports
    run("docker", "volume", "rm", f"{name}-run_redis-data", f"{name}-run_db-data")


def list_containers(ports: runs.Ports) -> list[str]:
    """The containers, running or not, that our runs have made."""
    said = run("docker", "ps", "--all", "--format", "{{.Names}} {{.Ports}}").stdout
    wanted = {f":{ports['redis']}->", f":{ports['db']}->"}
    return [line for line in said.splitlines() if any(w in line for w in wanted)]


def start_up(folder: Path) -> subprocess.Popen[str]:
    talk = folder / "talk"
    with talk.open("w") as file:
        process = runs.start_cli(folder, "run", stdout=subprocess.DEVNULL, stderr=file)

    def is_up() -> bool:
        assert process.poll() is None, talk.read_text()
        return "Ctrl-C ends it" in talk.read_text()

    runs.wait_for(is_up, LIMIT)
    return process


def say_ping(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(64)


def test_stores_that_must_be_there_run_in_docker_on_loopback(stack) -> None:
    folder, ports = stack
    process = start_up(folder)
    try:
        listed = list_containers(ports)
        assert say_ping(ports["redis"]) == b"+PONG\r\n"
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LIMIT)

    assert process.returncode == 130
    assert len(listed) == 2
    assert all("127.0.0.1:" in line and "0.0.0.0" not in line for line in listed)
    assert list_containers(ports) == []
    password = (folder / ".secrets" / "db-password").read_text()
    assert password not in (folder / "logs" / "db.log").read_text()


def test_a_command_runs_in_the_container_of_a_store(stack) -> None:
    folder, _ = stack
    process = start_up(folder)
    try:
        ask = ("exec", "redis", "--", "redis-cli", "-p", "{port}", "ping")
        pong = runs.run_cli(folder, *ask)
        said = runs.run_cli(folder, "exec", "db", "sh", "-c", "exit 7")
        missing = runs.run_cli(folder, "exec", "db", "nope")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LIMIT)

    assert pong == (0, "PONG\n", "")
    assert (said[0], missing[0]) == (7, 127)


def test_their_data_is_there_again_at_the_next_run(stack) -> None:
    folder, ports = stack
    for expected in (b":1\r\n", b":2\r\n"):
        process = start_up(folder)
        with socket.create_connection(("127.0.0.1", ports["redis"])) as connection:
            connection.sendall(b"INCR count\r\n")
            assert connection.recv(64) == expected
            connection.sendall(b"SAVE\r\n")
            connection.recv(64)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LIMIT)


def test_down_removes_their_volumes_only_on_request(stack) -> None:
    folder, _ = stack
    end(start_up(folder))
    name = runs.load(folder / "stack.yaml").name
    volumes = [f"{name}-run_db-data", f"{name}-run_redis-data"]

    listed = runs.run_cli(folder, "down", "--volumes")
    assert listed[0] == 2
    assert list_volumes(name) == volumes

    other = folder / "other"
    other.mkdir()
    (other / "stack.yaml").write_text((folder / "stack.yaml").read_text())
    kept = runs.run_cli(other, "down", "--volumes", "--yes")
    assert kept[0] == 0
    assert f"{volumes[0]} stays: a run of {folder} has made it" in kept[2]
    assert list_volumes(name) == volumes

    done = runs.run_cli(folder, "down", "--volumes", "--yes")
    assert done[0] == 0, done
    assert f"removed {volumes[0]}\n" in done[2]
    assert list_volumes(name) == []


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LIMIT)


def list_volumes(name: str) -> list[str]:
    filters = ("--filter", f"name={name}-run_")
    said = run("docker", "volume", "ls", "--quiet", *filters).stdout
    return sorted(said.split())


def test_a_killed_run_leaves_no_container(stack) -> None:
    folder, ports = stack
    process = start_up(folder)
    assert len(list_containers(ports)) == 2
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()

    end = time.monotonic() + LIMIT
    while list_containers(ports):
        assert time.monotonic() < end, "a container stayed"
        time.sleep(0.1)


def test_a_store_is_started_as_its_service_says(stack) -> None:
    """Its command is a text with quotes, its configuration a file of the folder."""
    folder, ports = stack
    (folder / "redis.conf").write_text("maxmemory 64mb\n")
    text = (folder / "stack.yaml").read_text()
    said = (
        "    use: redis\n    command: redis-server /etc/redis.conf --save ''\n"
        "    volumes: ['./redis.conf:/etc/redis.conf:ro']\n"
    )
    (folder / "stack.yaml").write_text(text.replace("    use: redis\n", said))
    process = start_up(folder)
    try:
        answers = [ask_setting(ports["redis"], name) for name in ("maxmemory", "save")]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LIMIT)

    assert answers == ["67108864", ""]


def ask_setting(port: int, name: str) -> str:
    """What a Redis is configured with."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(f"CONFIG GET {name}\r\n".encode())
        *_, value, _ = connection.recv(256).decode().split("\r\n")
    return value


def test_another_run_uses_the_store_that_one_has_in_docker(stack) -> None:
    folder, ports = stack
    path = folder / "stack.yaml"
    worker = (
        "  worker:\n    image: python:3.12-slim\n    health: {none: it works}\n"
        "    enabled: false\n"
        "    needs: {db: DATABASE_URL}\n    local: {command: [sleep, '60']}\n"
    )
    path.write_text(
        path.read_text().replace("secrets:\n  db-p", f"{worker}secrets:\n  db-p")
    )
    process = start_up(folder)
    try:
        done = runs.run_cli(folder, "run", "worker", "--", "sh", "-c", "exit 7")
        listed = list_containers(ports)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LIMIT)

    assert done[0] == 7, done
    assert "db  " in done[2]
    assert "is already running and is used" in done[2]
    assert len(listed) == 2
