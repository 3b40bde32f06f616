"""What `up` shows while a stack comes up: plain lines; live in a terminal."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from typing import Any

from composegen.places.engine.judge import Judge
from composegen.places.events import (
    Created,
    Event,
    Exited,
    Failed,
    Ready,
    Started,
    Told,
)
from composegen.places.status import FINE, State
from composegen.terminal.console import Console
from composegen.terminal.stream import RunConsole

_SPIN = "|/-\\"
_ROOM = 4
_COLOURS = {State.READY: "green", State.FINISHED: "green", State.FAILED: "red"}


class UpConsole(RunConsole):
    """Shows the events of a boot; in a terminal the services stand below, live."""

    def __init__(self, judge: Judge, console: Console | None = None) -> None:
        super().__init__(judge.candidates, console)
        self._judge = judge
        self._began = time.monotonic()
        self._drawn = 0
        rows = shutil.get_terminal_size().lines
        self.is_live = (
            self._is_terminal("err")
            and os.environ.get("TERM", "dumb") != "dumb"
            and len(judge.candidates) + _ROOM < rows
        )
        own: dict[type[Event], Callable[[Any], None]] = {
            Created: lambda event: self._step(event, "created"),
            Started: self._show_start,
            Ready: self._show_ready_after,
            Exited: self._show_first_death,
            Failed: self._show_given_up,
        }
        self._show = {**self._show, **own}

    def show(self, event: Event) -> None:
        """Show one event, above the live block."""
        self._erase()
        super().show(event)
        self.refresh()

    def say(self, text: str = "") -> None:
        """Talk that is about no service."""
        self._erase()
        super().say(text)

    def refresh(self) -> None:
        """Draw the live block anew."""
        if not self.is_live:
            return
        self._erase()
        spin = _SPIN[int(time.monotonic() * 8) % len(_SPIN)]
        columns = shutil.get_terminal_size().columns
        for name in self._judge.candidates:
            self._write("err", self._draw(name, spin, columns) + "\n")
        self._drawn = len(self._judge.candidates)

    def end(self) -> None:
        """Take the live block away: what is said from now on is the outcome."""
        self._erase()
        self.is_live = False

    def _erase(self) -> None:
        if self._drawn:
            self._write("err", f"\x1b[{self._drawn}A\x1b[J")
            self._drawn = 0

    def _draw(self, name: str, spin: str, columns: int) -> str:
        candidate = self._judge.candidates[name]
        state = candidate.state
        now = time.monotonic() - self._began
        words = state.value
        if state is State.STARTING and candidate.started is not None:
            words += (
                f" for {now - candidate.started:.0f} s, of {candidate.noted.boot:g}"
            )
        elif state is State.WAITING and candidate.created is not None:
            open_gates = [
                need.service
                for need in candidate.noted.needs
                if self._judge.candidates[need.service].state not in FINE
            ]
            words = (
                f"created, waits for {', '.join(open_gates)}" if open_gates else words
            )
        elif state in FINE and candidate.ready is not None:
            booted = candidate.ready - (candidate.started or 0.0)
            words += f" after {booted:.1f} s"
        mark = " " if state in {*FINE, State.FAILED} else spin
        # Cut before it is coloured: a line that wraps could not be taken away again.
        line = f"{mark} {words}"[: max(10, columns - self._width - 4)]
        text = self._style("err", line, fg=_COLOURS.get(state))
        return f"{self._prefix(name, 'err')} {text}"

    # Events. What the live block shows is not said twice.

    def _step(self, event: Event, text: str, **style: Any) -> None:
        if not self.is_live:
            self._talk(event.service, text, **style)

    def _show_start(self, event: Started) -> None:
        if event.restarts:
            self._talk(event.service, "started again by the engine", fg="yellow")
        else:
            self._step(event, "started")

    def _show_ready_after(self, event: Ready) -> None:
        candidate = self._judge.candidates[event.service]
        if candidate.started == 0.0 and event.at == 0.0:
            self._step(event, "runs already", fg="green")
            return
        what = "healthy" if candidate.noted.is_asked else "running"
        self._step(event, f"{what} after {event.after:.1f} s", fg="green")

    def _show_first_death(self, event: Exited) -> None:
        text = f"died, with exit code {event.exit_code}; the engine starts it again"
        self._talk(event.service, text, fg="yellow")

    def _show_given_up(self, event: Failed) -> None:
        self._talk(event.service, event.failure.reason, fg="red")
        if event.is_required:
            return
        text = "optional: "
        text += (
            f"{', '.join(event.dependants)} run{'s' * (len(event.dependants) == 1)} "
            "without it"
            if event.dependants
            else "nothing needs it"
        )
        self._talk(event.service, text, fg="yellow")


def tell(service: str, text: str) -> Told:
    """Something that people should know of a service."""
    return Told(service=service, text=text)
