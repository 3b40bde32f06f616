"""A program that owns what it needs."""

import asyncio
import os
import re
import signal
import subprocess
import sys

import pytest

import composegen
from composegen.errors import ComposegenError
from tests import runs
from tests.runs import make_service, run_cli, wait_for

OWNER = """
import asyncio, signal, sys
from composegen import own_dependencies

async def main():
    async with own_dependencies("stack.yaml", "backend") as needed:
        print(needed.environment["ROUTER_URL"], needed.pid("router"), flush=True)
        await asyncio.sleep(600)

signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
asyncio.run(main())
"""


@pytest.fixture
def ports():
    return runs.Ports()


@pytest.fixture
def stack(tmp_path, ports):
    needs = (
        "environment: {OWN: here}\nneeds:\n  router: ROUTER_URL\n"
        "  cache: {env: {CACHE_URL: '{url}'}, otherwise: {env: {STORE: memory}}}"
    )
    return runs.write_stack(
        tmp_path,
        "services:\n"
        + make_service("backend", ports["backend"], extra=needs)
        + make_service("router", ports["router"])
        + f"  cache:\n    image: redis:8-alpine\n    port: {ports['cache']}\n"
        "    health: {command: [redis-cli, ping]}\n"
        "    local: {command: [no-such-program-here]}\n",
        owner=OWNER,
    )


def test_what_is_needed_runs_inside_and_is_gone_outside(stack, ports, tmp_path):
    async def own():
        async with composegen.own_dependencies(stack, "backend") as needed:
            assert needed.is_owned("router")
            assert not needed.is_owned("cache")
            assert needed.pid("router") in runs.find_running_in(tmp_path)
            assert needed.pid("backend") is None
            return needed

    needed = asyncio.run(own())

    assert needed.environment == {
        "ROUTER_URL": f"http://127.0.0.1:{ports['router']}",
        "STORE": "memory",
    }
    assert needed.unset == ("CACHE_URL",)
    assert runs.find_running_in(tmp_path) == {}


def test_one_that_runs_already_is_used_and_stays(stack, ports, tmp_path):
    by_hand = subprocess.Popen(
        [sys.executable, "-S", "server.py"],
        cwd=tmp_path,
        env={**os.environ, "PORT": str(ports["router"])},
        stdout=subprocess.DEVNULL,
    )
    wait_for((tmp_path / f"listening-{ports['router']}").exists)

    async def own():
        async with composegen.own_dependencies(stack, "backend") as needed:
            return needed.is_owned("router"), needed.pid("router")

    try:
        assert asyncio.run(own()) == (False, by_hand.pid)
        assert by_hand.poll() is None
    finally:
        by_hand.kill()
        by_hand.wait()


def test_an_exception_inside_takes_it_down_and_comes_out(stack, tmp_path):
    async def own():
        async with composegen.own_dependencies(stack, "backend"):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(own())
    assert runs.find_running_in(tmp_path) == {}


def test_what_cannot_come_up_is_an_error_with_its_cause(stack, tmp_path):
    (tmp_path / "server.py").write_text("import not_there_at_all")

    async def own():
        async with composegen.own_dependencies(stack, "backend"):
            pass

    with pytest.raises(ComposegenError, match="`not_there_at_all` is not installed"):
        asyncio.run(own())
    assert runs.find_running_in(tmp_path) == {}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_the_owner_whatever_ends_it(stack, tmp_path, number):
    owner = subprocess.Popen(
        [sys.executable, "owner.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(runs.ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    url, pid = owner.stdout.readline().split()
    assert int(pid) in runs.find_running_in(tmp_path)

    owner.send_signal(number)
    owner.communicate(timeout=runs.SECONDS)

    wait_for(lambda: not runs.find_running_in(tmp_path))
    assert url.startswith("http://127.0.0.1:")
    assert owner.returncode == (5 if number == signal.SIGTERM else -9)


def test_status_and_down_reach_what_a_program_owns(stack, tmp_path):
    owner = subprocess.Popen(
        [sys.executable, "owner.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(runs.ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    pid = int(owner.stdout.readline().split()[1])
    status = run_cli(tmp_path, "status")[1]
    code, _, said = run_cli(tmp_path, "down")

    running = runs.find_running_in(tmp_path)
    owner.terminate()
    owner.communicate(timeout=runs.SECONDS)
    assert re.search(rf"^backend +ready +- +{owner.pid} ", status, re.MULTILINE)
    assert re.search(rf"^router +ready +healthy +{pid} ", status, re.MULTILINE)
    assert code == 0
    assert "ended the run of backend" in said
    assert pid not in running


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_within_a_run_ends_with_it(stack, tmp_path, number):
    """The outer run's service owns something itself."""
    outer = tmp_path / "outer"
    outer.mkdir()
    runs.write_stack(
        outer,
        "services:\n  owner:\n    image: python:3.12-slim\n    health: {none: test}\n"
        f"    local: {{command: ['{sys.executable}', owner.py], dir: ..}}\n",
    )
    process = runs.start_cli(
        outer, "run", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_for(lambda: list(tmp_path.glob("listening-*")))
    assert len(runs.find_running_in(tmp_path)) >= 3

    process.send_signal(number)
    process.wait(runs.SECONDS)

    wait_for(lambda: not runs.find_running_in(tmp_path))
