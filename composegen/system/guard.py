"""The run's side of its guardian: start it, say what to end, replace it if it dies."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

from composegen.oserrors import describe_os_error
from composegen.system import guardian
from composegen.system.children import watch_exit

_YOUNG = 0.5

Cleanup = tuple[str, ...]
"""A command that removes something which is no process."""


def start_guardian(mark: str) -> tuple[subprocess.Popen[bytes], int]:
    """A guardian in a session of its own, and the pipe to it. Raises OSError."""
    env = {k: v for k, v in os.environ.items() if k != guardian.MARK}
    ours, theirs = os.pipe()
    try:
        child = subprocess.Popen(
            [sys.executable, "-S", "-I", str(guardian.__file__), mark],
            stdin=ours,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=env,
            start_new_session=True,
        )
    except BaseException:
        os.close(theirs)
        raise
    finally:
        os.close(ours)
    return child, theirs


class Guard:
    """The guardian of one run, and all that it knows and still has to end.

    ``tell_people`` is called when the guardian was replaced, or cannot be.
    """

    def __init__(self, mark: str, tell_people: Callable[[str], None]) -> None:
        self._mark = mark
        self._tell_people = tell_people
        self._standing: dict[str, str] = {}
        self._is_closing = False
        self._child: subprocess.Popen[bytes] | None = None
        self._exited: asyncio.Future[int] | None = None
        self._began = 0.0
        self._pipe = -1
        self._unsent = b""

    def start(self) -> None:
        """Start the guardian. Raises OSError."""
        self._child, self._pipe = start_guardian(self._mark)
        os.set_blocking(self._pipe, False)
        self._unsent = b""
        self._began = time.monotonic()
        self._exited = watch_exit(self._child)
        self._exited.add_done_callback(self._lose)

    def _lose(self, exited: asyncio.Future[int]) -> None:
        """When the guardian is killed, another one takes its place.

        At once; but one that cannot live is not tried over and over without a pause.
        """
        if self._is_closing or exited.cancelled():
            return
        os.close(self._pipe)
        self._pipe = -1
        pause = 0.0 if time.monotonic() - self._began > _YOUNG else _YOUNG
        asyncio.get_running_loop().call_later(pause, self._replace)

    def _replace(self) -> None:
        if self._is_closing:
            return
        try:
            self.start()
        except OSError as error:
            self._tell_people(
                "the guardian has exited and cannot be replaced "
                f"({describe_os_error(error)[0]}): "
                "kill -9 of this run would leave its services behind"
            )
            return
        for line in self._standing.values():
            self._send(line)
        self._tell_people("the guardian was killed; a new one has replaced it")

    # What it gets to know

    def watch_group(self, group: int, grace: float, number: int) -> None:
        """End a process group after the run: its signal, its grace in seconds, kill."""
        self._stand(f"+{group}", f"+{group} {grace:g} {number}")

    def forget_group(self, group: int) -> None:
        """A group is extinct: its number is never signalled again."""
        self._standing.pop(f"+{group}", None)
        self._send(f"-{group}")

    def watch_log(self, path: str) -> None:
        """Keep a log small while what writes it is ended after the run."""
        line = f"={json.dumps(path)}"
        self._stand(line, line)

    def add_cleanup(self, command: Cleanup) -> None:
        """Run a command after the run, if the run cannot do it itself."""
        line = f"*{json.dumps(command)}"
        self._stand(line, line)

    def forget_cleanup(self, command: Cleanup) -> None:
        """The run has done it itself."""
        text = json.dumps(command)
        self._standing.pop(f"*{text}", None)
        self._send(f"/{text}")

    def _stand(self, key: str, line: str) -> None:
        self._standing[key] = line
        self._send(line)

    def _send(self, line: str) -> None:
        if self._pipe < 0:
            return  # its successor gets everything
        self._unsent += line.encode() + b"\n"
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self._pipe, self._unsent) :]
        except BlockingIOError:
            return  # it is frozen: the rest goes with the next line
        except BrokenPipeError:
            return  # its successor gets everything

    async def end(self, patience: float) -> None:
        """Let it end what it still is to end; killed after ``patience`` seconds."""
        self._is_closing = True
        if self._pipe >= 0:
            os.close(self._pipe)
        if self._child is None or self._exited is None:
            return
        await asyncio.wait({self._exited}, timeout=patience)
        if not self._exited.done():
            self._child.kill()
            await asyncio.wait({self._exited})
