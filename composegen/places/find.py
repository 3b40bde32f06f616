"""Which places run the stack of a folder: processes, an engine, a cluster.

The engine's side is imported where something may be up there: its SDK is large.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from composegen.errors import (
    ClusterUnreachable,
    ComposegenError,
    EngineUnreachable,
    NothingRuns,
    OtherEngine,
    UsageError,
)
from composegen.model import Stack
from composegen.paths import exists, is_file
from composegen.places.cluster.notes import read_notes as read_cluster_notes
from composegen.places.engine.notes import FILE, Notes, read_notes
from composegen.places.names import ENGINE, KUBERNETES, PROCESSES
from composegen.places.place import Call, Place, Request, Tell, name_kept
from composegen.places.processes.place import ProcessesPlace
from composegen.places.processes.records import RunFolder
from composegen.planning.plan import make_plan
from composegen.planning.selection import Selection
from composegen.workspace.state import STATE_FOLDER
from composegen.workspace.workspace import Workspace

if TYPE_CHECKING:
    from composegen.places.cluster.place import ClusterPlace
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
        if self._has_runs():
            return self._processes
        runs = RunFolder.find(self._workspace.folder)
        engine = self._find_engine()
        if engine is None:
            return self._processes
        last = runs.read_last().get("at", "") if runs is not None else ""
        is_older = engine.at < last and not engine.is_there()
        return self._processes if is_older else engine

    def find_shown(self, on: str = "") -> tuple[Place, ...]:
        """Every place to speak of: all in which something runs, or the last one.

        ``on`` names one. Raises NothingRuns where nothing was brought up there, and
        OtherEngine.
        """
        if on:
            return (self._find_named(on),)
        has_runs, cluster = self._has_runs(), self._find_cluster()
        if cluster is None and not has_runs:
            return (self.find_place(),)
        found: list[Place] = [self._processes] if has_runs else []
        if self._is_noted():
            with suppress(OtherEngine):
                engine = self._find_engine()
                if engine is not None and engine.is_there():
                    found.append(engine)
        if cluster is not None:
            found.append(cluster)
        return tuple(found)

    def _find_named(self, on: str) -> Place:
        if on == PROCESSES:
            return self._processes
        found = self._find_engine() if on == ENGINE else self._find_cluster()
        if found is None:
            what = "the engine" if on == ENGINE else "a cluster"
            raise NothingRuns(
                f"nothing of this folder was brought up on {what}",
                help=f"start it: composegen up --on {on}",
            )
        return found

    def _has_runs(self) -> bool:
        runs = RunFolder.find(self._workspace.folder)
        return runs is not None and bool(runs.list_runs())

    def find_acting(self, on: str = "") -> Place:
        """The place in which single services are to be changed.

        ``on`` names the place; without it there must be one alone in which anything
        runs. Raises UsageError where there are two, and NothingRuns.
        """
        places: list[Place] = list(self._iterate_running(on))
        if not places:
            raise _find_nothing(on)
        first, *others = places
        running = [first, *filter(_is_running, others)]
        check_one_place(each.name for each in running)
        return first

    def find_ending(
        self, on: str = "", *, context: str = "", namespace: str = ""
    ) -> ClusterPlace | None:
        """The cluster from which a stack is to be removed; None for this machine.

        ``on`` names the place; a ``context`` that is named counts in place of what `up`
        has noted. Raises UsageError where something runs on a cluster and on this
        machine too, NothingRuns and NoContext.
        """
        if on not in {"", KUBERNETES}:
            return None
        if context:
            return self._find_in_context(context, namespace)
        cluster = self._find_cluster()
        if on and cluster is None:
            raise NothingRuns(
                "nothing of this folder was brought up on a cluster",
                help="name the cluster: --context NAME",
            )
        if cluster is None or on:
            return cluster
        check_one_place(
            each.name
            for each in self._iterate_running("")
            if each.name == KUBERNETES or _is_running(each)
        )
        return cluster

    def take_down(
        self,
        tell: Tell,
        *,
        on: str = "",
        take_over: bool = False,
        names_kept: bool = True,
    ) -> Iterator[str]:
        """End what runs on this machine; a sentence for each thing that was ended.

        ``on`` names one place. With ``names_kept`` the data that stays is named after
        it. Raises OtherFolder, unless ``take_over``.
        """
        if on != ENGINE:
            ended = self._processes.take_down(tell)
            yield from ended
            if ended and names_kept:
                yield from name_kept(self._processes.list_volumes(measures=False).own)
        engine = self._find_engine() if on != PROCESSES else None
        if engine is None:
            return
        removed = engine.take_down(tell, take_over=take_over)
        yield from removed
        if removed and names_kept:
            yield from name_kept(engine.list_volumes(measures=False).own)

    def iterate_kept(self, on: str = "") -> Iterator[Place]:
        """Every place of this machine in which data may be kept, or the named one."""
        if on != ENGINE:
            yield self._processes
        engine = None
        if on != PROCESSES:
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
            except (
                NothingRuns,
                UsageError,
                EngineUnreachable,
                ClusterUnreachable,
            ) as error:
                refusals.append(error)
        check_one_place(calls, f"`{request.service}` runs")
        for call in calls.values():
            return call
        if refusals:
            raise refusals[-1]
        raise _find_nothing(on)

    def _iterate_running(self, on: str) -> Iterator[Place]:
        """The places in which something runs; one that is named is the only one."""
        has_runs, cluster = self._has_runs(), self._find_cluster()
        if has_runs and on in {"", PROCESSES}:
            yield self._processes
        if on in {"", ENGINE}:
            yield from self._iterate_engine(on, has_others=has_runs or bool(cluster))
        if cluster is not None and on in {"", KUBERNETES}:
            yield cluster

    def _iterate_engine(self, on: str, *, has_others: bool) -> Iterator[Place]:
        """The engine; where others run, only one that is noted and chosen counts."""
        if has_others and not on and not self._is_noted():
            return
        try:
            engine = self._find_engine()
        except OtherEngine:
            if has_others and not on:
                return  # what runs elsewhere is no matter of engines
            raise
        if engine is not None:
            yield engine

    def _find_cluster(self) -> ClusterPlace | None:
        """The cluster that `up` has noted; it is not asked."""
        notes = read_cluster_notes(self._workspace.folder)
        if notes is None:
            return None
        from composegen.places.cluster.place import ClusterPlace

        return ClusterPlace(self._workspace, notes, lambda: self._load(Selection()))

    def _find_in_context(self, context: str, namespace: str) -> ClusterPlace:
        """The stack as it may be on a cluster, whatever was noted of it."""
        from composegen.places.cluster.finding import find_in_context
        from composegen.places.cluster.place import ClusterPlace

        notes = find_in_context(
            self._workspace, lambda: self._load(Selection()), context, namespace
        )
        return ClusterPlace(self._workspace, notes, lambda: self._load(Selection()))

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


def check_one_place(names: Iterable[str], what: str = "services run") -> None:
    """Raises UsageError where something runs in several places."""
    listed = list(names)
    if len(listed) > 1:
        many = "two" if len(listed) == 2 else str(len(listed))
        raise UsageError(
            f"{what} in {many} places: {' and '.join(listed)}",
            help=f"choose one: {' or '.join(f'--on {name}' for name in listed)}",
        )


def _is_running(place: Place) -> bool:
    """Whether anything runs there; not where that cannot be asked."""
    try:
        return place.look().is_running
    except (EngineUnreachable, ClusterUnreachable):
        return False


def _find_nothing(on: str) -> NothingRuns:
    """That nothing runs, here or in the place that was named, and what starts it."""
    commands = {"": "composegen up, or composegen run", PROCESSES: "composegen run"}
    start = commands.get(on, f"composegen up --on {on}")
    return NothingRuns("nothing runs here", help=f"start it: {start}")
