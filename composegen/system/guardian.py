"""Ends what a run started, however the run itself died; needs nothing of composegen.

As a program (``python -S -I guardian.py MARK``) it is the guardian: one child of a run
that reads the run's pipe. The run writes ``+GROUP SECONDS SIGNAL`` for each process
group that it starts and ``-GROUP`` when that is extinct; ``*[..]`` and ``/[..]`` note
and forget a command that removes something which is no process, ``~SECONDS`` says how
long each of these may take, ``="LOG"`` notes a log to keep small. The pipe's end means
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


def _read_proc(pid: int, name: str) -> bytes:
    """A file of a process; empty where it is gone or may not be read.

    Raises OSError where there is no file handle to look with.
    """
    try:
        handle = os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        _raise_shortage(error)
        return b""
    try:
        parts = []
        while part := os.read(handle, 65536):
            parts.append(part)
    except OSError:
        return b""
    finally:
        os.close(handle)
    return b"".join(parts)


def read_stat(pid: int) -> tuple[str, int, int, int, int] | None:
    """State, parent, group, session and start of a process, or None when it is gone.

    The start counts clock ticks since the machine booted.
    """
    text = _read_proc(pid, "stat")
    if not text:
        return None
    fields = text[text.rfind(b")") + 2 :].split()
    state = fields[0].decode()
    return state, int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19])


def _raise_shortage(error: OSError) -> None:
    """Whether a process exists is unknown, because /proc could not be read."""
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
    data = _read_proc(pid, "environ")
    if MARK.encode() not in data:
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


class Look:
    """The running processes at one moment, read once for all who ask.

    ``since`` is the start of the oldest process that can carry a mark, as ``read_stat``
    counts it. Without a file handle to look with it ``is_blind``, and shows nothing.
    """

    def __init__(self, since: int = 0) -> None:
        self.begun = time.monotonic()
        self.is_blind = False
        self._since = since
        self._stats: dict[int, tuple[str, int, int, int, int]] = {}
        self._marks: dict[int, dict[str, str]] | None = None
        try:
            for pid in list_pids():
                stat = read_stat(pid)
                if stat is not None and stat[0] not in _DEAD:
                    self._stats[pid] = stat
        except OSError:
            self._go_blind()
        self.seconds = time.monotonic() - self.begun

    def find_members(self, group: int) -> list[int]:
        """The processes of a group and its session.

        The group alone, by its number, without /proc or a file handle to look with.
        """
        if self.is_blind or not HAS_PROC:
            return [group] if _is_group(group) else []
        return [pid for pid, stat in self._stats.items() if group in stat[2:4]]

    def find_strays(self, group: int) -> list[int]:
        """Those of a group's session that have left the group."""
        stats = self._stats.items()
        return [pid for pid, stat in stats if stat[3] == group and stat[2] != group]

    def find_marked(self, mark: str, service: str = "") -> list[int]:
        """The processes that carry a run's mark, and a service's where asked."""
        return [
            pid
            for pid, marks in self._list_marks().items()
            if mark in marks and (not service or marks[mark] == service)
        ]

    def find_free(self, mark: str, service: str = "", but: int = 0) -> list[int]:
        """Those marked that are in neither a group nor its session."""
        found = self.find_marked(mark, service)
        return [pid for pid in found if but not in self._stats[pid][2:4]]

    def is_nested(self, pid: int, mark: str) -> bool:
        """Whether a marked process belongs to a run within this one."""
        return list(self._list_marks()[pid])[-1:] != [mark]

    def find_start(self, pid: int) -> int:
        """When one of the processes began, as ``read_stat`` counts it."""
        return self._stats[pid][4]

    def _list_marks(self) -> dict[int, dict[str, str]]:
        if self._marks is None:
            own, begun = os.getpid(), time.monotonic()
            found: dict[int, dict[str, str]] = {}
            self._marks = found
            try:
                for pid, stat in self._stats.items():
                    if stat[4] >= self._since and pid != own:
                        marks = read_marks(pid)
                        if marks:
                            found[pid] = marks
            except OSError:
                self._go_blind()
            self.seconds += time.monotonic() - begun
        return self._marks

    def _go_blind(self) -> None:
        self.is_blind = True
        self._stats, self._marks = {}, {}


def _is_group(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # one of it is there
    return True


def signal_group(group: int, number: int) -> None:
    """Signal a whole group at once; nothing happens where it is extinct."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


def signal_same(pid: int, number: int, start: int) -> None:
    """Signal a process if it still is the one that began at ``start``."""
    try:
        handle = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else -1
    except OSError:
        return
    try:
        stat = read_stat(pid)
        if stat is None or stat[4] != start:
            return
        if handle < 0:
            os.kill(pid, number)
        else:
            signal.pidfd_send_signal(handle, number)
    except OSError:
        return
    finally:
        if handle >= 0:
            os.close(handle)


def signal_members(group: int, number: int, look: Look) -> None:
    """Signal a group, and those of its session that left it."""
    signal_group(group, number)
    for pid in look.find_strays(group):
        signal_same(pid, number, look.find_start(pid))


def signal_marked(
    mark: str, number: int, look: Look, *, service: str = "", but: int = 0
) -> None:
    """Signal all that carry a mark, except the members of one group and its session.

    Runs within this one end their own services: those are only ever killed.
    """
    for pid in look.find_free(mark, service, but):
        if number == signal.SIGKILL or not look.is_nested(pid, mark):
            signal_same(pid, number, look.find_start(pid))


# The guardian itself


class Watch:
    """What is left to end when the pipe does."""

    def __init__(self, mark: str) -> None:
        self.mark = mark
        self.groups: dict[int, tuple[float, int]] = {}
        self.cleanups: list[list[str]] = []
        self.logs: list[str] = []
        self.patience = _CLEANUP_TIMEOUT

    def note(self, line: str) -> None:
        """Take one line of the pipe."""
        kind, rest = line[:1], line[1:]
        if kind == "+":
            group, grace, number = rest.split()
            self.groups[int(group)] = float(grace), int(number)
        elif kind == "-":
            self.groups.pop(int(rest), None)
        elif kind == "=":
            self.logs.append(json.loads(rest))
        elif kind == "~":
            self.patience = float(rest)
        elif kind == "*":
            self.cleanups.append(json.loads(rest))
        elif kind == "/" and json.loads(rest) in self.cleanups:
            self.cleanups.remove(json.loads(rest))

    def end(self) -> None:
        """Signal, wait each group's grace, kill, until nothing is left."""
        begin = time.monotonic()
        look = Look()
        for group, (_, number) in self.groups.items():
            signal_members(group, number, look)
            signal_members(group, signal.SIGCONT, look)
        signal_marked(self.mark, signal.SIGTERM, look)
        trims = load_trims(self.logs)
        longest = max((grace for grace, _ in self.groups.values()), default=0.0)
        while self.groups or look.find_marked(self.mark) or look.is_blind:
            passed = time.monotonic() - begin
            self._kill_late(passed, look)
            if passed > longest:
                signal_marked(self.mark, signal.SIGKILL, look)
            if passed > longest + _LONGEST_KILL:
                break
            time.sleep(max(_POLL, look.seconds))
            for trim in trims:
                trim()
            look = Look()
        for command in self.cleanups:
            run_quietly(command)

    def _kill_late(self, passed: float, look: Look) -> None:
        for group, (grace, _) in list(self.groups.items()):
            if not look.find_members(group):
                del self.groups[group]
            elif passed > grace:
                signal_members(group, signal.SIGKILL, look)


def load_trims(logs: list[str]) -> list[Callable[[], bool]]:
    """A function for each log that trims it; its module lies next to this one.

    It is loaded when it is needed, and by its file: the guardian has no packages.
    """
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("trimming", Path(__file__).with_name("trimming.py"))
    if spec is None or spec.loader is None:
        return []
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except OSError:
        return []  # ending what runs matters more
    return [module.Trimmer(log).trim for log in dict.fromkeys(logs)]


def run_quietly(command: list[str], seconds: float = _CLEANUP_TIMEOUT) -> None:
    """Run a command to its end, or for some seconds; whatever it says is dropped."""
    try:
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
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
