"""Which place runs the stack of a folder: processes, or the engine that `up` noted.

The engine's side is imported where something may be up there: its SDK is large.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from composegen.model import Stack
from composegen.paths import is_file
from composegen.places.engine.notes import Notes, read_notes
from composegen.places.place import Place
from composegen.places.processes.place import ProcessesPlace
from composegen.places.processes.records import RunFolder
from composegen.planning.plan import make_plan
from composegen.planning.selection import Selection
from composegen.workspace.workspace import Workspace


class Finder:
    """Finds the places of a folder; ``load`` reads its stack file for a selection."""

    def __init__(
        self, workspace: Workspace, load: Callable[[Selection], Stack]
    ) -> None:
        self._workspace = workspace
        self._load = load
        self._processes = ProcessesPlace(workspace, lambda: load(Selection()))

    def find_place(self) -> Place:
        """The place to speak of: runs that are alive first, then what is up.

        Raises OtherEngine where that is an engine which is not chosen now.
        """
        runs = RunFolder.find(self._workspace.folder)
        if runs is not None and runs.list_runs():
            return self._processes
        return self._find_engine() or self._processes

    def iterate(self) -> Iterator[Place]:
        """Every place in which something may run; the engine is looked for last."""
        yield self._processes
        engine = self._find_engine()
        if engine is not None:
            yield engine

    def _find_engine(self) -> Place | None:
        workspace = self._workspace
        notes = read_notes(workspace.folder, workspace.environment)
        notes = notes or self._find_unnoted()
        if notes is None:
            return None
        from composegen.places.engine.place import EnginePlace

        return EnginePlace(workspace, notes, lambda: self._load(Selection()))

    def _find_unnoted(self) -> Notes | None:
        if not is_file(self._workspace.compose_file):
            return None
        from composegen.places.engine.finding import find_unnoted

        return find_unnoted(
            self._workspace,
            lambda selection: make_plan(self._load(selection), selection),
        )
