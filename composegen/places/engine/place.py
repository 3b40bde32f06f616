"""What runs of a folder's stack on the Docker engine as one place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Container as Names
from pathlib import Path

from composegen.errors import (
    ComposegenError,
    EngineUnreachable,
    VolumesLeft,
)
from composegen.model import Service, Stack
from composegen.places.engine.acts import Acts
from composegen.places.engine.client import Engine
from composegen.places.engine.compose import (
    Project,
    Stopper,
    read_compose,
    remove_volume,
    use_compose,
)
from composegen.places.engine.containers import Container
from composegen.places.engine.entering import prepare_call
from composegen.places.engine.follow import follow_engine
from composegen.places.engine.helpers import fold_helpers
from composegen.places.engine.notes import Notes, remove_notes
from composegen.places.engine.ownership import check_ownership, describe_owners
from composegen.places.engine.reach import Reach, describe_unreached
from composegen.places.engine.renewal import list_outdated
from composegen.places.engine.sharing import list_outlived
from composegen.places.engine.status import list_excluded, list_lost, make_seen
from composegen.places.engine.volumes import list_volumes, note_volumes
from composegen.places.engine.why import find_engine_reasons
from composegen.places.events import Event, Noted, Report
from composegen.places.names import ENGINE
from composegen.places.place import (
    Act,
    Acted,
    Call,
    Explanation,
    Logs,
    Request,
    Seen,
    Tell,
    Usage,
    Volume,
    Volumes,
    add_usages,
    check_part,
    note_excluded_logs,
    settle_names,
)
from composegen.records import replace
from composegen.workspace.booting import was_cut_off
from composegen.workspace.workspace import Workspace


class EnginePlace:
    """A project on the engine that it was brought up on.

    It works without a stack file: the notes of `up` and the engine's labels say what
    belongs to the project. ``load`` reads the stack file, for what only that can say.
    Methods raise EngineUnreachable and ComposeFailed.
    """

    def __init__(
        self,
        workspace: Workspace,
        notes: Notes,
        load: Callable[[], Stack] | None = None,
    ) -> None:
        self._folder = workspace.folder
        self._load = load
        self._notes = notes
        self._reach = Reach(notes)
        self._project = Project(
            name=notes.project,
            folder=Path("/"),
            endpoint=notes.endpoint,
            environment=workspace.environment,
        )

    name = ENGINE

    @property
    def notes(self) -> Notes:
        """What `up` noted of the project."""
        return self._notes

    @property
    def at(self) -> str:
        """When `up` noted what it did, ISO 8601 in UTC; empty where it did not."""
        return self._notes.at

    def is_there(self) -> bool:
        """Whether a container of the project runs now; not where no engine answers."""
        try:
            with Engine(self._notes.endpoint) as engine:
                found = engine.list_containers(self._notes.project)
        except EngineUnreachable:
            return False
        return _are_running(found)

    def look(self) -> Seen:
        """How every service is doing now."""
        with Engine(self._notes.endpoint) as engine:
            containers = fold_helpers(
                self._notes, engine.list_containers(self._notes.project)
            )
            unreached = self._reach.look(engine, containers)
            notes = self._describe_owners(engine)
            seen = make_seen(
                self._notes, containers, engine.read_clock(), unreached=unreached
            )
        return Seen(
            statuses=seen.statuses,
            is_running=bool(containers),
            is_up=seen.is_up,
            excluded=list_excluded(self._notes, seen.statuses),
            notes=(
                *notes,
                *map(describe_unreached, unreached.items()),
                *list_lost(self._notes, seen.statuses),
                *list_outlived(seen.containers),
                *list_outdated(self._notes, seen.containers),
            ),
        )

    def explain(self, service: str) -> Explanation:
        """Why a service, or any, is not up."""
        service = self._check((service,))[0] if service else ""
        noted = self._notes
        if was_cut_off(self._folder):
            noted = replace(noted, interrupted=True)
        with Engine(self._notes.endpoint) as engine:
            reasons = find_engine_reasons(engine, noted, self._folder, service=service)
            notes = self._describe_owners(engine)
            found = engine.list_containers(self._notes.project)
        said = {each.failure.reason for each in reasons if each.failure}
        outdated = (
            line
            for line in list_outdated(self._notes, found)
            if line not in said and (not service or line.startswith(f"{service} "))
        )
        return Explanation(reasons=tuple(reasons), notes=(*notes, *outdated))

    def read_logs(self, names: Iterable[str], count: int, *, follow: bool) -> Logs:
        """Lines of the containers' logs, as the engine keeps them."""
        listed = self._check(names)
        with Engine(self._notes.endpoint) as engine:
            notes = self._describe_owners(engine)
            found = engine.list_containers(self._notes.project)
            seen = make_seen(self._notes, found, engine.read_clock())
        excluded = list_excluded(self._notes, seen.statuses)
        known = (*self._notes.names, *(each.service for each in found))
        logged = tuple(name for name in listed if name in known)
        stopper = Stopper()
        return Logs(
            names=logged or self._notes.names,
            lines=self._read_lines(
                logged, count, stopper, _name_containers(found), follow=follow
            )
            if logged or not listed
            else iter(()),
            notes=(*notes, *note_excluded_logs(listed, excluded), *_note_ended(found)),
            stop=stopper.stop,
        )

    def measure(self) -> tuple[Usage, ...]:
        """What the containers of each service use, as the engine counts it."""
        with Engine(self._notes.endpoint) as engine:
            return add_usages(engine.measure(self._notes.project))

    def _describe_owners(self, engine: Engine) -> tuple[str, ...]:
        return describe_owners(engine, self._notes.project, self._folder)

    def _read_lines(
        self,
        names: tuple[str, ...],
        count: int,
        stopper: Stopper,
        services: Mapping[str, str],
        *,
        follow: bool,
    ) -> Iterator[tuple[str, str]]:
        flags = ["--no-color", "--tail", str(count), *["--follow"] * follow]
        words = ("logs", *flags, *names)
        for line in read_compose(self._project, *words, stopper=stopper):
            container, _, text = line.partition("|")
            name = container.strip()
            yield services.get(name) or self._name_source(name), text.removeprefix(" ")

    def _name_source(self, container: str) -> str:
        """The service of a line; its container's where it has several."""
        service = container.rpartition("-")[0]
        noted = self._notes.find(service)
        return service if noted is not None and noted.replicas == 1 else container

    def prepare(self, request: Request, tell: Tell) -> Call:
        """How Compose runs a command in a container of a service.

        Raises OtherFolder, unless the request takes over.
        """
        with Engine(self._notes.endpoint) as engine:
            self._check_owner(
                engine,
                lambda text: tell(f"note: {text}"),
                take_over=request.take_over,
            )
            [service] = self._settle((request.service,))
            request = replace(request, service=service)
            return prepare_call(engine, self._project, self._notes, request)

    def act(
        self,
        act: Act,
        names: Iterable[str],
        report: Report,
        *,
        take_over: bool = False,
    ) -> tuple[Acted, ...]:
        """Act on the containers that the services have. Raises OtherFolder."""
        with Engine(self._notes.endpoint) as engine:
            self._check_owner(
                engine, lambda text: report(Noted(text=text)), take_over=take_over
            )
            acts = Acts(
                engine,
                self._project,
                self._notes,
                self._folder,
                self._list_services(),
                report,
            )
            return acts.perform(act, self._settle(names))

    def follow(self) -> Iterator[Event]:
        """State changes of the services; a lost connection is made again."""
        return follow_engine(
            self._folder, self._notes, lambda: Engine(self._notes.endpoint)
        )

    def _list_services(self) -> Mapping[str, Service]:
        stack = self._load_stack()
        return stack.services if stack is not None else {}

    def _load_stack(self) -> Stack | None:
        try:
            return self._load() if self._load is not None else None
        except ComposegenError:
            return None  # the stack file is being edited

    def take_down(self, tell: Tell, *, take_over: bool = False) -> tuple[str, ...]:
        """Remove the project's containers and networks; its volumes stay.

        Where there are none, Compose would only warn. Raises OtherFolder, unless
        ``take_over``.
        """
        with Engine(self._notes.endpoint) as engine:
            self._check_owner(
                engine, lambda text: tell(f"note: {text}"), take_over=take_over
            )
            note_volumes(engine, self._notes, self._folder)
            has_any = engine.has_any(self._notes.project)
        if has_any:
            use_compose(self._project, "down", "--remove-orphans")
        remove_notes(self._folder)
        if not has_any:
            return ()
        return (f"removed the containers of {self._notes.project}",)

    def list_volumes(
        self,
        external: Names[str] = (),
        *,
        take_over: bool = False,
        measures: bool = True,
    ) -> Volumes:
        """The volumes of this folder's project on the engine."""
        with Engine(self._notes.endpoint) as engine:
            return list_volumes(
                engine,
                self._notes,
                self._folder,
                external,
                take_over=take_over,
                measures=measures,
            )

    def remove_volumes(self, volumes: Iterable[Volume]) -> Iterator[str]:
        """Remove volumes of the engine."""
        left = {}
        for volume in volumes:
            reason = remove_volume(self._project, volume.name)
            if reason:
                left[volume.name] = reason
            else:
                yield f"removed the volume {volume.name}"
        if left:
            raise VolumesLeft(left)

    def _check_owner(self, engine: Engine, tell: Tell, *, take_over: bool) -> None:
        """Whose the containers are that would be changed. Raises OtherFolder."""
        check_ownership(
            engine,
            self._notes.project,
            self._folder,
            take_over=take_over,
            tell=tell,
        )

    def _settle(self, names: Iterable[str]) -> tuple[str, ...]:
        stack = self._load_stack()
        choices = stack.choices if stack is not None else {}
        return settle_names(names, (*self._notes.names, *self._excluded), choices)

    def _check(self, names: Iterable[str]) -> tuple[str, ...]:
        """The services of these names; of a choice, the one that was brought up.

        Raises UsageError for a name that is not known, and NotPart.
        """
        part = (*self._notes.names, *self._excluded)
        return check_part(self._settle(names), part, self._list_services())

    @property
    def _excluded(self) -> tuple[str, ...]:
        return tuple(str(each["service"]) for each in self._notes.left_out)


def _are_running(containers: Iterable[Container]) -> bool:
    """Whether any of these containers runs, or is restarted by the engine."""
    return any(each.is_running or each.is_restarting for each in containers)


def _name_containers(containers: Iterable[Container]) -> Mapping[str, str]:
    """The services of containers whose names are written in the stack file.

    Compose gives a service one container then, and shows that name in its logs.
    """
    return {
        each.name: each.service
        for each in containers
        if not each.name.endswith(f"-{each.service}-{each.number}")
    }


def _note_ended(containers: tuple[Container, ...]) -> tuple[str, ...]:
    """A sentence where there are containers and none of them runs any more."""
    if not containers or _are_running(containers):
        return ()
    return ("nothing runs here: these are lines of containers that have stopped",)
