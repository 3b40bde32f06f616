"""``--board`` of `run` and `up`: the board as a child that ends with the command.

Whatever becomes of it, the command goes on.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from composegen.commands.declare import option
from composegen.commands.options import Function, make_console

_PATIENCE = 5.0
_LONGEST_START = 15.0


def board_option(text: str) -> Callable[[Function], Function]:
    """``--board``: serve the board meanwhile."""
    return option("--board", "with_board", is_flag=True, help=text)


@contextmanager
def serve_board(file: str, *, is_wanted: bool) -> Iterator[None]:
    """Serve the board of a stack file meanwhile, where it is wanted.

    Raises UsageError where its packages are not installed.
    """
    if not is_wanted:
        yield
        return
    from composegen.commands.board import check_board_extra

    check_board_extra()
    words = ("-m", "composegen", "board", f"--file={file}", "--until-closed")
    child = subprocess.Popen(
        [sys.executable, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C ends it through its pipe, after the command
    )
    is_there = threading.Event()
    for name in ("stdout", "stderr"):
        threading.Thread(
            target=_pass_on, args=(child, name, is_there), daemon=True
        ).start()
    is_there.wait(_LONGEST_START)
    try:
        yield
    finally:
        _end(child)


def _pass_on(
    child: subprocess.Popen[str], name: str, is_there: threading.Event
) -> None:
    """Show what the board says; its first line is where it is, or why it is not."""
    console = make_console()
    stream = child.stdout if name == "stdout" else child.stderr
    assert stream is not None
    with stream, suppress(ValueError, OSError):
        for line in stream:
            if not line.startswith("Ctrl-C"):
                head = "board at " if name == "stdout" else ""
                console.say(f"{head}{line.rstrip()}")
            is_there.set()
    is_there.set()


def _end(child: subprocess.Popen[str]) -> None:
    """Close its pipe, which ends it; one that does not end is killed."""
    assert child.stdin is not None
    with suppress(OSError):
        child.stdin.close()
    try:
        child.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
