"""The only file that prints: problems, plans, and what a command has done.

stdout carries data, stderr messages; colour is decoration and honours NO_COLOR.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import click

from composegen.errors import (
    ComposegenError,
    Level,
    Location,
    Problem,
    ProblemsFound,
    StaleFile,
)
from composegen.text import (
    can_steer,
    count,
    escape_control,
    escape_steering,
    strip_control,
)

if TYPE_CHECKING:
    from composegen.terminal.writer import Writer

_COLOURS = {Level.ERROR: "red", Level.WARNING: "yellow", Level.NOTE: "cyan"}
_WIDEST_LINE = 160
QUICK = 1.0
"""Seconds that the end of a run waits for a reader who does not read."""


class Console:
    """Writes to two streams; tests hand in their own."""

    def __init__(self, out: IO[str] | None = None, err: IO[str] | None = None) -> None:
        self._out = out
        self._err = err
        self._writers: dict[str, Writer] = {}
        self._patience: float | None = None

    @property
    def out(self) -> IO[str]:
        """Where data goes."""
        return self._out or sys.stdout

    @property
    def err(self) -> IO[str]:
        """Where messages go."""
        return self._err or sys.stderr

    def is_coloured(self, name: str) -> bool:
        """Whether "out" or "err" goes to a terminal where colours are wanted."""
        stream = self.out if name == "out" else self.err
        return has_colours() and stream.isatty()

    def measure_width(self, name: str) -> int | None:
        """The columns of the terminal of "out" or "err"; None where it is none."""
        stream = self.out if name == "out" else self.err
        if not stream.isatty():
            return None
        try:
            columns = os.get_terminal_size(stream.fileno()).columns
        except (OSError, ValueError):
            return None
        return columns or None

    @contextmanager
    def in_background(self, patience: float | None = None) -> Iterator[None]:
        """Write from a thread meanwhile: a reader who does not read delays nothing.

        At the end the rest is written; a reader who takes nothing for ``patience``
        seconds loses it. None waits for as long as the reader takes, until ``hurry``.
        """
        self._patience = patience
        self._writers = _make_writers({"out": self.out, "err": self.err})
        try:
            yield
        finally:
            writers, self._writers = set(self._writers.values()), {}
            for writer in writers:
                writer.end(self._patience)

    def hurry(self) -> None:
        """Do not wait for a reader who does not read: it ends now."""
        self._patience = QUICK

    def write(
        self, name: str, text: str, *, is_line: bool = False, is_ours: bool = False
    ) -> None:
        """A text to "out" or "err"; a service's line may be skipped in the background.

        Only what ``is_ours`` steers the terminal: other text keeps its colours at
        most. A character that the stream's encoding lacks is written as an escape.
        Raises OSError, and ValueError where the stream is closed.
        """
        if not is_ours and can_steer(text):
            text = strip_control(text, colours=self.is_coloured(name))
        writer = self._writers.get(name)
        if writer is not None:
            writer.write(text, is_line=is_line)
            return
        stream = self.out if name == "out" else self.err
        stream.write(_make_encodable(text, stream))
        stream.flush()

    def write_data(self, text: str) -> None:
        """Data for people, to stdout."""
        self.write("out", text)

    def write_file(self, text: str) -> None:
        """The text of a file, to stdout as it is: UTF-8, whatever the locale says."""
        binary = getattr(self.out, "buffer", None)
        if binary is None:
            self.write("out", text, is_ours=True)
            return
        self.out.flush()
        binary.write(text.encode("utf-8", "backslashreplace"))
        binary.flush()

    def write_json(self, data: Any) -> None:
        """Data as JSON, to stdout, as the text of a file."""
        import json

        text = json.dumps(data, indent=2, ensure_ascii=False)
        self.write_file(f"{escape_steering(text)}\n")

    def say(self, text: str = "") -> None:
        """A message, to stderr."""
        self.write("err", text + "\n")

    @property
    def can_ask(self) -> bool:
        """Whether a person at a terminal can answer a question."""
        return self.err.isatty() and sys.stdin.isatty()

    def confirm(self, question: str) -> bool:
        """Whether a person answers a question with yes; the end of input is no."""
        self.write("err", f"{question} [y/N] ")
        answer = sys.stdin.readline()
        if not answer.endswith("\n"):
            self.say()
        return answer.strip().lower() in {"y", "yes"}

    def _style(self, text: str, *, stream: IO[str] | None = None, **style: Any) -> str:
        if not has_colours() or not (stream or self.err).isatty():
            return text
        return click.style(text, **style)

    # Errors

    def show_error(self, error: ComposegenError) -> None:
        """Any deliberate error, in words."""
        if isinstance(error, ProblemsFound):
            self.show_problems(error.problems)
            return
        self.say(
            f"{self._head('error', error.name, Level.ERROR)} "
            f"{escape_control(error.message)}"
        )
        self._show_help(error.help, 0)
        if isinstance(error, StaleFile):
            self.write_data(escape_control(error.difference, keep="\n\t"))

    def show_usage_error(self, message: str, help: str = "") -> None:
        """The command line cannot be read."""
        shown = escape_control(" ".join(message.split()))
        self.say(f"{self._style('error:', fg='red', bold=True)} {shown}")
        self._show_help(help, 0)

    def show_finding(self, message: str, level: Level | None, help: str) -> None:
        """Something that was looked at, as data: it is fine where it has no level."""
        word = "ok" if level is None else level.value
        colour = "green" if level is None else _COLOURS[level]
        mark = self._style(f"{word:<8}", fg=colour, stream=self.out)
        lines = [f"{mark} {message}"]
        if help:
            first, *rest = help.split("\n")
            lines.append(f"{'':9}= help: {first}")
            lines += [f"{'':17}{line}" for line in rest]
        self.write_data("".join(f"{line.rstrip()}\n" for line in lines))

    def show_problems(self, problems: Iterable[Problem]) -> None:
        """Every problem with its line, then how many there were.

        Warnings that are alike are shown once, with the places of all.
        """
        from composegen.terminal.alike import find_subject, fold_alike

        shown = list(problems)
        for first, *others in fold_alike(shown):
            self.show_problem(first)
            width = len(str(first.location.line)) if first.location.line else 1
            for number, each in enumerate(others):
                head = f"= {self._style('also:', fg='cyan')}" if not number else " " * 7
                place = escape_control(str(each.location))
                self.say(f"{' ' * (width + 1)}{head} `{find_subject(each)}` {place}")
            self.say()
        self.say(count_problems(shown))

    def show_problem(self, problem: Problem) -> None:
        """One problem: name, sentence, place, line, help."""
        head = self._head(problem.level.value, problem.name, problem.level)
        self.say(f"{head} {self._style(problem.message, bold=True)}")
        location = problem.location
        width = len(str(location.line)) if location.line else 1
        self.say(f"{' ' * width}--> {escape_control(str(location))}")
        if location.line:
            self._show_line(location, width, problem.level)
        self._show_help(problem.help, width + 1)

    def _head(self, word: str, name: str, level: Level) -> str:
        return self._style(f"{word}[{name}]", fg=_COLOURS[level], bold=True) + ":"

    def _show_line(self, location: Location, width: int, level: Level) -> None:
        text, start, length = cut_line(location)
        bar = " " * (width + 1) + "|"
        self.say(bar)
        self.say(f"{location.line} | {text}".rstrip())
        marks = self._style("^" * length, fg=_COLOURS[level], bold=True)
        self.say(f"{bar} {' ' * start}{marks}")

    def _show_help(self, help: str, indent: int) -> None:
        if not help:
            return
        first, *rest = escape_control(help, keep="\n").split("\n")
        space = " " * indent
        self.say(f"{space}= {self._style('help:', fg='cyan')} {first}")
        for line in rest:
            self.say(f"{space}        {line}".rstrip())


def _make_writers(streams: dict[str, IO[str]]) -> dict[str, Writer]:
    """A writer for each stream that is an open file; one for two of the same file."""
    from composegen.terminal.writer import Writer

    made: dict[str, Writer] = {}
    known: dict[tuple[int, ...], Writer] = {}
    for name, stream in streams.items():
        try:
            stream.flush()
            handle = stream.fileno()
            found = os.fstat(handle)
            file = (found.st_dev, found.st_ino, found.st_rdev)
            if file not in known:
                encoding = getattr(stream, "encoding", None) or "utf-8"
                known[file] = Writer(handle, encoding)
        except (OSError, ValueError, AttributeError):
            continue  # closed, kept in memory, or there is no file handle for it
        made[name] = known[file]
    return made


def _make_encodable(text: str, stream: IO[str]) -> str:
    """The text as a stream can write it, which need not have been prepared."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.encode(encoding, "backslashreplace").decode(encoding)
    return text


def has_colours() -> bool:
    """Whether colours are wanted where a terminal is."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def cut_line(location: Location) -> tuple[str, int, int]:
    """The line as a terminal shows it, where the marks begin, and how many they are.

    Tabs and control characters are made visible; a long line is cut around its place.
    """
    from composegen.text import measure_width

    text, column = location.text, location.column - 1
    first = 0
    if len(text) > _WIDEST_LINE:
        first = max(0, min(column - 40, len(text) - _WIDEST_LINE))
    shown = text[first : first + _WIDEST_LINE]
    marked = text[column : min(column + location.width, first + _WIDEST_LINE)]
    lead = ".." if first else ""
    before = lead + escape_control(text[first:column].replace("\t", " "))
    whole = lead + escape_control(shown.replace("\t", " "))
    marks = measure_width(escape_control(marked.replace("\t", " ")))
    return whole, measure_width(before), max(1, marks)


def count_problems(problems: Iterable[Problem]) -> str:
    """How many errors and warnings there are, in words."""
    levels = [problem.level for problem in problems]
    parts = []
    for level in Level:
        number = levels.count(level)
        if number:
            parts.append(count(number, level.value))
    return ", ".join(parts) or "no problems"


def describe_problem(problem: Problem) -> dict[str, Any]:
    """A problem as plain data."""
    return {
        "file": problem.location.file,
        "line": problem.location.line or None,
        "column": problem.location.column or None,
        "level": problem.level.value,
        "name": problem.name,
        "message": problem.message,
        "help": problem.help or None,
    }
