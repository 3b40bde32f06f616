"""The evidence for why a service is not up: what the engine can tell, and the disk."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from composegen.places.engine.asking import TOOLS
from composegen.places.engine.complaints import PORT_TAKEN
from composegen.places.engine.containers import (
    Action,
    Container,
    Folder,
    Happened,
    Maker,
    Socket,
    Status,
    Volume,
)
from composegen.places.engine.data_help import describe_volume
from composegen.places.engine.evidence import Evidence
from composegen.places.engine.host_folders import find_closed_folders
from composegen.places.engine.log_causes import list_spoken_of
from composegen.places.engine.notes import NotedService, Notes
from composegen.places.engine.status import EngineSeen
from composegen.planning.addressing import ContainerAddressing
from composegen.records import record

_LOOK_BACK = 3600.0
_MOST_FOLDERS = 5
_OFTEN = ("/health", "/healthz", "/")
_SECRETS = f"{ContainerAddressing.secret_folder}/"


class Looking(Protocol):
    """What is asked of an engine to find out why."""

    @property
    def is_here(self) -> bool:
        """Whether the folders of its containers are those of this machine."""
        ...

    def list_containers(self, project: str) -> tuple[Container, ...]:
        """A project's containers."""
        ...

    def list_past(self, id: str, since: float, until: float) -> list[Happened]:
        """What happened to a container."""
        ...

    def read_logs(self, id: str, count: int) -> tuple[str, ...]:
        """A container's last lines."""
        ...

    def list_sockets(self, container: Container) -> tuple[Socket, ...] | None:
        """What listens in a container."""
        ...

    def ask_paths(
        self, id: str, tools: Iterable[str], port: int, paths: Sequence[str], host: str
    ) -> dict[str, int]:
        """The status that paths answer with in a container."""
        ...

    def find_folder(self, id: str, path: str) -> Folder | None:
        """A folder in a container. Raises LookupError."""
        ...

    def find_programs(self, id: str, names: Iterable[str]) -> tuple[str, ...] | None:
        """Which of these programs a container has."""
        ...

    def find_volume(self, name: str) -> Volume | None:
        """A volume."""
        ...

    def list_users(self, volume: str) -> tuple[Maker, ...]:
        """Who made the containers that mount a volume."""
        ...

    def find_publisher(self, port: int) -> str:
        """The container that published a port."""
        ...


@record
class _Older:
    """A store whose volume is older than its password; all is empty for none."""

    volume: str = ""
    service: str = ""
    container: Container | None = None
    file: str = ""


class Gatherer:
    """Gathers what is known of the services of a project that has been looked at."""

    def __init__(
        self, engine: Looking, notes: Notes, folder: Path, seen: EngineSeen
    ) -> None:
        self.engine = engine
        self.notes = notes
        self.folder = folder
        self.seen = seen

    def gather(
        self,
        noted: NotedService,
        container: Container,
        lines: tuple[str, ...],
        past: list[Happened],
    ) -> Evidence:
        """All that can be found out about a service's container."""
        taken = PORT_TAKEN.search(container.error)
        tools = self._find_tools(container)
        older = self._find_older_volume(noted)
        return Evidence(
            noted=noted,
            container=container,
            lines=lines,
            was_out_of_memory=container.was_out_of_memory
            or any(each.action is Action.OUT_OF_MEMORY for each in past),
            sockets=self._list_sockets(container),
            needed=self._look_at_needed(noted),
            services=tuple(each.name for each in self.notes.services),
            secret_files=self._find_secret_files(container),
            tools=tools,
            folders=self._find_folders(container, lines),
            closed_folders=(
                find_closed_folders(container) if self.engine.is_here else {}
            ),
            answers=self._ask_paths(noted, container, tools or ()),
            older_volume=older.volume,
            older_service=older.service,
            older_store=older.container,
            older_file=older.file,
            owners=self._find_owners(container, older),
            holder=find_holder(self.engine, int(taken[1])) if taken else "",
        )

    def _list_sockets(self, container: Container) -> tuple[Socket, ...] | None:
        if container.status is not Status.RUNNING or container.health == "healthy":
            return None
        return self.engine.list_sockets(container)

    def _find_tools(self, container: Container) -> tuple[str, ...] | None:
        if container.status is not Status.RUNNING or container.health == "healthy":
            return None
        return self.engine.find_programs(container.id, TOOLS)

    def _ask_paths(
        self, noted: NotedService, container: Container, tools: tuple[str, ...]
    ) -> dict[str, int]:
        """What a page that is a health check answers, and whether another one does."""
        if not tools or not noted.path or noted.check_port is None:
            return {}
        paths = tuple(dict.fromkeys((noted.path, *_OFTEN)))
        port = noted.check_port
        return self.engine.ask_paths(container.id, tools, port, paths, noted.host)

    def _find_folders(
        self, container: Container, lines: tuple[str, ...]
    ) -> dict[str, Folder | None]:
        """The folders that its log complains about, where that can be told."""
        found = {}
        for path in list_spoken_of(lines, container.folder)[:_MOST_FOLDERS]:
            with suppress(LookupError):
                found[path] = self.engine.find_folder(container.id, path)
        return found

    def _find_secret_files(self, container: Container) -> dict[str, str]:
        """The files that its secrets are mounted from, as seen from the stack file."""
        found = {}
        for mount in container.mounts:
            if mount.kind == "bind" and mount.target.startswith(_SECRETS):
                path = Path(mount.source)
                folder = self.folder.resolve()
                is_below = path.is_relative_to(folder)
                shown = path.relative_to(folder) if is_below else path
                found[mount.target.removeprefix(_SECRETS)] = str(shown)
        return found

    def list_past(self, container: Container) -> list[Happened]:
        """How it died before: a container forgets that at its next start."""
        if not container.restarts:
            return []
        until = time.time()
        since = max(container.created_at or 0.0, until - _LOOK_BACK)
        return self.engine.list_past(container.id, since, until)

    def _look_at_needed(
        self, noted: NotedService
    ) -> dict[str, tuple[int, tuple[Socket, ...]]]:
        found = {}
        for need in noted.needs:
            needed = self.notes.find(need.service)
            own = self.seen.list_containers(need.service)
            if needed is None or needed.port is None or not own:
                continue
            if own[0].status is Status.RUNNING:
                sockets = self.engine.list_sockets(own[0])
                found[need.service] = needed.port, sockets or ()
        return found

    def _find_owners(self, container: Container, older: _Older) -> dict[str, str]:
        """Whose the volumes are that a help may speak of."""
        names = [each.name for each in container.mounts if each.kind == "volume"]
        return {
            name: describe_volume(volume, self.engine.list_users(name))
            for name in dict.fromkeys(filter(None, [*names, older.volume]))
            if (volume := self.engine.find_volume(name)) is not None
        }

    def _find_older_volume(self, noted: NotedService) -> _Older:
        """The volume of a store that is older than its password, and the store."""
        for name in (*(need.service for need in noted.needs), noted.name):
            store = self.notes.find(name)
            if store is None or not store.password_file:
                continue
            try:
                written = (self.folder / store.password_file).stat().st_mtime
            except OSError:
                continue
            for container in self.seen.list_containers(name):
                for mount in container.mounts:
                    volume = (
                        self.engine.find_volume(mount.name)
                        if mount.kind == "volume"
                        else None
                    )
                    made = None if volume is None else volume.created_at
                    # The engine's times are whole seconds.
                    if made is not None and made + 1 < written:
                        return _Older(
                            volume=mount.name,
                            service=name,
                            container=container,
                            file=store.password_file,
                        )
        return _Older()


def find_holder(engine: Looking, port: int) -> str:
    """Who has a port of this machine: a container, or a process that may be seen."""
    container = engine.find_publisher(port)
    if container:
        return f"the container {container}"
    from composegen.system.holders import describe_holder

    return describe_holder(port)
