"""What `up` shows while a stack comes up: plain lines; live in a terminal."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from typing import Any

from composegen.places.events import (
    BootOver,
    Created,
    Event,
    Exited,
    Failed,
    Progress,
    Ready,
    Standing,
    Started,
)
from composegen.places.status import FINE, State, describe_state
from composegen.terminal.console import Console
from composegen.terminal.stream import RunConsole

_SPIN = "|/-\\"
_ROOM = 4
_COLOURS = {State.READY: "green", State.FINISHED: "green", State.FAILED: "red"}


class UpConsole(RunConsole):
    """Shows the events of a boot; in a terminal the services stand below, live."""

    def __init__(self, console: Console | None = None) -> None:
        super().__init__(console)
        self.is_live = False
        self._progress: Progress | None = None
        self._drawn = 0
        own: dict[type[Event], Callable[[Any], None]] = {
            Created: lambda event: self._step(event, "created"),
            Started: self._show_start,
            Ready: self._show_ready_after,
            Exited: self._show_first_death,
            Failed: self._show_given_up,
            Progress: self._take_progress,
            BootOver: self._end,
        }
        self._show = {**self._show, **own}

    def show(self, event: Event) -> None:
        """Show one event, above the live block."""
        self._erase()
        super().show(event)
        self._draw()

    # The live block

    def _prepare(self, services: Sequence[str]) -> None:
        super()._prepare(services)
        self.is_live = (
            self._is_terminal("err")
            and os.environ.get("TERM", "dumb") != "dumb"
            and len(services) + _ROOM < shutil.get_terminal_size().lines
        )

    def _take_progress(self, event: Progress) -> None:
        self._progress = event

    def _end(self, _: BootOver) -> None:
        """Take the live block away: what is said from now on is the outcome."""
        self.is_live = False

    def _erase(self) -> None:
        if self._drawn:
            self._write("err", f"\x1b[{self._drawn}A\x1b[J", is_ours=True)
            self._drawn = 0

    def _draw(self) -> None:
        if not self.is_live or self._progress is None:
            return
        columns = shutil.get_terminal_size().columns
        for standing in self._progress.standings:
            line = self._draw_one(standing, self._progress.at, columns)
            self._write("err", line + "\n")
        self._drawn = len(self._progress.standings)

    def _draw_one(self, standing: Standing, at: float, columns: int) -> str:
        state = standing.state
        is_still = state in {*FINE, State.FAILED, State.EXCLUDED}
        mark = " " if is_still else _SPIN[int(at * 8) % len(_SPIN)]
        # Cut before it is coloured: a line that wraps could not be taken away again.
        line = f"{mark} {_describe(standing, at)}"[: max(10, columns - self._width - 4)]
        text = self._style("err", line, fg=_COLOURS.get(state))
        return f"{self._prefix(standing.service, 'err')} {text}"

    # Events. What the live block shows is not said twice.

    def _step(self, event: Event, text: str, **style: Any) -> None:
        if not self.is_live:
            self._talk(event.service, text, **style)

    def _show_start(self, event: Started) -> None:
        if event.restarts:
            self._talk(event.service, "restarted by the engine", fg="yellow")
        else:
            self._step(event, "started")

    def _show_ready_after(self, event: Ready) -> None:
        if event.ran_before:
            self._step(event, "is already running", fg="green")
            return
        what = "healthy" if event.is_asked else "running"
        self._step(event, f"{what} after {event.after:.1f} s", fg="green")

    def _show_first_death(self, event: Exited) -> None:
        text = f"exited with {event.exit_code}; it is restarted"
        self._talk(event.service, text, fg="yellow")

    def _show_given_up(self, event: Failed) -> None:
        # An optional one is excluded next, and then it is said why.
        if event.is_required:
            self._talk(event.service, event.failure.reason, fg="red")


def _describe(standing: Standing, at: float) -> str:
    """How far a service is, in a few words."""
    state = standing.state
    if state is State.STARTING and standing.started is not None:
        return f"{state.value} for {at - standing.started:.0f} s, of {standing.boot:g}"
    if state is State.WAITING and standing.waits_for:
        return f"created, waits for {', '.join(standing.waits_for)}"
    if state in FINE and standing.ready is not None:
        return f"{state.value} after {standing.ready - (standing.started or 0.0):.1f} s"
    return describe_state(state)
