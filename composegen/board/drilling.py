"""A drill that was begun on the page: a child, watched step by step.

It goes on when the page is closed. When the board ends, it ends and undoes its fault.
"""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from typing import IO, Any

from composegen.board.shared import Shared
from composegen.errors import UsageError
from composegen.places.place import Tell
from composegen.text import strip_control

_PATIENCE = 30.0
_MOST_LINES = 400


class Drilling:
    """One drill after another; what is known of it are two values of the page.

    ``drill`` says what goes on: which fault, by its number, is at which stage, what was
    said, and in the end the sum and the exit code. ``drill-rows`` is its table.
    """

    def __init__(self, command: tuple[str, ...], shared: Shared, tell: Tell) -> None:
        self._command = command
        self._shared = shared
        self._tell = tell
        self._child: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._known: dict[str, Any] = {}
        self._rows: dict[tuple[str, ...], dict[str, Any]] = {}

    def begin(self, services: Sequence[str]) -> list[str]:
        """Begin one. Raises UsageError where one goes on, and OSError."""
        with self._lock:
            if self._is_going():
                raise UsageError("a drill goes on already")
            self._child = child = subprocess.Popen(
                [*self._command, *services],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            self._rows = {}
            self._known = {
                "going": True,
                "lines": [],
                "heads": [],
                "faults": 0,
                "now": None,
                "number": 0,
                "sum": "",
                "code": None,
            }
            self._show()
        threading.Thread(
            target=self._watch, args=(child,), name="drill", daemon=True
        ).start()
        return ["the drill has begun"]

    def end(self) -> list[str]:
        """Ask it to undo what stands, and to end. Raises UsageError where none is."""
        with self._lock:
            child = self._child
            if child is None or not self._is_going():
                raise UsageError("no drill goes on")
            child.send_signal(signal.SIGINT)
        return ["the drill undoes its fault and ends"]

    def close(self) -> None:
        """Let one that goes on undo what it has done, and wait for that."""
        child = self._child
        if child is None or child.poll() is not None:
            return
        child.send_signal(signal.SIGINT)
        try:
            child.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()  # what it has left is undone by the next command

    def _is_going(self) -> bool:
        return self._child is not None and self._child.poll() is None

    # Watching

    def _watch(self, child: subprocess.Popen[str]) -> None:
        assert child.stdout is not None
        assert child.stderr is not None
        saying = threading.Thread(target=self._hear, args=(child.stderr,), daemon=True)
        saying.start()
        with child.stdout as steps:
            for line in steps:
                self._take(line)
        saying.join()
        code = child.wait()
        with self._lock:
            self._known |= {"going": False, "now": None, "code": code}
            self._show()

    def _hear(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._say(line)

    def _say(self, line: str) -> None:
        """A line for people: on the page, and in the terminal."""
        text = strip_control(line.rstrip("\n"))
        self._tell(f"drill: {text}".rstrip())
        with self._lock:
            self._known["lines"] = [*self._known["lines"], text][-_MOST_LINES:]
            self._show()

    def _take(self, line: str) -> None:
        """A step; what is none is a line for people."""
        try:
            step = _clean(json.loads(line))
            kind = step["step"]
        except (ValueError, TypeError, KeyError):
            self._say(line)
            return
        with self._lock:
            self._fold(kind, step)
            self._show()
        for text in str(step.get("text", "")).splitlines():
            self._tell(f"drill: {text}".rstrip())

    def _fold(self, kind: str, step: dict[str, Any]) -> None:
        if kind == "begun":
            self._known |= {"heads": step["heads"], "faults": step["faults"]}
        elif kind == "fault":
            before = self._known["now"] or {}
            now = {name: step[name] for name in ("service", "fault", "stage")}
            if any(before.get(name) != now[name] for name in ("service", "fault")):
                self._known["number"] += 1
            self._known["now"] = {**now, "at": time.time()}
        elif kind == "over":
            self._known |= {"sum": step["sum"], "now": None}
        for row in step.get("rows", ()):
            self._rows[tuple(row["cells"][:2])] = row

    def _show(self) -> None:
        rows = list(self._rows.values())
        self._shared.change({"drill": dict(self._known), "drill-rows": rows or None})


def _clean(value: Any) -> Any:
    """Plain data, the texts of which steer nothing."""
    if isinstance(value, str):
        return strip_control(value)
    if isinstance(value, list):
        return [_clean(each) for each in value]
    if isinstance(value, dict):
        return {name: _clean(each) for name, each in value.items()}
    return value
