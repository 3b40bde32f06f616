"""A command of the user that takes the place of this process, or hangs on its streams.

It is this user's own command: it has our terminal, our streams and our user.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

_IGNORED_BY_PYTHON = ("SIGPIPE", "SIGXFZ", "SIGXFSZ")  # as `subprocess` has them
_PR_SET_PDEATHSIG = 1


def become(
    program: str, command: Sequence[str], folder: Path, env: Mapping[str, str]
) -> NoReturn:
    """Let this process be a command from now on. Raises OSError.

    Signals, the terminal, the exit code and its end are then the command's own.
    """
    os.chdir(folder)
    _restore_signals()
    os.execve(program, list(command), dict(env))  # noqa: S606 - no shell is wanted


def start_hidden(
    program: str, command: Sequence[str], folder: Path, env: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start a command on pipes, so that it sees no terminal. Raises OSError.

    It has our process group: Ctrl-C reaches it as it reaches us. It ends with us.
    Where stdout and stderr are one file they share a pipe, so that their order stays.
    """
    end_with_parent = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def prepare() -> None:
        if end_with_parent is not None:
            end_with_parent(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)

    return subprocess.Popen(
        list(command),
        executable=program,
        cwd=folder,
        env=dict(env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if _is_one_file(1, 2) else subprocess.PIPE,
        preexec_fn=prepare,  # noqa: PLW1509 - no thread has been started yet
    )


def _is_one_file(*handles: int) -> bool:
    found = [os.fstat(handle) for handle in handles]
    return len({(each.st_dev, each.st_ino, each.st_rdev) for each in found}) == 1


def _restore_signals() -> None:
    """What Python ignores for itself the command must not ignore."""
    for name in _IGNORED_BY_PYTHON:
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, signal.SIG_DFL)
