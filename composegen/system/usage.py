"""What processes and their descendants use, as the kernel counts it."""

from __future__ import annotations

import os
from collections.abc import Container
from pathlib import Path

from composegen.records import record

_PROC = Path("/proc")
_PARENT, _UTIME, _STIME, _PAGES = 1, 11, 12, 21
"""Fields of ``/proc/PID/stat``, counted from the one after the name."""


@record
class TreeUsage:
    """Seconds of CPU and bytes of memory of a process and its descendants."""

    cpu: float
    memory: int


@record
class _Process:
    parent: int
    cpu: float
    memory: int


def measure_trees(pids: Container[int]) -> dict[int, TreeUsage]:
    """What each process uses with its descendants; none where there is no /proc.

    A descendant that is one of the named processes itself counts for that one alone.
    """
    table = _read_table()
    found: dict[int, TreeUsage] = {}
    for pid, process in table.items():
        root = _find_root(pid, table, pids)
        if root is None:
            continue
        before = found.get(root) or TreeUsage(cpu=0.0, memory=0)
        found[root] = TreeUsage(
            cpu=before.cpu + process.cpu, memory=before.memory + process.memory
        )
    return found


def _find_root(
    pid: int, table: dict[int, _Process], pids: Container[int]
) -> int | None:
    """The nearest of the named processes at or above one."""
    passed: set[int] = set()
    while pid in table and pid not in passed:
        if pid in pids:
            return pid
        passed.add(pid)
        pid = table[pid].parent
    return None


def _read_table() -> dict[int, _Process]:
    try:
        names = os.listdir(_PROC)  # noqa: PTH208 - names are enough
    except OSError:
        return {}
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    found = {}
    for name in names:
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123 - quick
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue  # it has ended
        found[int(name)] = _Process(
            parent=int(fields[_PARENT]),
            cpu=(int(fields[_UTIME]) + int(fields[_STIME])) / ticks,
            memory=int(fields[_PAGES]) * page,
        )
    return found
