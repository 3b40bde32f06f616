"""Other processes as far as they are seen: who they are, where they run, their ports.

A process is known by its number, its start and the machine's boot, never by its
number alone. Without /proc little is seen, and nobody is taken for somebody else.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from composegen.guardian import HAS_PROC, list_pids, read_stat

_PROC = Path("/proc")
_LISTEN = "0A"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One process for ever: ``start`` counts clock ticks since ``boot``."""

    pid: int
    start: int
    boot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """An address that somebody listens on; ``pids`` is empty where that is not seen."""

    host: str
    port: int
    pids: tuple[int, ...] = ()


def read_boot_id() -> str:
    """What names the machine's boot; empty where nothing does."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def identify(pid: int) -> Identity | None:
    """The identity of a running process, or None when it is gone."""
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


def is_still(identity: Identity) -> bool:
    """Whether this very process still runs."""
    return identify(identity.pid) == identity


def find_start_time(pid: int) -> float | None:
    """When a process started, in seconds of the system's clock."""
    stat = read_stat(pid)
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
    """The command of a process as it was typed, roughly; empty when it is gone."""
    try:
        data = (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return ""
    return data.replace(b"\0", b" ").decode("utf-8", "replace").strip()


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


# Ports


def is_free(port: int) -> bool:
    """Whether a service could listen on the port, on any address of this machine."""
    return all(
        _can_bind(family, host, port)
        for family, host in (
            (socket.AF_INET, "127.0.0.1"),
            (socket.AF_INET, "0.0.0.0"),
            (socket.AF_INET6, "::1"),
        )
    )


def _can_bind(family: socket.AddressFamily, host: str, port: int) -> bool:
    try:
        probe = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        return True  # no such family here
    with probe:
        # Without it the remnant of a closed connection would read as busy.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            return True  # a port of the system: whether it is free cannot be asked
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True


def find_listeners(port: int, *, among: Iterable[int] | None = None) -> list[Listener]:
    """Who listens on a port; processes are looked for ``among`` some, or among all."""
    inodes = _find_inodes(port)
    if not inodes:
        return []
    holders: dict[str, list[int]] = {inode: [] for inode in inodes}
    for pid in list_pids() if among is None else among:
        for inode in _find_sockets(pid, holders.keys()):
            holders[inode].append(pid)
    return [
        Listener(host=host, port=port, pids=tuple(sorted(holders[inode])))
        for inode, host in inodes.items()
    ]


def list_ports(pids: Iterable[int]) -> list[int]:
    """The ports that processes listen on over TCP, in order."""
    sockets = _list_sockets()
    held = {
        inode for pid in pids for inode in _find_sockets(pid, [*sockets]) if sockets
    }
    return sorted({sockets[inode][1] for inode in held})


def _find_inodes(port: int) -> dict[str, str]:
    return {
        inode: host
        for inode, (host, number) in _list_sockets().items()
        if number == port
    }


def _list_sockets() -> dict[str, tuple[str, int]]:
    """Every listening socket's inode with its address and port."""
    found = {}
    for name in ("tcp", "tcp6"):
        try:
            lines = (_PROC / "net" / name).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            address, _, number = fields[1].rpartition(":")
            if fields[3] == _LISTEN:
                found[fields[9]] = _decode_address(address), int(number, 16)
    return found


def _decode_address(text: str) -> str:
    words = [bytes.fromhex(text[i : i + 8])[::-1] for i in range(0, len(text), 8)]
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return socket.inet_ntop(family, b"".join(words))


def _find_sockets(pid: int, wanted: Iterable[str]) -> set[str]:
    folder = _PROC / str(pid) / "fd"
    links = {f"socket:[{inode}]": inode for inode in wanted}
    found: set[str] = set()
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names are enough
    except OSError:
        return found
    for name in names:
        try:
            target = os.readlink(folder / name)  # noqa: PTH115 - thousands of them
        except OSError:
            continue
        if target in links:
            found.add(links[target])
    return found
