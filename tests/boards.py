"""A board that serves in this process, the place of which is a fake; and its pages."""

from __future__ import annotations

import http.client
import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from composegen.board.acts import Hands
from composegen.board.scene import Box, Link, Scene
from composegen.board.serve import Board, Wish
from composegen.board.watch import Source
from composegen.errors import ComposegenError, NothingRuns
from composegen.places.events import Event, Failure
from composegen.places.place import Act, Acted, Explanation, Logs, Outcome, Seen, Usage
from composegen.places.reasons import Reason
from composegen.places.status import ServiceStatus, State

SECONDS = 30
HOSTILE = "</script><img src=x onerror=alert(1)>\x1b]0;t\x07\u202e"


class FakePlace:
    """A place in which services do what a test says."""

    name = "processes"

    def __init__(self, *names: str) -> None:
        self.statuses = {
            name: ServiceStatus(service=name, state=State.READY, health="healthy")
            for name in names
        }
        self.is_running = True
        self.drill = ""
        self.trouble: ComposegenError | None = None
        self.acts: list[tuple[Act, tuple[str, ...]]] = []
        self.lines: queue.SimpleQueue[tuple[str, str] | None] = queue.SimpleQueue()
        self.first_lines: list[tuple[str, str]] = []
        self.has_stopped_logs = threading.Event()
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()

    def happen(self, event: Event, status: ServiceStatus | None = None) -> None:
        """Let something happen; what a look finds afterwards may be said too."""
        if status is not None:
            self.statuses[status.service] = status
        self._events.put(event)

    def end(self) -> None:
        """Let the run end."""
        self.is_running = False
        self._events.put(None)

    def look(self) -> Seen:
        if self.trouble is not None:
            raise self.trouble
        return Seen(
            statuses=tuple(self.statuses.values()),
            is_running=self.is_running,
            is_up=self.is_running,
            has_ended=not self.is_running,
        )

    def follow(self) -> Iterator[Event]:
        if not self.is_running:
            raise NothingRuns("nothing runs here")
        while (event := self._events.get()) is not None:
            yield event

    def explain(self, service: str) -> Explanation:
        failure = Failure(
            service=service, reason="it broke", cause=HOSTILE, help="mend it"
        )
        status = self.statuses[service]
        reason = Reason(
            chain=(service,), status=status, failure=failure, lines=(HOSTILE,)
        )
        return Explanation(reasons=(reason,))

    def read_logs(self, names: object, count: int, *, follow: bool) -> Logs:
        del names, count, follow

        def read() -> Iterator[tuple[str, str]]:
            yield from self.first_lines
            while (line := self.lines.get()) is not None:
                yield line

        def stop() -> None:
            self.has_stopped_logs.set()
            self.lines.put(None)

        return Logs(names=tuple(self.statuses), lines=read(), stop=stop)

    def measure(self) -> tuple[Usage, ...]:
        return ()

    def act(self, act: Act, names: Any, report: Any, *, take_over: bool = False) -> Any:
        del report, take_over
        self.acts.append((act, tuple(names)))
        if "broken" in names:
            raise NothingRuns("nothing runs here", help="composegen up")
        return tuple(Acted(service=name, outcome=Outcome.STOPPED) for name in names)


class Served:
    """A board that is served; ``said`` is what its terminal shows."""

    def __init__(self, board: Board, said: list[str]) -> None:
        self.board = board
        self.said = said
        address, _, self.token = board.url.partition("#")
        self.host = address.removeprefix("http://").rstrip("/")
        self.port = int(self.host.rpartition(":")[2])

    def ask(
        self, path: str, *, method: str = "GET", body: str = "", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of an answer; `Host` is right unless it is given."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            connection.putrequest(method, path, skip_host=True)
            sent = {"Host": self.host, **headers}
            for name, value in sent.items():
                if value:
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body.encode())
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, found, answer.read()
        finally:
            connection.close()

    def act(
        self, act: str, *services: str, token: str | None = None
    ) -> tuple[int, Any]:
        """Ask for an act as the page does."""
        shown = self.token if token is None else token
        status, _, body = self.ask(
            "/acts",
            method="POST",
            body=json.dumps({"act": act, "services": services}),
            Origin=f"http://{self.host}",
            Authorization=f"Bearer {shown}",
        )
        return status, json.loads(body) if body else None

    @contextmanager
    def open(self, **more: Any) -> Iterator[Page]:
        """A page that has shown its token."""
        with connect(
            f"ws://{self.host}/live",
            **{"origin": f"http://{self.host}", "max_size": None, **more},
        ) as socket:
            socket.send(json.dumps({"token": self.token}))
            yield Page(socket)


class Page:
    """What a page gets, put together as the page does."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.values: dict[str, Any] = {}
        self.number = -1
        self.lines: list[list[Any]] = []
        self.skipped = 0
        self.has_logs = False

    def send(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def take(self) -> dict[str, Any]:
        """The next message."""
        message: dict[str, Any] = json.loads(self.socket.recv(timeout=SECONDS))
        if message["type"] == "snapshot":
            self.values = dict(message["set"])
            self.number = message["number"]
        elif message["type"] == "change" and message["number"] > self.number:
            assert message["number"] == self.number + 1, "a gap"
            self.number = message["number"]
            self.values |= message["set"]
        elif message["type"] == "lines":
            self.has_logs = True
            self.lines = (
                message["lines"] if message["new"] else self.lines + message["lines"]
            )
            self.skipped += message["skipped"]
        return message

    def wait_for(self, condition: Any) -> None:
        """Take messages until a condition holds."""
        while not condition(self):
            self.take()

    def wait_for_state(self, service: str, state: str) -> None:
        """Until a service is in a state."""
        self.wait_for(
            lambda page: page.values.get(f"status/{service}", {}).get("state") == state
        )


def make_scene(*names: str) -> Scene:
    """Services in a chain."""
    return Scene(
        name="shop",
        boxes=tuple(Box(service=name) for name in names),
        links=tuple(
            Link(service=name, needed=needed, kind="required")
            for needed, name in pairwise(names)
        ),
    )


@contextmanager
def serve(
    place: FakePlace, folder: Path, *, is_read_only: bool = False
) -> Iterator[Served]:
    """A board of a place; it has ended when this does."""
    said: list[str] = []
    source = Source(
        describe_drill=lambda: place.drill,
        folder=folder,
        file=folder / "stack.yaml",
        find=lambda: place,  # type: ignore[arg-type,return-value]
        make_scene=lambda: make_scene(*place.statuses),
    )
    hands = Hands(
        find=lambda: place,  # type: ignore[arg-type,return-value]
        take_down=lambda _: iter(("ended the run",)),
        drill=("sh", "-c", "echo begun; echo '\033]0;x\007over'; exit 3"),
        tell=said.append,
    )
    board = Board(source, hands, Wish(port=0, is_read_only=is_read_only))
    thread = threading.Thread(target=board.serve)
    thread.start()
    try:
        yield Served(board, said)
    finally:
        board.end()
        thread.join(SECONDS)
        place.end()
        assert not thread.is_alive()
