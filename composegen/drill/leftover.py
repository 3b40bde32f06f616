"""Undoes what a drill has left that was killed, before anything else is done."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from composegen.drill.notes import (
    DrillFile,
    DrillNotes,
    describe_undo,
    has_notes,
    read_notes,
)
from composegen.drill.processes import ProcessGround
from composegen.errors import DrillRuns
from composegen.model import Stack
from composegen.places.names import ENGINE, KUBERNETES
from composegen.places.processes.place import ProcessesPlace
from composegen.system.guardian import Look, signal_marked
from composegen.system.identity import find_start_time, is_still
from composegen.workspace.workspace import Workspace

_PATIENCE = 5.0
_POLL = 0.05


def undo_leftover(
    workspace: Workspace,
    load: Callable[[str], Stack],
    tell: Callable[[str], None],
    *,
    patience: float = 0.0,
) -> bool:
    """Undo what a drill that was killed has left in a folder; whether there was any.

    ``load`` reads the stack file for a target. ``patience`` is how long a drill that
    ends may still take. Raises DrillRuns where one goes on, NotTrusted, and FaultFailed
    where it cannot be undone.
    """
    workspace = workspace.resolve()
    if not has_notes(workspace.folder):
        return False
    file = DrillFile(workspace.folder)
    end = time.monotonic() + patience
    while not file.lock.take():
        if time.monotonic() > end:
            raise _make_drill_runs(read_notes(workspace.folder))
        time.sleep(_POLL)
    try:
        notes = read_notes(workspace.folder)
        if notes is None:
            return False
        _end_marked(notes.mark)
        if notes.undo is not None:
            tell(f"undoing what a drill has left: {describe_undo(notes.undo)}")
        _undo(workspace, load, notes)
        file.remove()
        return True
    finally:
        file.lock.give_back()


def describe_drill(workspace: Workspace) -> str:
    """What the drill that goes on does now; empty for none. Raises NotTrusted."""
    if not has_notes(workspace.folder):
        return ""
    notes = read_notes(workspace.folder)
    if notes is None or not is_still(notes.drill):
        return ""
    doing = "" if notes.undo is None else f": {describe_undo(notes.undo)}"
    began = find_start_time(notes.drill.pid)
    since = (
        "" if began is None else time.strftime(", since %H:%M", time.localtime(began))
    )
    return f"a drill is going on, pid {notes.drill.pid}{since}{doing}"


def _make_drill_runs(notes: DrillNotes | None) -> DrillRuns:
    pid = "" if notes is None else f", pid {notes.drill.pid}"
    return DrillRuns(
        f"a drill is going on in this folder{pid}",
        help="wait for it, or end it with Ctrl-C in its terminal",
    )


def _end_marked(mark: str) -> None:
    """End what the drill has started, such as Compose: it would go on."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        look = Look()
        if not look.find_marked(mark):
            return
        signal_marked(mark, signal.SIGKILL, look)
        time.sleep(_POLL)


def _undo(
    workspace: Workspace, load: Callable[[str], Stack], notes: DrillNotes
) -> None:
    """Undo it where the stack still runs. Raises what opening the place does."""
    if notes.place == ENGINE:
        from composegen.drill.engine_ground import undo_engine

        undo_engine(workspace, lambda: load("compose"), notes)
    elif notes.place == KUBERNETES:
        from composegen.drill.cluster_ground import undo_cluster

        undo_cluster(workspace, lambda: load("kubernetes"), notes)
    elif notes.undo is not None:
        place = ProcessesPlace(workspace, lambda: load("compose"))
        ProcessGround(place, workspace, {}).undo(notes.undo, is_sure=False)
