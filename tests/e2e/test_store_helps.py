"""Stores in Docker under `run` that docker refuses; what the help says is done."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from composegen.places.processes.cause import CauseName
from tests.e2e.engine import run
from tests.e2e.images import Images
from tests.e2e.tried import serve_no_images
from tests.leaks import find_port
from tests.locals import LocalStack
from tests.runs import SERVER, run_cli

pytestmark = pytest.mark.engine
tries = pytest.mark.tries

REDIS = "redis:8-alpine"
IMAGES = [REDIS]


@pytest.fixture
def stack(images: Images, tmp_path: Path) -> Iterator[LocalStack]:
    """A stack whose Redis is not installed here."""
    images.have(REDIS)
    made = LocalStack(tmp_path, name=f"stores-{uuid4().hex[:8]}")
    made.write_file("server.py", SERVER)
    yield made
    run("docker", "volume", "rm", f"{made.name}-run_cache-data")
    if made.images:
        run("docker", "image", "rm", *made.images)


def write(stack: LocalStack, **keys: Any) -> dict[str, Any]:
    """An app that needs a store with these keys."""
    cache = {
        "use": "redis",
        "image": REDIS,
        "publish": f"{find_port()}:6379",
        "local": {"command": ["no-such-redis-server"]},
        **keys,
    }
    app = {
        "image": "python:3.12-slim",
        "port": find_port(),
        "health": "/",
        "needs": ["cache"],
        "local": {"command": [sys.executable, "-S", "server.py"]},
    }
    stack.write(app=app, cache=cache)
    return cache


def assert_no_usage(said: str) -> None:
    assert "docker run --help" not in said, said


def test_an_image_that_there_is_none_of(stack: LocalStack) -> None:
    with serve_no_images() as port:
        cache = write(stack, image=f"127.0.0.1:{port}/redis:1")
        code, _, said = run_cli(stack.folder, "run")
    assert code != 0
    assert "correct `image`" in said
    cache["image"] = REDIS
    stack.write(**stack.services)
    stack.assert_answers()


def test_a_registry_that_does_not_answer(stack: LocalStack) -> None:
    image = f"127.0.0.1:{find_port()}/redis:1"
    write(stack, image=image)
    code, _, said = run_cli(stack.folder, "run")
    assert code != 0
    assert f"docker pull {image}" in said
    # What a pull does where the network allows it.
    run("docker", "tag", REDIS, image)
    stack.images.append(image)
    stack.assert_answers()


@tries(CauseName.STORE_PROGRAM_NOT_FOUND)
def test_a_program_that_is_not_in_the_image(stack: LocalStack) -> None:
    cache = write(stack, command=["no-such-server"], entrypoint=[])
    cache["entrypoint"] = ["no-such-entrypoint"]
    stack.write(**stack.services)
    said = stack.fail("`no-such-entrypoint` is not in its image", "correct its")
    assert_no_usage(said)
    del cache["entrypoint"], cache["command"]
    stack.write(**stack.services)


@tries(CauseName.STORE_USER_UNKNOWN)
def test_a_user_that_the_image_has_not(stack: LocalStack) -> None:
    cache = write(stack, user="ghost")
    said = stack.fail("its image has no user or group `ghost`", "correct `user`")
    assert_no_usage(said)
    del cache["user"]
    stack.write(**stack.services)


def test_a_port_that_is_taken(stack: LocalStack) -> None:
    cache = write(stack)
    port = int(cache["publish"].partition(":")[0])
    with socket.socket() as held:
        held.bind(("127.0.0.1", port))  # a server that listens could be reused
        said = stack.fail(f"cannot have port {port}", "local: {port: ")
        stack.paste(said)
        stack.assert_answers()


@tries(CauseName.STORE_MOUNT_MISSING)
def test_a_mount_that_cannot_be_made(stack: LocalStack) -> None:
    (stack.folder / "users").mkdir()
    cache = write(stack, volumes=["./users:/etc/passwd:ro"])
    said = stack.fail(f"{stack.folder}/users cannot be mounted", "correct `volumes`")
    assert_no_usage(said)
    del cache["volumes"]
    stack.write(**stack.services)
