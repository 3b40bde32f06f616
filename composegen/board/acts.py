"""What a person does on the page: the functions of the commands, one at a time each.

Each act is shown in the terminal of the board too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from composegen.board.drilling import Drilling
from composegen.board.folding import word_event
from composegen.board.shared import Shared
from composegen.errors import ComposegenError, UsageError
from composegen.oserrors import describe_os_error
from composegen.places.events import Event
from composegen.places.place import Act, Acted, Outcome, Place, Tell
from composegen.records import record

DOWN, DRILL, END_DRILL = "down", "drill", "end-drill"
"""What can be done besides the acts on services."""

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
        self._drilling = Drilling(hands.drill, shared, hands.tell)

    def perform(self, act: str, services: Sequence[str]) -> dict[str, Any]:
        """Do it, and wait until it is done; what became of it, or why it cannot be."""
        self._hands.tell(f"board: {' '.join([act, *services])}")
        try:
            if act == DOWN:
                said = list(self._hands.take_down(self._tell))
            elif act == DRILL:
                said = self._drilling.begin(services)
            elif act == END_DRILL:
                said = self._drilling.end()
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

    def close(self) -> None:
        """Let a drill that goes on undo what it has done."""
        self._drilling.close()


def _word(acted: Acted) -> str:
    text = f"{acted.service} {_WORDS[acted.outcome]}"
    return f"{text}: {acted.reason}" if acted.reason else text
