"""A secret reaches the program that may know it, and is to be seen nowhere else."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from uuid import uuid4

import pytest

from tests.e2e.engine import Project, run, run_composegen, run_well
from tests.e2e.examples import ask, copy_example, list_images, wait_for_free_ports
from tests.e2e.images import Images

pytestmark = pytest.mark.engine

IMAGES = list_images("chat")

CANARY = f"canary-{uuid4().hex}"

# A provider of our own, so that the key is really used.
WITH_PROVIDER = """
services:
  router:
    environment: {LLM_BASE_URL: http://provider:9000/v1}
  provider:
    image: python:3.12-slim
    command: [python, -u, /provider.py]
    volumes: ["./provider.py:/provider.py:ro"]
    init: true
    healthcheck:
      test: python -c "import socket; socket.create_connection(('127.0.0.1', 9000))"
      interval: 1s
      retries: 30
"""


@pytest.fixture(scope="module")
def chat(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The chat stack with a key that has been used in a conversation."""
    images.have(*IMAGES)
    with Project(tmp_path_factory.mktemp("chat")) as project:
        copy_example("chat", project.folder)
        shutil.copy(Path(__file__).with_name("provider.py"), project.folder)
        (project.folder / "provider.yaml").write_text(dedent(WITH_PROVIDER))
        run_composegen(project.folder, "secrets", GROQ_API_KEY=CANARY)
        run_composegen(project.folder, "render", GROQ_API_KEY=CANARY)
        project.add_file("provider.yaml")
        wait_for_free_ports(3000, 3002)
        project.up("--build", deadline=300)
        yield project


def test_the_provider_is_given_the_key(chat: Project) -> None:
    reply = ask(3000, "/api/chat", {"message": "Who am I?"})
    assert reply.status == 200, reply.text
    fingerprint = hashlib.sha256(CANARY.encode()).hexdigest()
    assert reply.json["reply"] == f"fingerprint {fingerprint}"
    status = ask(3000, "/api/status").json
    assert status["provider"]["key"] == "configured"


def test_no_container_but_the_routers_has_the_file(chat: Project) -> None:
    for service in ("frontend", "backend", "redis"):
        assert chat.exec(service, "ls", "/run/secrets").returncode != 0
    seen = chat.exec("router", "cat", "/run/secrets/GROQ_API_KEY")
    assert seen.stdout.strip() == CANARY


def test_no_file_outside_the_secrets_folder_holds_the_key(chat: Project) -> None:
    holding = {
        path.relative_to(chat.folder).as_posix()
        for path in chat.folder.rglob("*")
        if path.is_file() and CANARY.encode() in path.read_bytes()
    }
    assert holding == {".secrets/GROQ_API_KEY"}


def test_the_engine_shows_the_key_to_nobody_who_inspects(chat: Project) -> None:
    containers = chat.inspect_all()
    mine = f"label=com.docker.compose.project={chat.name}"
    networks = run_well("docker", "network", "ls", "-q", "--filter", mine).split()
    volumes = run_well("docker", "volume", "ls", "-q", "--filter", mine).split()
    images = {container["Image"] for container in containers.values()}
    ids = [container["Id"] for container in containers.values()]
    shown = run_well("docker", "inspect", *ids, *networks, *volumes, *images)
    assert "GROQ_API_KEY_FILE" in shown
    assert CANARY not in shown
    for image in images:
        told = run_well("docker", "history", "--no-trunc", image)
        assert CANARY not in told


def test_no_log_holds_the_key(chat: Project) -> None:
    ask(3000, "/api/chat", {"message": "Once more."})
    # And once with the provider away, when the router has an error to tell.
    assert chat.compose("stop", "--timeout", "1", "provider").returncode == 0
    failed = ask(3000, "/api/chat", {"message": "And without you?"})
    chat.up()
    assert failed.status in {502, 503, 504}, failed.text
    assert CANARY not in failed.text
    logs = chat.read_logs()
    assert "/v1/chat/completions" in logs
    assert CANARY not in logs


def test_no_process_has_the_key_on_its_command_line(chat: Project) -> None:
    for service, container in chat.inspect_all().items():
        shown = run("docker", "top", container["Id"], "-eo", "pid,args").stdout
        assert CANARY not in shown, service
        environment = chat.exec(service, "cat", "/proc/1/environ").stdout
        assert CANARY not in environment, service
