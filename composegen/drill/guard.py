"""A guardian that undoes what a drill has done, however the drill itself ends."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Self

from composegen.system import guardian
from composegen.system.guard import start_guardian

_PATIENCE = 240


class DrillGuard:
    """Runs ``command`` once this process has gone, unless it was released.

    What this process has started with the mark in its environment is ended first.
    """

    def __init__(self, mark: str, command: Sequence[str]) -> None:
        self._is_released = False
        self._command = json.dumps(list(command))
        self._child, self._pipe = start_guardian(mark)
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


def mark_environment(environment: Mapping[str, str], mark: str) -> dict[str, str]:
    """An environment that marks what is started with it, for the guardian."""
    outer = environment.get(guardian.MARK)
    return {**environment, guardian.MARK: f"{outer}:{mark}" if outer else mark}
