"""Nothing of a run outlives it, whatever ends it; and what is known to."""

import asyncio
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from composegen.launch import Launch
from composegen.runtimes.process import Processes
from tests import leaks

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

RUNS = 24
SECONDS = 15.0  # a bound for a busy machine; the figure is measured in chaos


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


def test_people_are_told_when_the_guardian_is_replaced(tmp_path):
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

    assert told == ["the guardian was killed; another one took its place"] * 2


def test_a_guardian_that_cannot_be_replaced_is_told_and_ends_nothing(
    tmp_path, monkeypatch
):
    told = []
    launch = Launch(
        service="a",
        command=("sleep", "60"),
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
    assert ["time.sleep(20)" in command for command in left.values()] == [True]


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
