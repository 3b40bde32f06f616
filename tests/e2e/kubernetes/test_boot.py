"""Whole stacks come up under Pod Security `restricted`, each after its needs."""

from __future__ import annotations

import re
from datetime import datetime

import pytest

from composegen.stackfile.load import load_stack
from tests.e2e.engine import wait_until
from tests.e2e.examples import copy_example, list_images
from tests.e2e.kubernetes.cluster import (
    Stack,
    count_restarts,
    find_end,
    find_ready,
    find_start,
)

CHAT = "chat"
LEDGER = "04-database-with-migration-job"
IMAGES = [*list_images(CHAT), *list_images(LEDGER)]


def assert_in_order(stack: Stack, without: str = "") -> None:
    """That the program of each service started when all that it needs was ready.

    The cluster's times are in whole seconds.
    """
    pods = stack.list_pods()
    services = load_stack(stack.folder / "stack.yaml").stack.services
    checked = 0
    for name, service in services.items():
        for need in service.needs:
            if without in (name, need.service):
                continue
            [own], [needed] = pods[name], pods[need.service]
            was_ready = (
                find_end(needed) if services[need.service].job else find_ready(needed)
            )
            assert was_ready is not None, need.service
            assert find_start(own) >= was_ready, f"{name} before {need.service}"
            checked += 1
    assert checked


def assert_never_restarted(stack: Stack) -> None:
    restarts = {
        name: count_restarts(pod)
        for name, pods in stack.list_pods().items()
        for pod in pods
    }
    assert set(restarts.values()) == {0}, restarts


@pytest.mark.parametrize("without", ["", "redis"])
def test_the_chat_stack_comes_up(stack: Stack, without: str) -> None:
    copy_example(CHAT, stack.folder)
    options = ["--without", without] if without else []
    stack.render(*options)

    stack.up_well(*options, GROQ_API_KEY="")

    services = {"frontend", "backend", "router"} | ({"redis"} - {without})
    assert stack.list_pods().keys() == services
    assert stack.are_ready(*services)
    assert_never_restarted(stack)
    assert_in_order(stack, without)
    store = stack.exec("router", "python3", "-c", "import os; print(os.environ)")
    assert ("SESSION_STORE" in store) == bool(without)


def test_the_migration_lesson_comes_up_and_writes(stack: Stack) -> None:
    copy_example(LEDGER, stack.folder)
    stack.render()

    stack.up_well()

    assert stack.are_ready("db", "migrate", "clerk")
    assert_never_restarted(stack)
    assert_in_order(stack)
    wait_until(lambda: "\n3\n" in f"\n{stack.read_logs('clerk')}", "three entries")


def test_files_that_are_applied_by_hand_come_up_too(stack: Stack) -> None:
    copy_example(CHAT, stack.folder)
    assert stack.composegen("secrets", GROQ_API_KEY="").code == 0
    stack.render()

    stack.apply()

    stack.wait_for_ready("redis", "router", "backend", "frontend")
    assert_never_restarted(stack)
    assert_in_order(stack)


def break_redis(stack: Stack) -> None:
    """Let Redis run, and never be ready, for two seconds."""
    path = stack.folder / "stack.yaml"
    text = path.read_text()
    assert text.rstrip().endswith("use: redis                      # a recipe")
    path.write_text(f"{text.rstrip()}\n{NEVER_READY}")


NEVER_READY = """\
    command: [sleep, "600"]
    health: {boot: 2s}
"""


def test_redis_that_is_never_ready_is_excluded(stack: Stack) -> None:
    copy_example(CHAT, stack.folder)
    break_redis(stack)
    stack.render()

    done = stack.up_well(GROQ_API_KEY="")

    assert re.search("redis.*not (healthy|ready)", done.said), done
    assert stack.are_ready("frontend", "backend", "router")
    environment = stack.exec("router", "python3", "-c", "import os; print(os.environ)")
    assert "'SESSION_STORE': 'memory'" in environment
    assert "REDIS_URL" not in environment


def test_by_hand_a_gate_gives_redis_up_after_its_bound_and_says_so(
    stack: Stack,
) -> None:
    copy_example(CHAT, stack.folder)
    break_redis(stack)
    assert stack.composegen("secrets", GROQ_API_KEY="").code == 0
    stack.render()
    stack.apply()

    stack.wait_for_ready("router", "backend", "frontend")

    pod = stack.find_pod("router")
    [gate] = [
        each
        for each in pod["status"]["initContainerStatuses"]
        if "redis" in each["name"]
    ]
    ended = gate["state"]["terminated"]
    assert ended["exitCode"] == 0
    began = datetime.fromisoformat(ended["startedAt"])
    took = (find_start(pod) - began).total_seconds()
    assert 32 <= took <= 32 + 5, took
    assert re.search("redis", stack.read_logs("router", gate["name"]))
