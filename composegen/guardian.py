"""Ends what a run started, however the run itself died; needs nothing of composegen.

As a program (``python -S -I guardian.py MARK``) it is the guardian: one child of a run
that reads the run's pipe. The run writes ``+GROUP SECONDS SIGNAL`` for each process
group that it starts and ``-GROUP`` when that is extinct; ``*[..]`` and ``/[..]`` note
and forget a command that removes something which is no process. The pipe's end means
that the run is gone, whatever ended it.

Beyond their groups, processes are found by their session and by the mark that every
service carries in its environment. A process that left group and session and emptied
its environment is not found.

Looking takes a file handle. Where none is left, what looks raises OSError rather than
take a process for gone; what signals a group needs none, and always does.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path

MARK = "COMPOSEGEN_RUN"
SERVICE_MARK = "COMPOSEGEN_SERVICE"
_PROC = Path("/proc")
HAS_PROC = os.access(_PROC / "self" / "stat", os.F_OK)
_SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
_DEAD = frozenset("ZXx")
_POLL = 0.01
_LONGEST_KILL = 10.0
_CLEANUP_TIMEOUT = 20.0


def list_pids() -> Iterator[int]:
    """Every process that can be seen; nothing where there is no /proc."""
    if HAS_PROC:
        yield from (int(name) for name in os.listdir(_PROC) if name.isdigit())  # noqa: PTH208 - names are enough


def read_stat(pid: int) -> tuple[str, int, int, int, int] | None:
    """State, parent, group, session and start of a process, or None when it is gone.

    The start counts clock ticks since the machine booted.
    """
    try:
        text = (_PROC / str(pid) / "stat").read_bytes()
    except OSError as error:
        _raise_shortage(error)
        return None
    fields = text[text.rfind(b")") + 2 :].split()
    state = fields[0].decode()
    return state, int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19])


def _raise_shortage(error: OSError) -> None:
    """Whether a process is there is not known where nobody could look."""
    if error.errno in _SHORTAGES:
        raise error


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    if not HAS_PROC:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
    stat = read_stat(pid)
    return stat is not None and stat[0] not in _DEAD


def read_marks(pid: int) -> dict[str, str]:
    """The runs that a process belongs to, outermost first, with its service in each."""
    try:
        data = (_PROC / str(pid) / "environ").read_bytes()
    except OSError as error:
        _raise_shortage(error)
        return {}
    found = {MARK: "", SERVICE_MARK: ""}
    for entry in data.split(b"\0"):
        name, _, value = entry.decode("ascii", "replace").partition("=")
        if name in found:
            found[name] = value
    if not found[MARK]:
        return {}
    return dict(
        zip_longest(
            found[MARK].split(":"), found[SERVICE_MARK].split(":"), fillvalue=""
        )
    )


def is_member(pid: int, group: int) -> bool:
    """Whether a running process is in a group, or in the session that it began."""
    stat = read_stat(pid)
    return stat is not None and stat[0] not in _DEAD and group in stat[2:4]


def is_marked(pid: int, mark: str, service: str = "") -> bool:
    """Whether a running process carries a run's mark, and a service's where asked."""
    marks = read_marks(pid)
    if mark not in marks or (service and marks[mark] != service):
        return False
    return is_running(pid)


def find_members(group: int) -> list[int]:
    """The running processes of a group and its session.

    The group alone, by its number, without /proc or a file handle to look with.
    """
    if HAS_PROC:
        with suppress(OSError):
            return [pid for pid in list_pids() if is_member(pid, group)]
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return []
    except PermissionError:
        pass  # somebody of it is there
    return [group]


def find_marked(mark: str, service: str = "") -> list[int]:
    """The running processes that carry a run's mark."""
    own = os.getpid()
    return [pid for pid in list_pids() if pid != own and is_marked(pid, mark, service)]


def signal_group(group: int, number: int) -> None:
    """Signal a whole group at once; nothing happens where it is extinct."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


def signal_if(pid: int, number: int, is_meant: Callable[[int], bool]) -> None:
    """Signal a process if it still is the one that is meant."""
    try:
        if not hasattr(os, "pidfd_open"):
            if is_meant(pid):
                os.kill(pid, number)
            return
        handle = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if is_meant(pid):
            signal.pidfd_send_signal(handle, number)
    except OSError:
        return
    finally:
        os.close(handle)


def signal_members(group: int, number: int) -> None:
    """Signal a group, and those of its session that left it, where they are seen."""
    signal_group(group, number)
    with suppress(OSError):
        for pid in find_members(group) if HAS_PROC else ():
            stat = read_stat(pid)
            if stat is not None and stat[2] != group:
                signal_if(pid, number, lambda pid: is_member(pid, group))


def signal_marked(mark: str, number: int, service: str = "", but: int = 0) -> None:
    """Signal all that carry a mark, except the members of one group and its session.

    Runs within this one end their own services: those are only ever killed.
    """
    for pid in find_marked(mark, service):
        stat = read_stat(pid)
        is_nested = list(read_marks(pid))[-1:] != [mark]
        if stat is None or but in stat[2:4] or (is_nested and number != signal.SIGKILL):
            continue
        signal_if(pid, number, lambda pid: is_marked(pid, mark, service))


# The guardian itself


class Watch:
    """What is left to end when the pipe does."""

    def __init__(self, mark: str) -> None:
        self.mark = mark
        self.groups: dict[int, tuple[float, int]] = {}
        self.cleanups: list[list[str]] = []

    def note(self, line: str) -> None:
        """Take one line of the pipe."""
        kind, rest = line[:1], line[1:]
        if kind == "+":
            group, grace, number = rest.split()
            self.groups[int(group)] = float(grace), int(number)
        elif kind == "-":
            self.groups.pop(int(rest), None)
        elif kind == "*":
            self.cleanups.append(json.loads(rest))
        elif kind == "/" and json.loads(rest) in self.cleanups:
            self.cleanups.remove(json.loads(rest))

    def end(self) -> None:
        """Signal, wait each group's grace, kill, until nothing is left."""
        begin = time.monotonic()
        for group, (_, number) in self.groups.items():
            signal_members(group, number)
            signal_members(group, signal.SIGCONT)
        self._signal_marked(signal.SIGTERM)
        longest = max((grace for grace, _ in self.groups.values()), default=0.0)
        while self._is_left():
            passed = time.monotonic() - begin
            self._kill_late(passed)
            if passed > longest:
                self._signal_marked(signal.SIGKILL)
            if passed > longest + _LONGEST_KILL:
                break
            time.sleep(_POLL)
        for command in self.cleanups:
            run_quietly(command)

    def _is_left(self) -> bool:
        """Whether anything is; a look that fails is no answer, the next one may be."""
        try:
            return bool(self.groups or find_marked(self.mark))
        except OSError:
            return True

    def _signal_marked(self, number: int) -> None:
        with suppress(OSError):
            signal_marked(self.mark, number)

    def _kill_late(self, passed: float) -> None:
        for group, (grace, _) in list(self.groups.items()):
            if not find_members(group):
                del self.groups[group]
            elif passed > grace:
                signal_members(group, signal.SIGKILL)


def run_quietly(command: list[str]) -> None:
    """Run a command to its end, or for twenty seconds; whatever it says is dropped."""
    try:
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_CLEANUP_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return


def watch(mark: str) -> None:
    """Read the pipe on standard input to its end, then end what was noted."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    os.chdir("/")
    noted = Watch(mark)
    rest = b""
    while data := os.read(0, 65536):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            noted.note(line.decode())
    noted.end()


if __name__ == "__main__":
    watch(sys.argv[1])
