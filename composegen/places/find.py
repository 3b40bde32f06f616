"""Which place runs the stack of a folder: processes, or the engine that `up` noted.

The engine's side is imported where something may be up there: its SDK is large.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from composegen.model import Stack
from composegen.paths import is_file
from composegen.places.engine.notes import COMPOSE_FILE, Notes, read_notes
from composegen.places.place import Place
from composegen.places.processes.place import ProcessesPlace
from composegen.places.processes.records import RunFolder
from composegen.planning.plan import make_plan
from composegen.planning.selection import Selection


class Finder:
    """Finds the places of a folder; ``load`` reads its stack file for a selection."""

    def __init__(
        self, folder: Path, file: str, load: Callable[[Selection], Stack]
    ) -> None:
        self._folder = folder
        self._load = load
        self._processes = ProcessesPlace(folder, file, lambda: load(Selection()))

    def find_place(self) -> Place:
        """The place to speak of: runs that are alive first, then what is up.

        Raises OtherEngine where that is an engine which is not chosen now.
        """
        runs = RunFolder.find(self._folder)
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
        notes = read_notes(self._folder, os.environ) or self._find_unnoted()
        if notes is None:
            return None
        from composegen.places.engine.place import EnginePlace

        return EnginePlace(self._folder, notes)

    def _find_unnoted(self) -> Notes | None:
        if not is_file(self._folder / COMPOSE_FILE):
            return None
        from composegen.places.engine.finding import find_unnoted

        return find_unnoted(
            self._folder, lambda selection: make_plan(self._load(selection), selection)
        )
