"""A guardian that undoes what a drill has done, however the drill itself ends."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Self

from composegen.system import guardian

_PATIENCE = 240


class DrillGuard:
    """Runs ``command`` once this process has gone, unless it was released.

    What this process has started with the mark in its environment is ended first.
    """

    def __init__(self, mark: str, command: Sequence[str]) -> None:
        self._is_released = False
        self._command = json.dumps(list(command))
        env = {k: v for k, v in os.environ.items() if k != guardian.MARK}
        ours, self._pipe = os.pipe()
        try:
            self._child = subprocess.Popen(
                [sys.executable, "-S", "-I", str(guardian.__file__), mark],
                stdin=ours,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=env,
                start_new_session=True,
            )
        except BaseException:
            os.close(self._pipe)
            raise
        finally:
            os.close(ours)
        self._send(f"~{_PATIENCE}")
        self._send(f"*{self._command}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._pipe)
        if self._is_released:
            self._child.wait()

    def release(self) -> None:
        """Nothing is left to undo."""
        self._is_released = True
        self._send(f"/{self._command}")

    def _send(self, line: str) -> None:
        # Where the guardian was killed, the next command undoes what is left.
        with contextlib.suppress(BrokenPipeError):
            os.write(self._pipe, line.encode() + b"\n")
