"""What `up` does alike in each place: one at a time in a folder, with its secrets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from composegen.errors import ExitCode, UpAlready
from composegen.model import Stack
from composegen.places.events import Report, SecretEmpty, Wrote
from composegen.workspace.booting import note_booting
from composegen.workspace.secrets import Outcome, check_made, make_secret_files
from composegen.workspace.state import hold_lock
from composegen.workspace.workspace import Workspace


class Bringing(Protocol):
    """One bringing up."""

    def carry_out(self) -> int:
        """Bring it up; the exit code."""
        ...

    def stay(self) -> int:
        """Show what happens to it until a signal; the exit code."""
        ...


def bring_up(
    begin: Callable[[], Bringing],
    folder: Path,
    *,
    lock: str,
    command: str,
    stays: bool,
) -> int:
    """Bring a stack up while the lock of its folder is held; the exit code.

    With ``stays``, what came up is watched, without the lock. Raises UpAlready where
    the same ``command`` goes on.
    """
    with hold_lock(folder, lock) as is_ours:
        if not is_ours:
            raise UpAlready(command)
        with note_booting(folder):
            up = begin()
            code = up.carry_out()
    return up.stay() if code == ExitCode.FINE and stays else code


def make_secrets(stack: Stack, workspace: Workspace, report: Report) -> None:
    """Make missing secret files, and report them. Raises what ``check_made`` does."""
    made = make_secret_files(stack, workspace.folder, workspace.environment)
    check_made(made)
    for each in made:
        if each.outcome is Outcome.WRITTEN:
            report(Wrote(file=each.secret.file))
        elif each.outcome is Outcome.EMPTY:
            report(SecretEmpty(file=each.secret.file, help=each.help))
