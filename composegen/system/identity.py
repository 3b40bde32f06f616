"""Other processes as far as they are seen: who they are and where they run.

A process is known by its number, its start and the machine's boot, never by its
number alone. Without /proc little is seen; no process is taken for another.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

from composegen.oserrors import is_shortage
from composegen.records import record
from composegen.system.guardian import HAS_PROC, read_stat

_PROC = Path("/proc")


@record
class Identity:
    """One process for ever: ``start`` counts clock ticks since ``boot``."""

    pid: int
    start: int
    boot: str


def read_boot_id() -> str:
    """What names the machine's boot; empty where nothing does."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError as error:
        if is_shortage(error):
            raise
        return ""


def identify(pid: int) -> Identity | None:
    """The identity of a running process, or None when it is gone.

    Raises OSError where no file handle is left to look with.
    """
    if not HAS_PROC:
        try:
            os.kill(pid, 0)
        except OSError:
            return None
        return Identity(pid=pid, start=0, boot="")
    stat = read_stat(pid)
    if stat is None or stat[0] in "ZXx":
        return None
    return Identity(pid=pid, start=stat[4], boot=read_boot_id())


def identify_self() -> Identity:
    """The identity of this process."""
    return identify(os.getpid()) or Identity(pid=os.getpid(), start=0, boot="")


def is_still(identity: Identity) -> bool:
    """Whether this very process still runs. Raises OSError as ``identify`` does."""
    return identify(identity.pid) == identity


def is_frozen(pid: int) -> bool:
    """Whether a process was stopped, as by SIGSTOP, and does nothing until SIGCONT."""
    stat = read_stat(pid)
    return stat is not None and stat[0] in "Tt"


def find_start_time(pid: int) -> float | None:
    """When a process started, in seconds of the system's clock; None: not seen."""
    try:
        stat = read_stat(pid)
    except OSError:
        return None
    if stat is None:
        return None
    running = stat[4] / os.sysconf("SC_CLK_TCK")
    return time.time() - (time.clock_gettime(time.CLOCK_BOOTTIME) - running)


def read_folder(pid: int) -> Path | None:
    """The working folder of a process, None where it may not be seen."""
    try:
        return (_PROC / str(pid) / "cwd").readlink()
    except OSError:
        return None


def read_command(pid: int) -> str:
    """The command of a process as it was typed, roughly and on one line.

    Empty when it is gone.
    """
    try:
        data = (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return ""
    return " ".join(data.replace(b"\0", b" ").decode("utf-8", "replace").split())


def read_cpu_seconds(pids: Iterable[int]) -> float:
    """The processor time that processes have used so far."""
    ticks = 0
    for pid in pids:
        try:
            text = (_PROC / str(pid) / "stat").read_bytes()
        except OSError:
            continue
        fields = text[text.rfind(b")") + 2 :].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK") if ticks else 0.0
