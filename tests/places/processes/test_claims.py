"""Who may run a service: what dead runs left, what is another user's, what dies."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from composegen.places.events import Exited, Ready, Reused, Started
from composegen.places.processes.claims import find_stranger
from composegen.places.processes.down import take_down
from composegen.places.processes.environment import read_surroundings
from composegen.places.processes.records import RunFolder, ServiceRecord
from composegen.records import replace
from composegen.system.identity import Identity
from composegen.workspace.workspace import Workspace
from tests import leaks, runs
from tests.runs import (
    bring_up,
    carry_out,
    fail,
    find_events,
    make_service,
    run_cli,
    start_cli,
    wait_for,
)


@pytest.fixture
def ports():
    return runs.Ports()


def write_app(folder, ports, **options):
    return runs.write_stack(
        folder, "services:\n" + make_service("app", ports["app"], **options)
    )


def start_server(folder, port):
    process = subprocess.Popen(
        [sys.executable, "-S", "server.py"],
        cwd=folder,
        env={**os.environ, "PORT": str(port)},
        stdout=subprocess.DEVNULL,
    )
    wait_for((folder / f"listening-{port}").exists)
    return process


def end(process):
    process.kill()
    process.wait()


def leave_app_behind(folder):
    """Kill a run and its guardian; the pid of the service that is left."""
    run = start_cli(folder, "run", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    runs_folder = RunFolder(folder)
    wait_for(lambda: runs_folder.list_runs() and runs_folder.read_service("app"))
    wait_for(lambda: list(folder.glob("listening-*")))
    left = runs_folder.read_service("app").process.pid
    run.send_signal(signal.SIGSTOP)  # so that it cannot make another guardian
    os.kill(leaks.wait_for_guardian(runs_folder.list_runs()[0].run), signal.SIGKILL)
    run.kill()
    run.wait()
    assert left in runs.find_running_in(folder)
    return left


def test_what_a_run_left_whose_guardian_died_too_is_ended_and_started_fresh(
    tmp_path, ports
):
    path = write_app(tmp_path, ports)
    left = leave_app_behind(tmp_path)

    events = bring_up(path)

    assert find_events(events, Reused) == []
    assert find_events(events, Started)[0].pid != left
    assert runs.find_running_in(tmp_path) == {}


def test_what_a_dead_run_left_is_reported_and_ended_by_down(tmp_path, ports):
    write_app(tmp_path, ports)
    left = leave_app_behind(tmp_path)

    said = run_cli(tmp_path, "status")[2]
    assert f"a dead run left app behind, pid {left}" in said
    assert run_cli(tmp_path, "down")[0] == 0
    assert runs.find_running_in(tmp_path) == {}
    assert "behind" not in run_cli(tmp_path, "status")[2]


FAKE_DOCKER = """#!/bin/sh
echo "$@" >> {calls}
"""


def test_the_container_that_a_dead_run_left_is_removed_and_no_other(
    tmp_path, monkeypatch
):
    calls = tmp_path / "calls"
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(FAKE_DOCKER.format(calls=calls))
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker.parent}:{os.environ['PATH']}")
    folder = RunFolder(tmp_path)
    gone = Identity(pid=2, start=0, boot="a")
    for name, container in [
        ("redis", "composegen-redis-0123abcd"),
        ("other", "somebodys-database"),
    ]:
        folder.make_lock(name).take()
        folder.write_service(
            ServiceRecord(
                service=name,
                run="0123456789abcdef",
                process=gone,
                supervisor=gone,
                config="",
                port=1,
                log=None,
                since="",
                container=container,
            )
        )

    assert take_down(tmp_path) == []

    assert calls.read_text() == "rm --force --volumes composegen-redis-0123abcd\n"
    assert folder.list_services() == []


def test_when_what_was_reused_dies_one_of_our_own_takes_its_place(tmp_path, ports):
    path = write_app(tmp_path, ports)
    by_hand = start_server(tmp_path, ports["app"])

    async def kill(supervisor, events):
        end(by_hand)
        while len(find_events(events, Ready)) < 2:
            await asyncio.sleep(0.01)
        assert not supervisor.list_statuses()[0].reused

    events = bring_up(path, kill)

    assert find_events(events, Reused)[0].pid == by_hand.pid
    assert find_events(events, Exited)[0].exit_code is None
    assert len(find_events(events, Started)) == 1


def test_a_foreign_store_is_refused_even_in_this_folder(tmp_path, ports):
    path = runs.write_stack(
        tmp_path,
        f"services:\n  redis:\n    use: redis\n    publish: {ports['app']}\n"
        "    health: {command: ['true']}\n"
        f"    local: {{command: ['{sys.executable}', -S, server.py]}}\n",
    )
    store = start_server(tmp_path, ports["app"])
    try:
        failure, _, _ = fail(path)
        events = bring_up(path, reuse=True)
        assert store.poll() is None
    finally:
        end(store)

    assert "another program listens on port" in failure.reason
    assert f"pid {store.pid}" in failure.cause
    assert "--reuse" in failure.help
    assert find_events(events, Reused)[0].pid == store.pid


def find_stranger_for(path, name):
    around = read_surroundings(Workspace(path.parent / "stack.yaml", os.environ))
    return find_stranger(runs.load(path).services[name], around)


def test_a_stranger_is_a_process_that_has_a_stores_port_or_runs_elsewhere(
    tmp_path, ports, tmp_path_factory
):
    path = runs.write_stack(
        tmp_path,
        f"services:\n  redis:\n    use: redis\n    port: {ports['app']}\n"
        + make_service("app", ports["app"]),
    )
    assert find_stranger_for(path, "redis") == ""

    near = start_server(tmp_path, ports["app"])
    try:
        assert f"pid {near.pid}" in find_stranger_for(path, "redis")
        assert find_stranger_for(path, "app") == ""
    finally:
        end(near)

    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "server.py").write_text(runs.SERVER)
    far = start_server(elsewhere, ports["app"])
    try:
        assert f"pid {far.pid}" in find_stranger_for(path, "app")
    finally:
        end(far)


def test_what_a_run_of_this_folder_owns_is_no_stranger(tmp_path, ports):
    path = write_app(tmp_path, ports)

    async def own():
        async with carry_out(path) as (supervisor, _):
            await supervisor.bring_up()
            # A store of ours is known by what was noted, wherever it runs.
            store = replace(runs.load(path).services["app"], is_store=True)
            around = read_surroundings(Workspace(tmp_path / "stack.yaml", os.environ))
            return find_stranger(store, around)

    assert asyncio.run(own()) == ""


def test_a_program_in_the_services_own_folder_counts_as_near(tmp_path, ports):
    """Its folder may lie outside of the stack's."""
    (tmp_path / "stack").mkdir()
    (tmp_path / "app").mkdir()
    path = runs.write_stack(
        tmp_path / "stack", "services:\n" + make_service("app", ports["app"])
    )
    path.write_text(path.read_text().replace("server.py],", "server.py], dir: ../app,"))
    (tmp_path / "app" / "server.py").write_text(runs.SERVER)
    by_hand = start_server(tmp_path / "app", ports["app"])
    try:
        events = bring_up(path)
    finally:
        end(by_hand)

    assert find_events(events, Reused)[0].pid == by_hand.pid


def test_two_starts_at_once_make_one_service(tmp_path, ports):
    path = write_app(tmp_path, ports, env="DELAY: '0.3'")

    async def start_both():
        async with (
            carry_out(path) as (first, ours),
            carry_out(path) as (second, theirs),
        ):
            await asyncio.gather(first.bring_up(), second.bring_up())
            return [*ours, *theirs]

    events = asyncio.run(start_both())

    assert len(find_events(events, Started)) == 1
    assert len(find_events(events, Reused)) == 1


def test_a_changed_stack_file_is_reported_when_the_old_service_is_used(tmp_path, ports):
    path = write_app(tmp_path, ports)

    async def use_again():
        async with carry_out(path) as (first, _):
            await first.bring_up()
            write_app(tmp_path, ports, extra="environment: {NEW: value}")
            async with carry_out(path) as (second, events):
                await second.bring_up()
                return events

    events = asyncio.run(use_again())

    assert find_events(events, Reused)[0].note == (
        "started from another version of the stack file"
    )
