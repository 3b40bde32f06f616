"""``composegen board``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from composegen.commands.options import (
    check_platform,
    find_places,
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
    from composegen.board.watch import Source
    from composegen.model import Stack
    from composegen.places.find import Finder
    from composegen.places.place import Place, Tell
    from composegen.planning.selection import Selection

_HIGHEST = 65535

Value = TypeVar("Value")


@click.command()
@stack_option
@on_option("Where the stack runs, if it runs in several places.")
@click.option(
    "--port",
    type=click.IntRange(0, _HIGHEST),
    metavar="PORT",
    help="Where to serve it; 0 is any.  [default: 7411, or the next free port]",
)
@click.option("--read-only", is_flag=True, help="Refuse to stop or start anything.")
@click.option("--open", "opens", is_flag=True, help="Open the page in a browser.")
@click.option("--until-closed", is_flag=True, hidden=True)
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
    made = Board(
        _make_source(file, on),
        _make_hands(file, on, console.say),
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
    """Reads the stack file again only where it has changed."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._known: dict[Selection, tuple[tuple[int, int], Stack]] = {}

    def load(self, selection: Selection) -> Stack:
        """The stack for a selection. Raises FileRefused and ProblemsFound."""
        try:
            found = Path(self._file).stat()
        except OSError:
            return load_file(self._file, selection).stack
        sign = found.st_mtime_ns, found.st_size
        known = self._known.get(selection)
        if known is None or known[0] != sign:
            known = sign, load_file(self._file, selection).stack
            self._known[selection] = known
        return known[1]


def _make_source(file: str, on: str) -> Source:
    from composegen.board.scene import Scene, make_scene
    from composegen.board.watch import Source
    from composegen.planning.plan import make_plan
    from composegen.planning.selection import Selection

    loader = _Loader(file)
    find = _in_context(lambda: _make_finder(file, loader).find_shown(on)[0])

    def draw() -> Scene:
        return make_scene(make_plan(loader.load(Selection())))

    return Source(
        folder=make_workspace(file).folder,
        file=Path(file),
        find=find,
        make_scene=_in_context(draw),
    )


def _in_context(function: Callable[[], Value]) -> Callable[[], Value]:
    """A function that other threads may call: click keeps its context by thread."""
    context = click.get_current_context()

    def call() -> Value:
        with context.scope(cleanup=False):
            return function()

    return call


def _make_finder(file: str, loader: _Loader) -> Finder:
    from composegen.places.find import Finder

    return Finder(make_workspace(file), loader.load)


def _make_hands(file: str, on: str, tell: Tell) -> Hands:
    from composegen.board.acts import Hands

    context = click.get_current_context()

    def find() -> Place:
        return find_places(file, acts=True).find_acting(on)

    def take_down(say: Tell) -> Iterable[str]:
        with context.scope(cleanup=False):
            yield from find_places(file, acts=True).take_down(say, on=on)

    drill = (sys.executable, "-m", "composegen", "drill", "--yes", "--file", file)
    return Hands(
        find=_in_context(find),
        take_down=take_down,
        drill=(*drill, *(("--on", on) if on else ())),
        tell=tell,
    )
