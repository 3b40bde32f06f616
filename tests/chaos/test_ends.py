"""Runs that are killed, frozen, filled up or not read; COMPOSEGEN_CHAOS says how many.

Each run has two services. One of them is killed on the way and must come back; the
other was fine and must never be touched. 200 runs by default.
"""

import os
import random
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import pytest

from tests import leaks, runs
from tests.parts import require_part
from tests.runs import ask_status, make_service, run_cli, start_cli

RUNS = int(os.environ.get("COMPOSEGEN_CHAOS", "200"))
WAYS = ("killed", "frozen", "filled", "unread")
ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
LIMIT = 60.0

pytestmark = pytest.mark.chaos


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one run; empty texts and lists where all was well."""

    way: str
    seed: int
    survivors: tuple[str, ...]
    touched: str = ""
    hung: str = ""


def fill(handle):
    """Fill a pipe to its last byte."""
    os.set_blocking(handle, False)
    try:
        while True:
            os.write(handle, bytes(4096))
    except BlockingIOError:
        os.set_blocking(handle, True)


def wait_for(what, is_so):
    """Wait until it is so; TimeoutError says what never came."""
    try:
        leaks.wait_for(is_so, LIMIT)
    except AssertionError:
        raise TimeoutError(what) from None


class Chaos:
    """One run, what is done to it, and how it ended."""

    def __init__(self, folder, way, seed):
        self.way, self.seed = way, seed
        self.chance = random.Random(seed)
        self.folder = folder / f"run-{os.getpid()}-{seed}"
        self.folder.mkdir()
        self.disk = None
        if way == "filled":
            self.disk = self.folder
            command = ["mount", "-t", "tmpfs", "-o", "size=2m", "chaos"]
            subprocess.run([*command, str(self.folder)], check=True)
        ports = [leaks.find_port() for _ in range(2)]
        services = "".join(
            make_service(name, port, boot="60s")
            for name, port in zip("ab", ports, strict=True)
        )
        runs.write_stack(self.folder, "services:\n" + services)

    def carry_out(self):
        """Start, hurt, end; the outcome."""
        reader, writer = os.pipe()
        if self.way == "unread":
            fill(writer)
        other = subprocess.DEVNULL
        streams = {"stdout": other, "stderr": other}
        if self.way == "unread":
            streams[self.chance.choice(["stdout", "stderr"])] = writer
        run = start_cli(self.folder, "run", "-v", **streams)
        hung, fine = "", None
        try:
            wait_for("ready", lambda: ask_status(self.folder)[0] == 0)
            fine = ask_status(self.folder)[1]["b"]["pid"]
            self.hurt(run)
            touched = self.look_at(fine)
            self.end(run)
            wait_for("the end", lambda: run.poll() is not None)
        except TimeoutError as error:
            hung, touched = str(error), ""
        finally:
            if run.poll() is None:
                run.kill()
            run.wait()
            os.close(reader)
            os.close(writer)
        with suppress(TimeoutError):
            wait_for("survivors", lambda: not runs.find_running_in(self.folder))
        left = tuple(runs.find_running_in(self.folder).values())
        if self.disk is not None:
            subprocess.run(["umount", "--lazy", str(self.disk)], check=True)
        return Outcome(
            way=self.way, seed=self.seed, survivors=left, touched=touched, hung=hung
        )

    def hurt(self, run):
        """Do what this run is for, then kill one service and wait for its return."""
        if self.way == "filled":
            filler = self.folder / "filler"
            with filler.open("wb", buffering=0) as file, suppress(OSError):
                while True:
                    file.write(bytes(4096))
        if self.way == "frozen":
            run.send_signal(signal.SIGSTOP)
        victim = ask_pid(self.folder, "a")
        if victim is not None:
            os.kill(victim, signal.SIGKILL)
        if self.way == "frozen":
            run.send_signal(signal.SIGCONT)
        if self.way == "killed":
            run.kill()  # while it brings the service back
            return
        wait_for("the restart", lambda: ask_pid(self.folder, "a") not in {None, victim})
        wait_for("ready again", lambda: ask_status(self.folder)[0] == 0)

    def look_at(self, fine):
        """What was done to the service that was fine."""
        if self.way == "killed":
            return ""
        now = ask_pid(self.folder, "b")
        return "" if now == fine else f"b was {fine} and is {now}"

    def end(self, run):
        """By a signal or from another terminal, where it was not killed before."""
        if self.way == "killed":
            return
        if self.chance.random() < 0.3:
            assert run_cli(self.folder, "down")[0] == 0
        else:
            run.send_signal(self.chance.choice(ENDS))


def ask_pid(folder, service):
    """A service's process as the run noted it, while the run may not answer."""
    try:
        return ask_status(folder)[1][service]["pid"]
    except (KeyError, ValueError):
        return None


def test_a_run_survives_what_is_done_to_it_and_leaves_nothing(tmp_path):
    require_part(os.geteuid() == 0, "root, who may mount a small disk,")

    def go(seed):
        return Chaos(tmp_path, WAYS[seed % len(WAYS)], seed).carry_out()

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(go, range(RUNS)))

    assert [outcome for outcome in outcomes if outcome.survivors] == []
    assert [outcome for outcome in outcomes if outcome.touched] == []
    assert [outcome for outcome in outcomes if outcome.hung] == []
