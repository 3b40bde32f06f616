"""Who listens on a port of this machine, and whether it is free."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, suppress
from functools import cache
from pathlib import Path

from composegen.oserrors import is_shortage
from composegen.records import record
from composegen.system.guardian import list_pids

_PROC = Path("/proc")
_LISTEN = "0A"
_SOCK_DIAG, _BY_FAMILY, _DONE = 4, 20, 3
_REQUEST, _REQUEST_DUMP, _ERROR = 0x001, 0x301, 2
_TCP_LISTEN = 10
_SOCKET_ID = 48
_INODE = 9
_KERNEL_TIMEOUT = 1.0
_PORT = struct.Struct("!H")
_ANSWER, _LONGEST_ANSWER = struct.Struct("=4xH10xi"), 8192
_ANY_STATE, _ANY_COOKIE = 0xFFFFFFFF, b"\xff" * 8


@record
class Listener:
    """An address with a listener; ``pids`` is empty where its process is not seen."""

    host: str
    port: int
    pids: tuple[int, ...] = ()


def is_free(port: int) -> bool:
    """Whether a service could listen on the port, on any address of this machine.

    Raises OSError where no file handle is left to ask with, as all do that look here:
    a look that failed is no answer.
    """
    return all(
        _can_bind(family, host, port)
        for family, host in (
            (socket.AF_INET, "127.0.0.1"),
            (socket.AF_INET, "0.0.0.0"),
            (socket.AF_INET6, "::1"),
        )
    )


def find_free_port(taken: Collection[int] = ()) -> int:
    """A port that no program listens on, other than those that are ``taken``.

    Raises OSError where none is left.
    """
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port not in taken and is_free(port):
            return port


def _can_bind(family: socket.AddressFamily, host: str, port: int) -> bool:
    try:
        probe = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        if is_shortage(error):
            raise
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
        for inode, (host, number) in _list_sockets(port).items()
        if number == port
    }


def _list_sockets(port: int = 0) -> dict[str, tuple[str, int]]:
    """Every listening socket's inode with its address and port; at least of a port."""
    try:
        return {
            inode: place
            for family in (socket.AF_INET, socket.AF_INET6)
            for inode, place in _ask_kernel(family, port)
        }
    except (OSError, AttributeError) as error:
        if is_shortage(error):
            raise
        return _read_tables()


def _ask_kernel(family: int, port: int = 0) -> Iterator[tuple[str, tuple[str, int]]]:
    """The listening sockets alone: the tables in /proc take ten milliseconds to read.

    linux/inet_diag.h and linux/sock_diag.h say what is sent and what comes.
    """
    with _open_kernel() as kernel:
        kernel.send(_make_request(family, port))
        while True:
            data = kernel.recv(65536)
            while data:
                length, kind = struct.unpack_from("=IH", data)
                if kind == _DONE:
                    return
                if kind != _BY_FAMILY:
                    raise OSError("the kernel does not say who listens")
                yield _read_socket(data[16:length], family)
                data = data[(length + 3) & ~3 :]


def _open_kernel() -> socket.socket:
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG)
    kernel.settimeout(_KERNEL_TIMEOUT)
    return kernel


def _make_request(family: int, port: int = 0) -> bytes:
    """A request for all listening sockets, or for those of a port."""
    socket_id = _PORT.pack(port).ljust(_SOCKET_ID, b"\0")
    return _pack_request(family, 1 << _TCP_LISTEN, socket_id, _REQUEST_DUMP)


def _pack_request(family: int, states: int, socket_id: bytes, flags: int) -> bytes:
    body = struct.pack("=BBBxI", family, socket.IPPROTO_TCP, 0, states) + socket_id
    return struct.pack("=IHHII", 16 + len(body), _BY_FAMILY, flags, 1, 0) + body


class PortLook:
    """Which ports are listened on, for those who look often: 4 us for each port.

    A list of all listeners takes twenty times as long with fifty of them.
    """

    def __init__(self) -> None:
        self._kernel = _open_kernel()

    def find_listening(self, ports: Iterable[int]) -> set[int]:
        """Those ports that a program listens on at 127.0.0.1, or at every address.

        Raises OSError where the kernel does not say it.
        """
        return {port for port in ports if self.find_inode(port) is not None}

    def find_inode(self, port: int) -> str | None:
        """The inode of the socket that a connection to a port of 127.0.0.1 reaches.

        None where nothing listens. Raises OSError where the kernel does not say it.
        """
        self._kernel.send(_make_question(port))
        answer = self._kernel.recv(_LONGEST_ANSWER)
        kind, code = _ANSWER.unpack_from(answer)
        if kind == _BY_FAMILY:
            return _read_socket(answer[16:], socket.AF_INET)[0]
        if kind == _ERROR and code == -errno.ENOENT:
            return None
        raise OSError("the kernel does not say who listens")

    def close(self) -> None:
        """Give its socket back."""
        self._kernel.close()


def is_held_by(port: int, pid: int) -> bool:
    """Whether it is this process that a connection to a port of 127.0.0.1 reaches.

    No where the kernel does not say it. It takes a fifth of ``find_listeners``.
    """
    try:
        with closing(PortLook()) as look:
            inode = look.find_inode(port)
        return inode is not None and bool(_find_sockets(pid, [inode]))
    except (OSError, AttributeError):
        return False


@cache
def _make_question(port: int) -> bytes:
    """A request for the one socket that a connection to a port of 127.0.0.1 reaches."""
    addresses = socket.inet_aton("127.0.0.1").ljust(32, b"\0")
    socket_id = _PORT.pack(port) + bytes(2) + addresses + bytes(4) + _ANY_COOKIE
    return _pack_request(socket.AF_INET, _ANY_STATE, socket_id, _REQUEST)


def _read_socket(message: bytes, family: int) -> tuple[str, tuple[str, int]]:
    (port,) = struct.unpack_from("!H", message, 4)
    size = 4 if family == socket.AF_INET else 16
    (inode,) = struct.unpack_from("=I", message, 4 + _SOCKET_ID + 16)
    return str(inode), (socket.inet_ntop(family, message[8 : 8 + size]), port)


def _read_tables() -> dict[str, tuple[str, int]]:
    """The same from the tables in /proc, where the kernel is not asked."""
    found: dict[str, tuple[str, int]] = {}
    for name in ("tcp", "tcp6"):
        try:
            lines = (_PROC / "net" / name).read_text().splitlines()[1:]
        except OSError as error:
            if is_shortage(error):
                raise
            continue
        found |= parse_table(lines)
    return found


def read_tables(container: str, pid: int) -> str | None:
    """The tables of a container's network, by the pid of its process.

    None where the process is on another machine, or may not be looked at.
    """
    try:
        if not pid or container not in (_PROC / str(pid) / "cgroup").read_text():
            return None
        text = (_PROC / str(pid) / "net" / "tcp").read_text()
    except OSError as error:
        if is_shortage(error):
            raise
        return None
    with suppress(OSError):  # no IPv6
        text += (_PROC / str(pid) / "net" / "tcp6").read_text()
    return text


def parse_table(lines: Iterable[str]) -> dict[str, tuple[str, int]]:
    """The listening sockets in lines of /proc/net/tcp: inode, address and port.

    Lines that are no entries, as their heads, are passed over.
    """
    found: dict[str, tuple[str, int]] = {}
    for line in lines:
        fields = line.split()
        if len(fields) > _INODE and fields[3] == _LISTEN:
            address, _, number = fields[1].rpartition(":")
            found[fields[_INODE]] = _decode_address(address), int(number, 16)
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
    except OSError as error:
        if is_shortage(error):
            raise
        return found
    for name in names:
        try:
            target = os.readlink(folder / name)  # noqa: PTH115 - thousands of them
        except OSError:
            continue
        if target in links:
            found.add(links[target])
    return found
