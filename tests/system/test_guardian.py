"""Nothing of a run outlives it, whatever ends it; and what is known to."""

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from composegen.system import guardian, process
from composegen.system.children import watch_exit
from composegen.system.launch import Launch
from composegen.system.process import Processes
from tests import leaks
from tests.refusals import no_handles

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

RUNS = 24
SECONDS = leaks.LIMIT  # the figure is measured in chaos


def test_no_service_outlives_its_run_whatever_ends_it(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(
            pool.map(lambda seed: leaks.end_at_random(tmp_path, seed), range(RUNS))
        )

    assert [outcome for outcome in outcomes if outcome.survivors] == []
    assert [outcome for outcome in outcomes if not outcome.port_is_free] == []
    assert max(outcome.seconds for outcome in outcomes) < SECONDS
    assert len({outcome.signal for outcome in outcomes}) == len(leaks.SIGNALS)
    assert sum(outcome.had_begun for outcome in outcomes) >= RUNS / 2


def test_the_five_services_really_run_before_they_are_ended(tmp_path):
    home = tmp_path / f"alive-{os.getpid()}"
    home.mkdir()
    run = leaks.start_hostile(home, leaks.find_port())
    try:
        # background: 3, deaf, escapee: 2, leader-gone: 1, storm: 1 and up to 40 more
        leaks.wait_for(lambda: len(leaks.find_survivors(home.name)) >= 18)
    finally:
        run.send_signal(signal.SIGTERM)
        run.wait(leaks.LIMIT)

    assert leaks.find_survivors(home.name) == {}


def test_one_look_serves_all_services_that_end_together(tmp_path, monkeypatch):
    """Work of the size of services times processes would hold up every signal."""
    looks = []

    class Counted(guardian.Look):
        def __init__(self, since=0):
            looks.append(since)
            super().__init__(since)

    count = 40

    async def end_many():
        async with Processes() as processes:
            started = [
                processes.start(
                    Launch(
                        service=f"app{number}",
                        command=("sleep", "1000"),
                        folder=tmp_path,
                        env={"PATH": os.environ["PATH"]},
                        log=tmp_path / f"{number}.log",
                    )
                )
                for number in range(count)
            ]
            monkeypatch.setattr(guardian, "Look", Counted)
            left = await asyncio.gather(*(process.stop() for process in started))
            return left, len(looks)

    left, seen = asyncio.run(end_many())

    assert left == [[]] * count
    assert seen < count / 2, seen


def test_a_child_that_its_leader_leaves_at_its_end_is_ended_too(tmp_path):
    """A look from before the leader's exit does not show it."""
    launch = Launch(
        service="app",
        command=("sh", "-c", "setsid sleep 1000 & exit 0"),
        folder=tmp_path,
        env={"PATH": os.environ["PATH"], "TOKEN": tmp_path.name},
        log=tmp_path / "app.log",
    )

    async def leave():
        async with Processes() as processes:
            for _ in range(10):
                process = processes.start(launch)
                processes.look(process.started_at)
                await process.exited
                assert await process.stop() == []

    asyncio.run(leave())

    assert leaks.find_survivors(tmp_path.name) == {}


def test_a_log_stays_small_while_what_writes_it_is_ended(tmp_path):
    log = tmp_path / "app.log"
    log.write_bytes(b"x" * 30 * 1024 * 1024)
    deaf = "trap '' TERM; : > ready; while :; do sleep 0.1; done"
    child = subprocess.Popen(["sh", "-c", deaf], cwd=tmp_path, start_new_session=True)
    leaks.wait_for((tmp_path / "ready").exists)

    watch = guardian.Watch("a" * 16)
    watch.note(f"+{child.pid} 0.2 15")
    watch.note(f"={json.dumps(str(log))}")
    watch.end()

    assert child.wait(leaks.LIMIT) == -signal.SIGKILL
    assert log.stat().st_blocks * 512 <= 11 * 1024 * 1024


def test_a_killed_guardian_is_replaced(tmp_path):
    home = tmp_path / f"replaced-{os.getpid()}"
    home.mkdir()
    run = leaks.start_hostile(home, leaks.find_port())
    leaks.wait_for((home / "mark").exists)
    first = leaks.wait_for_guardian((home / "mark").read_text())
    os.kill(first, signal.SIGKILL)
    leaks.wait_for(
        lambda: leaks.find_guardian((home / "mark").read_text()) not in {None, first}
    )

    run.kill()
    run.wait(leaks.LIMIT)

    leaks.wait_for(lambda: not leaks.find_survivors(home.name))


def test_a_replaced_guardian_is_reported(tmp_path):
    told = []

    async def lose():
        async with Processes(tell=told.append) as processes:
            for _ in range(2):
                count = len(told)
                os.kill(leaks.wait_for_guardian(processes.mark), signal.SIGKILL)
                while len(told) == count:
                    await asyncio.sleep(0.01)
                leaks.wait_for_guardian(processes.mark)

    asyncio.run(asyncio.wait_for(lose(), leaks.LIMIT))

    assert told == ["the guardian was killed; a new one has replaced it"] * 2


def test_a_guardian_that_cannot_be_replaced_is_reported_and_ends_nothing(
    tmp_path, monkeypatch
):
    told = []
    launch = Launch(
        service="a",
        command=("sleep", "600"),
        folder=tmp_path,
        env=dict(os.environ),
        log=tmp_path / "a.log",
    )

    async def lose():
        async with Processes(tell=told.append) as processes:
            monkeypatch.setattr(sys, "executable", "/no/such/python")
            os.kill(leaks.wait_for_guardian(processes.mark), signal.SIGKILL)
            while not told:
                await asyncio.sleep(0.01)
            service = processes.start(launch)
            assert await service.stop() == []

    asyncio.run(asyncio.wait_for(lose(), leaks.LIMIT))

    assert len(told) == 1
    assert "cannot be replaced (no such file or directory)" in told[0]


def test_the_known_hole_group_and_session_left_and_the_environment_emptied(tmp_path):
    home = tmp_path / f"hole-{os.getpid()}"
    home.mkdir()
    run = leaks.start_hostile(home, leaks.find_port(), "escaped")
    leaks.wait_for(lambda: leaks.find_emptied(home.name))
    mark = (home / "mark").read_text()

    run.kill()
    run.wait(leaks.LIMIT)
    leaks.wait_for(lambda: leaks.find_guardian(mark) is None)

    left = leaks.find_survivors(home.name)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert ["time.sleep(120)" in command for command in left.values()] == [True]


def test_orphans_that_end_while_the_run_goes_on_are_reaped(tmp_path):
    home = tmp_path / f"orphans-{os.getpid()}"
    home.mkdir()
    run = leaks.start_hostile(home, leaks.find_port())
    try:
        leaks.wait_for((home / "mark").exists)
        # The leader that is gone has left a child, which is the run's own now.
        leaks.wait_for(lambda: leaks.find_children(run.pid, "leader-gone"))
        (orphan,) = leaks.find_children(run.pid, "leader-gone")
        os.kill(orphan, signal.SIGKILL)
        leaks.wait_for(lambda: not leaks.Path("/proc", str(orphan)).exists())
    finally:
        run.send_signal(signal.SIGTERM)
        run.wait(leaks.LIMIT)


# Without a file handle to look with


def start_group():
    return leaks.keep(subprocess.Popen(["sleep", "60"], start_new_session=True))


def test_nothing_is_taken_for_gone_that_could_not_be_looked_at():
    child = start_group()
    with no_handles():
        for look in (guardian.read_stat, guardian.read_marks, guardian.is_running):
            with pytest.raises(OSError, match="Too many open files"):
                look(child.pid)
        assert guardian.Look().find_members(child.pid) == [child.pid]
    child.kill()
    child.wait()
    assert guardian.Look().find_members(child.pid) == []


def test_a_group_is_ended_without_a_file_handle():
    child = start_group()
    with no_handles():
        guardian.signal_members(child.pid, signal.SIGKILL, guardian.Look())
        assert child.wait(leaks.LIMIT) == -signal.SIGKILL


def test_the_guardian_ends_what_was_noted_without_a_file_handle():
    child = start_group()
    noted = guardian.Watch("a mark that nothing carries")
    noted.note(f"+{child.pid} 5 {int(signal.SIGTERM)}")
    with no_handles() as give_back:

        def reap():
            child.wait(leaks.LIMIT)
            give_back()

        reaper = threading.Thread(target=reap)
        reaper.start()
        noted.end()
        reaper.join()

    assert child.returncode == -signal.SIGTERM
    assert noted.groups == {}


def make_launch(folder):
    return Launch(
        service="a",
        command=("sleep", "60"),
        folder=folder,
        env=dict(os.environ),
        log=folder / "a.log",
    )


def test_a_service_is_stopped_without_a_file_handle(tmp_path):
    async def stop():
        async with Processes() as processes:
            service = processes.start(make_launch(tmp_path))
            with no_handles():
                service.signal_all(signal.SIGCONT, guardian.Look())
                assert service.find_all() == [service.pid]
                assert await service.stop() == []
            return service.pid

    pid = asyncio.run(asyncio.wait_for(stop(), leaks.LIMIT))

    assert not guardian.is_running(pid)


def test_a_service_that_could_not_be_looked_at_is_not_left_running(
    tmp_path, monkeypatch
):
    started = []

    def refuse(pid):
        started.append(pid)
        raise OSError(errno.ENFILE, os.strerror(errno.ENFILE))

    async def start():
        async with Processes() as processes:
            monkeypatch.setattr(process, "identify", refuse)
            with pytest.raises(OSError, match="Too many open files in system"):
                processes.start(make_launch(tmp_path))
            return guardian.is_running(started[0])

    assert not asyncio.run(asyncio.wait_for(start(), leaks.LIMIT))


def test_the_end_of_a_child_is_seen_without_a_file_handle():
    async def end():
        child = start_group()
        with no_handles():
            exited = watch_exit(child)
            child.kill()
            return await exited

    assert asyncio.run(asyncio.wait_for(end(), leaks.LIMIT)) == -signal.SIGKILL
