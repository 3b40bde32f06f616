"""What happens to the services of runs, followed by another process."""

import os
import queue
import signal
import threading

import pytest

from composegen.errors import NothingRuns
from composegen.places.events import (
    Exited,
    HealthyAgain,
    Line,
    Ready,
    Reused,
    Started,
    Stopped,
)
from composegen.places.processes.follow import follow_runs
from tests import runs
from tests.runs import ask_status, end, make_service, run_cli, start_up, wait_for


@pytest.fixture
def stack(tmp_path):
    """web needs db."""
    ports = runs.Ports()
    runs.write_stack(
        tmp_path,
        "services:\n"
        + make_service("web", ports["web"], extra="needs: [db]")
        + make_service("db", ports["db"]),
    )
    return tmp_path


class Follower:
    """Follows in a thread; ``wait_for`` returns the next event of a kind."""

    def __init__(self, folder):
        self.inbox = queue.SimpleQueue()
        self.seen = []
        self.events = follow_runs(folder)
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        for event in self.events:
            self.inbox.put(event)

    def wait_for(self, service, kind):
        while True:
            event = self.inbox.get(timeout=runs.SECONDS)
            self.seen.append(event)
            if event.service == service and isinstance(event, kind):
                return event


def test_without_a_run_there_is_nothing_to_follow(stack):
    with pytest.raises(NothingRuns):
        next(follow_runs(stack))


def test_the_present_comes_first_then_each_change_until_the_run_ends(stack):
    process, _ = start_up(stack, first_pause=0)
    run_cli(stack, "stop", "db")
    follower = Follower(stack)
    assert follower.wait_for("db", Stopped).by == "user"

    run_cli(stack, "start", "db")
    follower.wait_for("db", Started)
    follower.wait_for("db", Ready)
    os.kill(ask_status(stack)[1]["db"]["pid"], signal.SIGKILL)
    follower.wait_for("db", Exited)
    assert follower.wait_for("db", Started).restarts == 1
    end(process)
    follower.thread.join(runs.SECONDS)

    assert not follower.thread.is_alive()
    assert {type(e) for e in follower.seen if e.service == "web"} <= {Ready, Line}


def test_a_run_that_is_killed_ends_the_follow(stack):
    process, _ = start_up(stack)
    follower = Follower(stack)
    follower.wait_for("db", Ready)

    process.kill()
    process.wait()
    follower.thread.join(runs.SECONDS)

    assert not follower.thread.is_alive()
    wait_for(lambda: runs.find_running_in(stack) == {})


def test_several_runs_are_followed_as_one(stack):
    first, _ = start_up(stack, "db")
    second, _ = start_up(stack)
    follower = Follower(stack)
    follower.wait_for("db", Reused)

    end(second)
    follower.wait_for("web", Stopped)
    assert follower.thread.is_alive()
    end(first)
    follower.thread.join(runs.SECONDS)

    assert not follower.thread.is_alive()
    assert not [e for e in follower.seen if isinstance(e, HealthyAgain)]


def test_who_leaves_is_no_longer_followed_by_the_run(stack):
    process, _ = start_up(stack)
    events = follow_runs(stack)
    next(events)

    events.close()
    code, _ = ask_status(stack)

    assert (code, end(process)) == (0, 130)
