"""What a person does on the page: the functions of the commands, one at a time each.

Each act is shown in the terminal of the board too.
"""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from composegen.board.folding import word_event
from composegen.board.shared import Shared
from composegen.errors import ComposegenError, UsageError
from composegen.oserrors import describe_os_error
from composegen.places.events import Event
from composegen.places.place import Act, Acted, Outcome, Place, Tell
from composegen.records import record
from composegen.text import strip_control

DOWN, DRILL = "down", "drill"
_PATIENCE = 30.0
_MOST_LINES = 400

_WORDS = {
    Outcome.STOPPED: "stopped",
    Outcome.WAS_STOPPED: "is not running",
    Outcome.STARTED: "started",
    Outcome.WAS_RUNNING: "is already running",
    Outcome.FAILED: "failed",
}

TakeDown: TypeAlias = Callable[[Tell], Iterable[str]]


@record
class Hands:
    """How things are done: in which place, how all is ended, how a drill is begun.

    ``find`` raises ComposegenError where nothing runs; ``drill`` is a command line
    that gets names of services; ``tell`` shows a line in the terminal.
    """

    find: Callable[[], Place]
    take_down: TakeDown
    drill: tuple[str, ...]
    tell: Tell


class Acts:
    """Does what a page asks for; the answers are plain data."""

    def __init__(self, hands: Hands, shared: Shared) -> None:
        self._hands = hands
        self._shared = shared
        self._drill: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def perform(self, act: str, services: Sequence[str]) -> dict[str, Any]:
        """Do it, and wait until it is done; what became of it, or why it cannot be."""
        self._hands.tell(f"board: {' '.join([act, *services])}")
        try:
            if act == DOWN:
                said = list(self._hands.take_down(self._tell))
            elif act == DRILL:
                said = self._begin_drill(services)
            else:
                said = self._act(Act(act), services)
        except ComposegenError as error:
            self._hands.tell(f"board: {error.message}")
            return {"error": error.message, "help": error.help}
        except OSError as error:
            message, help = describe_os_error(error)
            self._hands.tell(f"board: {message}")
            return {"error": message, "help": help}
        for line in said:
            self._hands.tell(f"board: {line}")
        return {"said": said}

    def _act(self, act: Act, services: Sequence[str]) -> list[str]:
        if not services:
            raise UsageError("no service is named")
        place = self._hands.find()
        return [_word(each) for each in place.act(act, services, self._report)]

    def _report(self, event: Event) -> None:
        words = word_event(event)
        if words:
            self._tell(f"{event.service} {words}".strip())

    def _tell(self, text: str) -> None:
        self._hands.tell(f"board: {text}")

    # A drill is a child: it goes on when the page is closed, not when the board is

    def _begin_drill(self, services: Sequence[str]) -> list[str]:
        with self._lock:
            if self._drill is not None and self._drill.poll() is None:
                raise UsageError("a drill goes on already")
            self._drill = drill = subprocess.Popen(
                [*self._hands.drill, *services],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        self._shared.change({"drill": {"going": True, "lines": []}})
        threading.Thread(
            target=self._watch_drill, args=(drill,), name="drill", daemon=True
        ).start()
        return ["the drill has begun"]

    def _watch_drill(self, drill: subprocess.Popen[str]) -> None:
        lines: list[str] = []
        assert drill.stdout is not None
        with drill.stdout as said:
            for line in said:
                lines.append(strip_control(line.rstrip("\n")))
                del lines[:-_MOST_LINES]
                self._hands.tell(f"drill: {lines[-1]}")
                self._shared.change({"drill": {"going": True, "lines": list(lines)}})
        code = drill.wait()
        over = {"going": False, "lines": list(lines), "code": code}
        self._shared.change({"drill": over})

    def close(self) -> None:
        """Let a drill that goes on undo what it has done."""
        drill = self._drill
        if drill is None or drill.poll() is not None:
            return
        drill.send_signal(signal.SIGINT)
        end = time.monotonic() + _PATIENCE
        try:
            drill.wait(end - time.monotonic())
        except subprocess.TimeoutExpired:
            drill.kill()  # what it has left is undone by the next command


def _word(acted: Acted) -> str:
    text = f"{acted.service} {_WORDS[acted.outcome]}"
    return f"{text}: {acted.reason}" if acted.reason else text
