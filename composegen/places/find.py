"""Which place runs the stack of a folder: processes, or the engine that `up` noted.

The engine's side is imported where something may be up there: its SDK is large.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from composegen.errors import (
    ComposegenError,
    EngineUnreachable,
    NothingRuns,
    OtherEngine,
    UsageError,
)
from composegen.model import Stack
from composegen.paths import exists, is_file
from composegen.places.engine.notes import FILE, Notes, read_notes
from composegen.places.place import (
    ENGINE,
    PROCESSES,
    Call,
    Place,
    Request,
    Tell,
    name_kept,
)
from composegen.places.processes.place import ProcessesPlace
from composegen.places.processes.records import RunFolder
from composegen.planning.plan import make_plan
from composegen.planning.selection import Selection
from composegen.workspace.state import STATE_FOLDER
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

    def find_acting(self, on: str = "") -> Place:
        """The place in which single services are to be changed.

        ``on`` names the place; without it there must be one alone in which anything
        runs. Raises UsageError where there are two, and NothingRuns.
        """
        places: list[Place] = list(self._iterate_running(on))
        if not places:
            raise NothingRuns(
                "nothing runs here", help="start it: composegen up, or composegen run"
            )
        first, *others = places
        for other in others:
            if _is_running(other):
                raise UsageError(
                    f"services run in two places: {first.name} and {other.name}",
                    help=f"choose one: --on {first.name} or --on {other.name}",
                )
        return first

    def take_down(
        self, tell: Tell, *, take_over: bool = False, names_kept: bool = True
    ) -> Iterator[str]:
        """End what runs in every place; a sentence for each thing that was ended.

        With ``names_kept`` the data that stays is named after it. Raises OtherFolder,
        unless ``take_over``.
        """
        ended = self._processes.take_down(tell)
        yield from ended
        if ended and names_kept:
            yield from name_kept(self._processes.list_volumes(measures=False).own)
        engine = self._find_engine()
        if engine is None:
            return
        removed = engine.take_down(tell, take_over=take_over)
        yield from removed
        if removed and names_kept:
            yield from name_kept(engine.list_volumes(measures=False).own)

    def iterate_kept(self) -> Iterator[Place]:
        """Every place in which data may be kept, though nothing runs there."""
        yield self._processes
        engine = self._find_engine() or self._find_kept()
        if engine is not None:
            yield engine

    def _find_kept(self) -> EnginePlace | None:
        """The engine that `up` would use, if it has volumes of the project."""
        from composegen.places.engine.finding import find_kept
        from composegen.places.engine.place import EnginePlace

        notes = find_kept(self._workspace, lambda: self._load(Selection()))
        return None if notes is None else EnginePlace(self._workspace, notes)

    def prepare(self, request: Request, tell: Tell, on: str = "") -> Call:
        """How to run a command in a service, in the place where that runs.

        ``on`` names the place; without it there must be one alone. Raises UsageError
        where there are two, and what ``Place.prepare`` does.
        """
        calls: dict[str, Call] = {}
        refusals: list[ComposegenError] = []
        for place in self._iterate_running(on):
            try:
                calls[place.name] = place.prepare(request, tell)
            except (NothingRuns, UsageError, EngineUnreachable) as error:
                refusals.append(error)
        if len(calls) > 1:
            raise UsageError(
                f"`{request.service}` runs in two places: {' and '.join(calls)}",
                help=f"choose one: {' or '.join(f'--on {name}' for name in calls)}",
            )
        for call in calls.values():
            return call
        if refusals:
            raise refusals[-1]
        raise NothingRuns(
            "nothing runs here", help="start it: composegen up, or composegen run"
        )

    def _iterate_running(self, on: str) -> Iterator[Place]:
        """The places in which something runs; one that is named is the only one."""
        runs = RunFolder.find(self._workspace.folder)
        has_runs = runs is not None and bool(runs.list_runs())
        if has_runs and on != ENGINE:
            yield self._processes
        if on == PROCESSES or (has_runs and not on and not self._is_noted()):
            return
        try:
            engine = self._find_engine()
        except OtherEngine:
            if has_runs and not on:
                return  # what runs here as processes is no matter of engines
            raise
        if engine is not None:
            yield engine

    def _is_noted(self) -> bool:
        """Whether `up` has left notes here, so that the engine is worth asking."""
        return exists(self._workspace.folder / STATE_FOLDER / FILE)

    def _find_engine(self) -> EnginePlace | None:
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


def _is_running(place: Place) -> bool:
    """Whether anything runs there; not where that cannot be asked."""
    try:
        return place.look().is_running
    except EngineUnreachable:
        return False
