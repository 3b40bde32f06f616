"""`.composegen/drill.json`: what a drill is about to do, so that it can be undone.

It names no engine and no command: what undoes it finds the place as every command does,
and touches only containers and processes of this folder.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from composegen.drill.ground import Undo
from composegen.drill.trials import Fault
from composegen.paths import exists
from composegen.patterns import make_pattern
from composegen.places.status import format_now
from composegen.records import as_dict, record, replace
from composegen.system.identity import Identity
from composegen.values import SERVICE_NAME
from composegen.workspace.state import STATE_FOLDER, Lock, make_state_folder
from composegen.workspace.statefile import load_state, write_state
from composegen.workspace.stateform import expect, make_harmless, read_record

FILE = "drill.json"
_LOCK = "drill.lock"
_FORM = 1
_MARK = make_pattern(r"[0-9a-f]{16}")
_ID = make_pattern(r"[0-9a-f]{64}")
_HELPER = make_pattern(r"composegen-drill-[0-9a-f]{16}-\d{1,3}")
_LOWEST_PID = 2
_VALUE = make_pattern(r"(?:secret|configmap)/[a-z0-9][a-z0-9.-]{0,252}")
_MOST_PODS = 100_000


@record
class DrillNotes:
    """A drill that is under way.

    ``place`` is where the stack runs; ``mark`` is that of the processes that it starts,
    ``helpers`` are the containers that ask. ``undo`` is what is done at the moment;
    ``is_done`` says that all of it is. ``at`` is when this was noted, in UTC.
    """

    place: str
    mark: str
    drill: Identity
    undo: Undo | None = None
    is_done: bool = False
    helpers: tuple[str, ...] = ()
    at: str = ""


class DrillFile:
    """The notes of one folder, and the lock that the drill holds while it goes on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = Lock(make_state_folder(folder) / _LOCK)

    def keep(self, notes: DrillNotes) -> None:
        """Keep the notes before anything is done. Raises FileRefused."""
        data = {**as_dict(notes), "form": _FORM, "at": format_now()}
        write_state(make_state_folder(self.folder) / FILE, data)

    def remove(self) -> None:
        """Forget it: nothing is left to undo."""
        (self.folder / STATE_FOLDER / FILE).unlink(missing_ok=True)


class Journal:
    """The notes of the drill that goes on, changed step by step, from any thread."""

    def __init__(self, file: DrillFile, notes: DrillNotes) -> None:
        self._file = file
        self._notes = notes
        self._lock = threading.Lock()
        file.keep(notes)

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left to undo."""
        return self._notes.undo is None

    def begin(self, undo: Undo) -> None:
        """Something is about to be done."""
        self._change(undo=undo, is_done=False)

    def note_done(self) -> None:
        """It is done."""
        self._change(is_done=True)

    def forget(self) -> None:
        """It is undone."""
        self._change(undo=None, is_done=False)

    def add_helper(self, name: str) -> None:
        """A helper is about to be made."""
        with self._lock:
            helpers = (*self._notes.helpers, name)
            self._keep(replace(self._notes, helpers=helpers))

    def _change(self, **values: object) -> None:
        with self._lock:
            self._keep(replace(self._notes, **values))

    def _keep(self, notes: DrillNotes) -> None:
        self._notes = notes
        self._file.keep(notes)


def has_notes(folder: Path) -> bool:
    """Whether a drill is under way in a folder, or has left something."""
    return exists(folder / STATE_FOLDER / FILE)


def read_notes(folder: Path) -> DrillNotes | None:
    """The notes of a drill; None where there are none. Raises NotTrusted."""
    return load_state(folder, FILE, parse=_parse)


def _parse(data: dict[str, Any]) -> DrillNotes:
    expect(data.pop("form", None) == _FORM, "form", f"{_FORM}, the one of this version")
    notes = read_record(DrillNotes, make_harmless(data))
    expect(bool(_MARK.fullmatch(notes.mark)), "mark", "the mark of a drill")
    for name in notes.helpers:
        expect(bool(_HELPER.fullmatch(name)), "helpers", "names of helpers")
    if notes.undo is not None:
        _check(notes.undo)
    return notes


def _check(undo: Undo) -> None:
    names = (undo.service, *undo.dependents)
    is_named = all(SERVICE_NAME.fullmatch(name) for name in names)
    expect(is_named, "undo", "about services with names that services can have")
    ids = [*undo.containers, *undo.sharing]
    for links in undo.links:
        ids += [links.container, *(link.network for link in links.links)]
    expect(all(map(_ID.fullmatch, ids)), "undo", "about containers and networks")
    for process in undo.processes:
        expect(process.pid >= _LOWEST_PID, "undo.processes", "processes")
    is_number = 0 <= undo.replicas <= _MOST_PODS
    expect(is_number, "undo.replicas", "a number of pods")
    expect(all(map(_VALUE.fullmatch, undo.made)), "undo.made", "secrets and files")


def describe_undo(undo: Undo) -> str:
    """What a drill has done, in words."""
    words = {
        Fault.STOP: "is stopped",
        Fault.KILL: "was killed",
        Fault.FREEZE: "is frozen",
        Fault.CUT: "is cut off from its networks",
        Fault.WITHOUT: f"is excluded from {', '.join(undo.dependents)}",
        None: "is being restarted",
    }
    return f"{undo.service} {words[undo.fault]}"
