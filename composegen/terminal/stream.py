"""What a run shows while it goes on: prefixed, coloured lines, and what became of each.

Lines of services go to stdout, messages to stderr. Closing either of them
does not end the run.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from composegen.patterns import make_pattern
from composegen.places.events import (
    Attached,
    BecameUnhealthy,
    BootOver,
    Created,
    Detached,
    EndAsked,
    Event,
    Excluded,
    Exited,
    Failed,
    Failure,
    Finished,
    HealthyAgain,
    Line,
    Message,
    Output,
    Planned,
    Progress,
    Ready,
    Reused,
    Started,
    Stopped,
    Up,
)
from composegen.terminal.console import Console, has_colours
from composegen.terminal.words import WORDS, describe_up
from composegen.text import ProgressFilter

_COLOURS = (
    "cyan",
    "yellow",
    "green",
    "magenta",
    "blue",
    "bright_cyan",
    "bright_yellow",
)
_CODES = dict(
    zip(
        "red green yellow blue magenta cyan".split(),
        map(str, range(31, 37)),
        strict=True,
    )
) | {"bright_cyan": "96", "bright_yellow": "93"}
_STYLES = {"bold": "1", "dim": "2"}
_WIDEST = 2000
_NARROW_BAR, _WIDE_BAR = 20, 40
_KEY = make_pattern(
    r"https?://|\b(?:ready|listening|serving|running on|started)\b"
    r"|\b(?:error|exception|fatal|panic|critical|warn(?:ing)?|refused|denied)\b"
    r"|\w(?:Error|Exception)\b",
    re.IGNORECASE,
)
_TRACEBACK = "Traceback (most recent call last)"
_IN_KEY_LINES = (
    *(b"http://", b"https://", b"ready", b"listening", b"serving", b"running on"),
    *(b"started", b"error", b"exception", b"fatal", b"panic", b"critical", b"warn"),
    *(b"refused", b"denied", b"traceback"),
)
"""One of these is in every line that ``_KEY`` or ``_TRACEBACK`` finds, in some case."""


class RunConsole:
    """Shows events; with ``verbose`` every line of every service."""

    def __init__(
        self,
        console: Console | None = None,
        *,
        verbose: bool = False,
        lines_to_err: bool = False,
    ) -> None:
        self._console = console or Console()
        self._width = 0
        self._colours: dict[str, str] = {}
        self._verbose = verbose
        self._lines_to_err = lines_to_err
        self._closed: set[str] = set()
        self._progress_filter = ProgressFilter()
        self._in_traceback: set[str] = set()
        self._first_failed: dict[tuple[str, str, str], str] = {}
        self._show: Mapping[type[Event], Callable[[Any], None]] = {
            Created: lambda event: self._talk(event.service, "created"),
            Started: self._show_started,
            Reused: self._show_reused,
            Message: self._show_message,
            Line: self._show_line,
            Ready: self._show_ready,
            Finished: self._show_finished,
            Failed: self._show_failed,
            Excluded: self._show_excluded,
            Exited: self._show_exited,
            BecameUnhealthy: self._show_unhealthy,
            HealthyAgain: lambda event: self._talk(event.service, "is healthy again"),
            Stopped: self._show_stopped,
            Planned: self._show_planned,
            Attached: self._show_planned,
            EndAsked: self._hurry,
            Detached: self._hurry,
            Output: self._show_output,
            Progress: lambda _: None,
            BootOver: lambda _: None,
            Up: self._show_up,
        }

    def show(self, event: Event) -> None:
        """Show one event."""
        shown = self._show.get(type(event), self._show_words)
        shown(event)

    def say(self, text: str = "") -> None:
        """A message that is about no service."""
        self._write("err", text + "\n")

    def show_failure(self, failure: Failure) -> None:
        """A failure: what, why, what to do, and what the service said last."""
        self._write(
            "err", self._style("err", failure.reason, fg="red", bold=True) + "\n"
        )
        if failure.cause:
            self.say(f"  cause: {failure.cause}")
        if failure.help:
            first, *rest = failure.help.split("\n")
            self.say(f"  {self._style('err', 'help', fg='cyan')}: {first}")
            for line in rest:
                self.say(f"        {line}")
        if failure.lines:
            self.say("  its last lines:")
            for line in failure.lines:
                self.say(f"    {_cut(line)}")

    # Events about the whole

    def _show_words(self, event: Event) -> None:
        text = WORDS[type(event)](event)
        if text:
            self.say(text)

    def _show_planned(self, event: Planned | Attached) -> None:
        self._prepare(event.services)
        self._show_words(event)

    def _prepare(self, services: Sequence[str]) -> None:
        """Give each service its colour, and all of them room for their names."""
        self._width = max(map(len, services), default=0)
        self._colours = {
            name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate(services)
        }

    def _hurry(self, event: EndAsked | Detached) -> None:
        """Once the run is to end, do not wait for a reader that does not read."""
        if isinstance(event, EndAsked) or not event.has_ended:
            self._console.hurry()
        self._show_words(event)

    def _show_output(self, event: Output) -> None:
        """What a program prints that draws its progress where a terminal is."""
        is_drawn = self._is_terminal("err")
        text = self._progress_filter.filter(event.text) if is_drawn else event.text
        self._write("err", text, is_ours=is_drawn)

    def _show_up(self, event: Up) -> None:
        columns = shutil.get_terminal_size().columns
        width = max(_NARROW_BAR, min(_WIDE_BAR, columns - self._width - 30))
        wide = self._console.measure_width("err")
        self.say(describe_up(event, width=width, columns=wide))

    # Events of one service

    def _show_started(self, event: Started) -> None:
        again = f", restart {event.restarts}" if event.restarts else ""
        pid = f", pid {event.pid}" if event.pid is not None else ""
        self._talk(event.service, f"started{pid}{again}", dim=True)

    def _show_reused(self, event: Reused) -> None:
        who = (
            f"pid {event.pid}"
            if event.pid is not None
            else "a process that is not visible to this user"
        )
        command = f", `{event.command[:60]}`" if event.command else ""
        since = f", since {event.since}" if event.since else ""
        note = f" ({event.note})" if event.note else ""
        self._talk(
            event.service,
            f"is already running and is used: {who}{command}{since}; "
            f"composegen will not stop it{note}",
        )

    def _show_message(self, event: Message) -> None:
        if event.service:
            self._talk(event.service, event.text)
        else:
            self.say(self._style("err", event.text, fg="yellow"))

    def wants_lines(self, service: str, lines: bytes) -> bool:
        """Whether any of these lines may be shown; looking at all of them is quick."""
        if self._verbose or service in self._in_traceback:
            return True
        small = lines.lower()
        return any(word in small for word in _IN_KEY_LINES)

    def _show_line(self, event: Line) -> None:
        if self._verbose or self._is_key(event):
            stream = "err" if self._lines_to_err else "out"
            line = f"{self._prefix(event.service, stream)} {_cut(event.text)}\n"
            self._write(stream, line, is_line=True)

    def _is_key(self, event: Line) -> bool:
        """Ready, addresses, errors; a traceback to its last line."""
        if _TRACEBACK in event.text:
            self._in_traceback.add(event.service)
            return True
        if event.service in self._in_traceback:
            if not event.text.startswith((" ", "\t")):
                self._in_traceback.discard(event.service)
            return True
        return _KEY.search(event.text[:_WIDEST]) is not None

    def _show_ready(self, event: Ready) -> None:
        where = f" at {event.address}" if event.address else ""
        after = f" after {event.after:.2f} s" if event.after else ""
        self._talk(event.service, f"ready{after}{where}", fg="green")

    def _show_finished(self, event: Finished) -> None:
        self._talk(event.service, f"finished after {event.after:.2f} s", fg="green")

    def _show_failed(self, event: Failed) -> None:
        failure = event.failure
        is_own = failure.cause or failure.help or failure.lines
        reason = failure.reason.removeprefix(f"{event.service} ")
        same = (reason, failure.cause, failure.help)
        first = self._first_failed.setdefault(same, event.service)
        if is_own and not failure.lines and first != event.service:
            self._talk(event.service, f"{reason}, as {first}", fg="red", bold=True)
        elif is_own or failure.exit_code is not None:
            self._talk(event.service, "failed", fg="red", bold=True)
            self.show_failure(failure)
        else:  # nothing of its own: what it needs has failed
            self._talk(event.service, failure.reason, fg="red")

    def _show_excluded(self, event: Excluded) -> None:
        self._talk(event.service, f"excluded: {event.reason}", fg="yellow")
        cause = [f"cause: {event.cause}"] if event.cause else []
        for line in (*cause, *event.instead):
            self._talk(event.service, f"  {line}", fg="yellow")
        if event.lines:
            self._talk(event.service, "  its last lines:")
        for line in event.lines:
            self._talk(event.service, f"    {_cut(line)}")

    def _show_exited(self, event: Exited) -> None:
        how = "is not running any more"
        if event.exit_code is not None:
            how = (
                f"exited with {event.exit_code}"
                if event.exit_code >= 0
                else f"was killed by signal {-event.exit_code}"
            )
        again = "it is not restarted"
        if event.restart_in is not None:
            again = f"it is restarted in {event.restart_in:g} s"
        self._talk(event.service, f"{how}; {again}", fg="red")
        for name in event.dependents:
            self._talk(name, f"{event.service} is not running", fg="yellow")

    def _show_unhealthy(self, event: BecameUnhealthy) -> None:
        why = f": {event.reason}" if event.reason else ""
        self._talk(event.service, f"became unhealthy{why}", fg="red")

    def _show_stopped(self, event: Stopped) -> None:
        left = f"; still there: {', '.join(map(str, event.left))}" if event.left else ""
        self._talk(event.service, f"stopped{left}", dim=not left)

    # Writing

    def _talk(self, service: str, text: str, **style: Any) -> None:
        line = self._style("err", text, **style)
        self._write("err", f"{self._prefix(service, 'err')} {line}\n")

    def _prefix(self, service: str, stream: str) -> str:
        text = f"{service:<{self._width}} |"
        return self._style(stream, text, fg=self._colours.get(service))

    def _stream(self, name: str) -> IO[str]:
        return self._console.out if name == "out" else self._console.err

    def _style(self, stream: str, text: str, **style: Any) -> str:
        if not has_colours() or not self._is_terminal(stream):
            return text
        codes = [code for name, code in _STYLES.items() if style.get(name)]
        if style.get("fg"):
            codes.append(_CODES[style["fg"]])
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if codes else text

    def _is_terminal(self, stream: str) -> bool:
        return stream not in self._closed and self._stream(stream).isatty()

    def _write(
        self, name: str, text: str, *, is_line: bool = False, is_ours: bool = False
    ) -> None:
        """Write and go on, also when the reader has closed the stream."""
        if name in self._closed:
            return
        try:
            self._console.write(name, text, is_line=is_line, is_ours=is_ours)
        except (OSError, ValueError):
            self._closed.add(name)
            _silence(self._stream(name))


def _cut(line: str) -> str:
    """A service's line, or its beginning with its length."""
    if len(line) <= _WIDEST:
        return line
    return f"{line[:_WIDEST]} .. ({len(line)} characters)"


def _silence(stream: IO[str]) -> None:
    """Let what is buffered for a closed pipe go nowhere, at exit too."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        return
