"""``composegen board``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

from composegen.commands.declare import command, option
from composegen.commands.options import (
    check_platform,
    find_title,
    load_file,
    make_console,
    make_workspace,
    say_distrusted,
    settle_drill,
    stack_option,
)
from composegen.commands.where import on_option
from composegen.errors import UsageError

if TYPE_CHECKING:
    from composegen.board.acts import Hands
    from composegen.board.scene import Scene
    from composegen.board.watch import Source
    from composegen.model import Stack
    from composegen.places.find import Finder
    from composegen.places.place import Place, Tell
    from composegen.planning.selection import Selection

_HIGHEST = 65535

Words = ParamSpec("Words")
Value = TypeVar("Value")


@command()
@stack_option
@on_option("Where the stack runs, if it runs in several places.")
@option(
    "--port",
    type=click.IntRange(0, _HIGHEST),
    metavar="PORT",
    help="Where to serve it; 0 is any.  [default: 7411, or the next free port]",
)
@option("--read-only", is_flag=True, help="Refuse to stop or start anything.")
@option("--open", "opens", is_flag=True, help="Open the page in a browser.")
@option("--until-closed", is_flag=True, hidden=True)
def board(
    file: str,
    on: str,
    port: int | None,
    *,
    read_only: bool,
    opens: bool,
    until_closed: bool,
) -> None:
    """Serve a page about the stack, until Ctrl-C.

    It shows the graph, the boot, why a service is not up, logs and figures, and can
    stop and start services. It never starts, holds or ends the stack by itself. The
    page is for this machine, and for those who have its address.
    """
    check_platform()
    check_board_extra()
    from composegen.board.serve import Board, Wish, end_when_closed
    from composegen.system.signals import catch_signals

    console = make_console()
    say_distrusted(make_workspace(file))
    settle_drill(file, acts=False)
    load_file(file)  # an error of the stack file is reported before anything is served
    stack = _Stack(file, on)
    made = Board(
        stack.make_source(),
        stack.make_hands(console.say),
        Wish(port=port, is_read_only=read_only),
    )
    console.write_data(f"{made.url}\n")
    console.say("Ctrl-C ends the board; the stack stays as it is")
    if until_closed:
        end_when_closed(lambda: os.read(0, 1), made.end)
    if opens:
        click.launch(made.url)
    with catch_signals(lambda _: made.end()):
        made.serve()


def check_board_extra() -> None:
    """Raises UsageError where the packages of the board are not installed."""
    from importlib.util import find_spec

    needed = ("starlette", "uvicorn", "websockets")
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"the board needs {', '.join(missing)}, which "
            f"{'is' if len(missing) == 1 else 'are'} not installed",
            help='pip install "composegen[board]"',
        )


class _Loader:
    """Reads the stack file again only where it has changed; any thread may ask."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._load_file = _in_context(load_file)
        self._known: dict[Selection, tuple[tuple[int, int], Stack]] = {}

    def load(self, selection: Selection) -> Stack:
        """The stack for a selection. Raises FileRefused and ProblemsFound."""
        try:
            found = Path(self._file).stat()
        except OSError:
            return self._load_file(self._file, selection).stack
        sign = found.st_mtime_ns, found.st_size
        known = self._known.get(selection)
        if known is None or known[0] != sign:
            known = sign, self._load_file(self._file, selection).stack
            self._known[selection] = known
        return known[1]


def _in_context(function: Callable[Words, Value]) -> Callable[Words, Value]:
    """A function that other threads may call: click keeps its context by thread."""
    context = click.get_current_context()

    def call(*words: Words.args, **named: Words.kwargs) -> Value:
        with context.scope(cleanup=False):
            return function(*words, **named)

    return call


class _Stack:
    """Where a board looks, and what it can do, for one stack file."""

    def __init__(self, file: str, on: str) -> None:
        from composegen.planning.selection import Selection

        self._file = file
        self._on = on
        self._everything = Selection()
        self._loader = _Loader(file)
        self._make_workspace = _in_context(make_workspace)
        self._settle_drill = _in_context(settle_drill)

    def make_source(self) -> Source:
        """Where it looks."""
        from composegen.board.watch import Source

        return Source(
            folder=make_workspace(self._file).folder,
            file=Path(self._file),
            find=lambda: self._make_finder().find_shown(self._on)[0],
            make_scene=self._draw,
            describe_drill=self._describe_drill,
        )

    def make_hands(self, tell: Tell) -> Hands:
        """What it can do."""
        from composegen.board.acts import Hands

        on = ("--on", self._on) if self._on else ()
        words = ("drill", "--yes", "--steps", f"--file={self._file}", *on, "--")
        return Hands(
            find=self._find_acting,
            take_down=self._take_down,
            drill=(sys.executable, "-m", "composegen", *words),
            tell=tell,
        )

    def _draw(self) -> Scene:
        from composegen.board.scene import make_scene
        from composegen.planning.plan import make_plan

        stack = self._loader.load(self._everything)
        return make_scene(make_plan(stack), find_title(self._file, stack))

    def _describe_drill(self) -> str:
        from composegen.drill.leftover import describe_drill
        from composegen.workspace.state import NotTrusted

        try:
            return describe_drill(self._make_workspace(self._file))
        except NotTrusted:
            return ""

    def _make_finder(self) -> Finder:
        from composegen.places.find import Finder

        return Finder(self._make_workspace(self._file), self._loader.load)

    def _find_acting(self) -> Place:
        self._settle_drill(self._file, acts=True)
        return self._make_finder().find_acting(self._on)

    def _take_down(self, tell: Tell) -> Iterable[str]:
        self._settle_drill(self._file, acts=True)
        return self._make_finder().take_down(tell, on=self._on)
