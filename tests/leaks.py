"""Runs that own hostile services and are ended by a signal; what is left afterwards."""

import atexit
import os
import random
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

PROGRAM = Path(__file__).with_name("hostile_services.py")
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
GRACE = 0.3
LIMIT = 180.0  # a bound for a busy machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one run left: survivors' commands, and the seconds until all were gone.

    ``had_begun`` says whether it had come to its services when it was ended.
    """

    signal: int
    delay: float
    had_begun: bool
    survivors: tuple[str, ...]
    seconds: float
    port_is_free: bool


_KEPT = []


@atexit.register
def _end_kept():
    """A test that failed may have left a run: its guardian sees to the rest."""
    for process in _KEPT:
        if process.poll() is None:
            process.kill()
            process.wait()


def keep(process):
    """The process, ended with the tests at the latest."""
    _KEPT.append(process)
    return process


def find_survivors(token):
    """The processes that run and have the token in their command or environment."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        if int(folder.name) == os.getpid():
            continue
        try:
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            command = (folder / "cmdline").read_bytes()
            text = command + (folder / "environ").read_bytes()
        except OSError:
            continue
        if state not in "ZX" and token.encode() in text:
            found[int(folder.name)] = command.replace(b"\0", b" ").decode(
                errors="replace"
            )
    return found


def find_running_in(folder):
    """The commands of processes that run with a working folder at or below this one."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            where = (entry / "cwd").readlink()
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if state not in "ZX" and where.is_relative_to(folder):
            found[int(entry.name)] = command.replace(b"\0", b" ").decode(
                errors="replace"
            )
    return found


def find_emptied(token):
    """The processes with the token in their command and no environment at all."""
    return [
        pid
        for pid, command in find_survivors(token).items()
        if token in command
        and "setsid" not in command
        and not Path("/proc", str(pid), "environ").read_bytes()
    ]


def find_children(parent, service):
    """The orphaned children of a run that carry a service's mark."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            marks = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        is_orphan = int(fields[1]) == parent and fields[2] != folder.name
        if is_orphan and f"COMPOSEGEN_SERVICE={service}".encode() in marks:
            found.append(int(folder.name))
    return found


def find_guardian(mark):
    """The guardian of a run, or None."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if command[-2:-1] == [mark.encode()] and b"-I" in command and state != "Z":
            return int(folder.name)
    return None


def wait_for_guardian(mark):
    """The guardian of a run; a program that is just beginning shows no words yet."""
    wait_for(lambda: find_guardian(mark) is not None)
    return find_guardian(mark)


def wait_for(is_so, limit=LIMIT):
    """Look every few milliseconds until it is so; fails when it never is."""
    end = time.monotonic() + limit
    while not is_so():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.005)


def find_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def start_hostile(folder, port, *more):
    """A run that owns the five services, or the one that ``escaped``."""
    command = [sys.executable, str(PROGRAM), str(folder), str(port), str(GRACE), *more]
    nowhere = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=nowhere)
    return keep(process)


def end_one(folder, number, delay, *, second=None, is_late=False):
    """Start the five, signal their owner after a delay, wait until nothing is left.

    The delay begins with the owner's process, or with its first service if late.
    """
    port = find_port()
    run = start_hostile(folder, port)
    if is_late:
        wait_for((folder / "mark").exists)
    time.sleep(delay)
    had_begun = (folder / "mark").exists()
    run.send_signal(number)
    if second is not None:
        time.sleep(second)
        run.send_signal(signal.SIGINT)
    begin = time.monotonic()
    run.wait(LIMIT)
    while find_survivors(folder.name) and time.monotonic() < begin + LIMIT:
        time.sleep(0.01)
    return Outcome(
        signal=number,
        delay=delay,
        had_begun=had_begun,
        survivors=tuple(find_survivors(folder.name).values()),
        seconds=time.monotonic() - begin,
        port_is_free=becomes_free(port),
    )


def becomes_free(port):
    """Whether a port is free; another test may hold it for a moment."""
    end = time.monotonic() + LIMIT
    while not is_free(port):
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def end_at_random(folder, seed):
    """A random signal at a random time; a third of them followed by an interrupt.

    For every other seed the time begins when the services do.
    """
    chance = random.Random(seed)
    name = f"run-{os.getpid()}-{seed}-{chance.randrange(10**9)}"
    home = folder / name
    home.mkdir()
    second = chance.random() * 0.2 if chance.random() < 0.3 else None
    return end_one(
        home,
        chance.choice(SIGNALS),
        0.05 + chance.random() * 0.7,
        second=second,
        is_late=bool(seed % 2),
    )
