"""Serves the board of one folder on loopback, until it is asked to end."""

from __future__ import annotations

import contextlib
import errno
import secrets
import socket
import threading
from collections.abc import Callable, Iterator

import uvicorn

from composegen.board.acts import Acts, Hands
from composegen.board.figures import Figures
from composegen.board.logs import LogBook
from composegen.board.server import Server, Site
from composegen.board.shared import Shared
from composegen.board.watch import Source, Watcher
from composegen.errors import CannotServe
from composegen.oserrors import describe_os_error
from composegen.places.place import Place
from composegen.records import record
from composegen.resources import find_templates

HOST, PORT, PORTS = "127.0.0.1", 7411, 100
"""Where the board is served: this port, else the next free one."""

_TOKEN = 32
_MOST_MESSAGE = 64 * 1024
_GRACE = 1
_LOOK, _CUT = 1.0, 3
"""Seconds between two looks at the logs, and after how many that find them ended,
while something runs, they are read again: a run that ends ends its logs first."""


@record
class Wish:
    """How to serve: ``port`` None for the usual one or the next, 0 for any."""

    port: int | None = None
    is_read_only: bool = False


class _Quiet(uvicorn.Server):
    """A server whose signals are caught elsewhere."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the command."""
        yield


class Board:
    """The board of one folder; ``url`` is what a person opens."""

    def __init__(self, source: Source, hands: Hands, wish: Wish) -> None:
        self._door = bind(wish.port)
        port = self._door.getsockname()[1]
        site = Site(
            port=port,
            token=secrets.token_urlsafe(_TOKEN),
            folder=find_templates() / "board",
            is_read_only=wish.is_read_only,
        )
        self.url = f"http://{HOST}:{port}/#{site.token}"
        self._shared = Shared({"readOnly": wish.is_read_only})
        self._watcher = Watcher(source, self._shared)
        self._figures = Figures(lambda: self._watcher.place, self._shared)
        self._book = LogBook(self._tell_lines)
        self._acts = Acts(hands, self._shared)
        self._server = Server(
            site,
            self._acts,
            self._find_place,
            shared=self._shared,
            book=self._book,
            figures=self._figures,
        )
        config = uvicorn.Config(
            self._server.make_app(),
            http="h11",
            ws="websockets-sansio",
            ws_max_size=_MOST_MESSAGE,
            ws_per_message_deflate=False,
            lifespan="off",
            access_log=False,
            log_level="error",
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=_GRACE,
        )
        self._uvicorn = _Quiet(config)
        self._over = threading.Event()

    def serve(self) -> None:
        """Serve until ``end`` is called."""
        self._watcher.start()
        self._figures.start()
        threading.Thread(target=self._follow_changes, daemon=True).start()
        try:
            self._uvicorn.run(sockets=[self._door])
        finally:
            self._over.set()
            self._watcher.close()
            self._figures.close()
            self._book.stop()
            self._acts.close()
            self._door.close()

    def end(self) -> None:
        """End it; from any thread, or from a signal's handler."""
        self._uvicorn.should_exit = True

    def _find_place(self) -> tuple[Place | None, int]:
        turn = self._watcher.turn  # first: one that is newer is found next time
        return self._watcher.place, turn

    def _tell_lines(self) -> None:
        self._server.tell_lines()

    def _follow_changes(self) -> None:
        """Read the logs of another run or place, and those that were interrupted.

        They end when an engine goes away, or with the last container.
        """
        cut = 0
        while not self._over.wait(_LOOK):
            is_cut = self._book.has_ended and self._watcher.is_speaking
            cut = cut + 1 if is_cut else 0
            if cut >= _CUT or self._watcher.turn != self._server.read_turn:
                cut = 0
                self._server.call_in_loop(self._server.read_logs_again)


def bind(port: int | None) -> socket.socket:
    """A socket that listens on loopback. Raises CannotServe where the port is taken."""
    wanted = range(PORT, PORT + PORTS) if port is None else (port,)
    for each in wanted:
        door = socket.socket(socket.AF_INET)
        try:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind((HOST, each))
            door.listen()
        except OSError as error:
            door.close()
            if error.errno != errno.EADDRINUSE or each == wanted[-1]:
                raise _refuse(each, error) from None
        else:
            return door
    raise AssertionError


def _refuse(port: int, error: OSError) -> CannotServe:
    words, _ = describe_os_error(error)
    if error.errno == errno.EADDRINUSE:
        words = "another program uses it"
    return CannotServe(
        f"the board cannot be served on port {port}: {words}",
        help="choose another one, or any: --port 0",
    )


def end_when_closed(read: Callable[[], bytes], end: Callable[[], None]) -> None:
    """Call ``end`` when the other end of a pipe is closed, however its owner ends."""

    def wait() -> None:
        with contextlib.suppress(OSError):
            while read():
                pass
        end()

    threading.Thread(target=wait, name="owner", daemon=True).start()
