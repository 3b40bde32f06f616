"""Which place runs the stack of a folder: processes, or the engine that `up` noted.

The engine's side is imported where something may be up there: its SDK is large.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from composegen.model import Stack
from composegen.paths import is_file
from composegen.places.engine.notes import Notes, read_notes
from composegen.places.place import Place, Tell
from composegen.places.processes.place import ProcessesPlace
from composegen.places.processes.records import RunFolder
from composegen.planning.plan import make_plan
from composegen.planning.selection import Selection
from composegen.workspace.workspace import Workspace

if TYPE_CHECKING:
    from composegen.places.engine.place import EnginePlace


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

        Where nothing runs, it is the place in which something happened last. Raises
        OtherEngine where that is an engine which is not chosen now.
        """
        runs = RunFolder.find(self._workspace.folder)
        if runs is not None and runs.list_runs():
            return self._processes
        engine = self._find_engine()
        if engine is None:
            return self._processes
        last = runs.read_last().get("at", "") if runs is not None else ""
        is_older = engine.at < last and not engine.is_there()
        return self._processes if is_older else engine

    def take_down(self, tell: Tell, *, take_over: bool = False) -> Iterator[str]:
        """End what runs in every place; a sentence for each thing that was ended.

        How an earlier run ended is not what happened last once containers are removed.
        Raises OtherFolder, unless ``take_over``.
        """
        yield from self._processes.take_down(tell)
        engine = self._find_engine()
        if engine is None:
            return
        yield from engine.take_down(tell, take_over=take_over)
        runs = RunFolder.find(self._workspace.folder)
        if runs is not None:
            runs.forget_last()

    def _find_engine(self) -> EnginePlace | None:
        workspace = self._workspace
        notes = read_notes(workspace.folder, workspace.environment)
        notes = notes or self._find_unnoted()
        if notes is None:
            return None
        from composegen.places.engine.place import EnginePlace

        return EnginePlace(workspace, notes)

    def _find_unnoted(self) -> Notes | None:
        if not is_file(self._workspace.compose_file):
            return None
        from composegen.places.engine.finding import find_unnoted

        return find_unnoted(
            self._workspace,
            lambda selection: make_plan(self._load(selection), selection),
        )
