"""Which process brings the stack of a folder up now: ``.composegen/booting.json``.

A process that is killed cannot remove the file: its boot was cut off.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from composegen.records import record
from composegen.system.identity import Identity, identify_self, is_still
from composegen.workspace.state import STATE_FOLDER, NotTrusted, make_state_folder
from composegen.workspace.statefile import load_state, write_state
from composegen.workspace.stateform import make_harmless, read_record

FILE = "booting.json"


@record
class Booting:
    """The process that brings the stack up."""

    process: Identity


@contextmanager
def note_booting(folder: Path) -> Iterator[None]:
    """Note that this process brings the stack up meanwhile. Raises FileRefused."""
    path = make_state_folder(folder) / FILE
    write_state(path, {"process": identify_self()})
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def load_booting(folder: Path) -> Booting | None:
    """What brings the stack up, or was killed meanwhile. Raises NotTrusted."""
    return load_state(folder, FILE, parse=_parse)


def was_cut_off(folder: Path) -> bool:
    """Whether what brought the stack up last was killed before its end."""
    try:
        booting = load_booting(folder)
        return booting is not None and not is_still(booting.process)
    except (NotTrusted, OSError):
        return False


def forget_cut_off(folder: Path) -> None:
    """Forget that it was killed: nothing of it is left."""
    if was_cut_off(folder):
        (folder / STATE_FOLDER / FILE).unlink(missing_ok=True)


def _parse(data: dict[str, Any]) -> Booting:
    return read_record(Booting, make_harmless(data))
