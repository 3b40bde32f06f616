"""``.composegen``, the folder of ours beside a stack file, which no git sees."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from composegen.errors import FileRefused
from composegen.files import write_atomically
from composegen.paths import exists, is_link

STATE_FOLDER = ".composegen"
_FOLDER_MODE = 0o700


def make_state_folder(folder: Path, *below: str) -> Path:
    """A folder of ours beside the stack file. Raises FileRefused."""
    state = folder / STATE_FOLDER
    path = state.joinpath(*below)
    for part in (*reversed(path.parents), path):
        if part.is_relative_to(state) and is_link(part):
            raise FileRefused(
                str(part),
                "is a link, which may lead anywhere",
                help="remove it: what runs is noted there, in a folder of its own",
            )
    try:
        state.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        ignored = state / ".gitignore"
        if not exists(ignored):
            write_atomically(ignored, "*\n")
        path.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise FileRefused.by_system(str(path), error) from None
    return path


@contextmanager
def hold_lock(folder: Path, name: str) -> Iterator[bool]:
    """Hold a lock of a stack's folder; tells whether it is ours, or somebody has it.

    The kernel gives it back when its holder dies. Raises FileRefused.
    """
    path = make_state_folder(folder) / name
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
