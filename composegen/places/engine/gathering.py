"""The evidence for why a service is not up: what the engine and the disk show."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from composegen.patterns import make_pattern
from composegen.places.engine.asking import TOOLS
from composegen.places.engine.complaints import PORT_TAKEN, find_holder
from composegen.places.engine.containers import Container, Folder, Socket, Status
from composegen.places.engine.data_help import describe_volume
from composegen.places.engine.deaths import (
    Death,
    find_last_death,
    read_deaths,
    recall_death,
)
from composegen.places.engine.describing import clean
from composegen.places.engine.evidence import Evidence, Looking, has_died
from composegen.places.engine.host_folders import find_closed_folders
from composegen.places.engine.log_causes import list_spoken_of
from composegen.places.engine.notes import NotedService, Notes
from composegen.places.engine.status import EngineSeen
from composegen.places.reasons import shorten_lines
from composegen.planning.addressing import ContainerAddressing
from composegen.records import record
from composegen.system.listeners import is_free

_LOOK_BACK = 3600.0
_READ_LINES = 200
_START_TAKES = 1.0
_MOST_FOLDERS = 5
_OFTEN = ("/health", "/healthz", "/")
_PROBED = make_pattern(r"HTTP/\S+ (\d{3})\b")
_SECRETS = f"{ContainerAddressing.secret_folder}/"


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

    def gather(self, noted: NotedService, container: Container) -> Evidence:
        """All that can be found out about a service's container."""
        death = self._find_death(container)
        taken = PORT_TAKEN.search(container.error)
        holder = find_holder(self.engine, int(taken[1])) if taken else ""
        tools = self._find_tools(container)
        lines = self._read_lines(container, death)
        older = self._find_older_volume(noted)
        return Evidence(
            noted=noted,
            container=recall_death(container, death),
            lines=lines,
            was_out_of_memory=container.was_out_of_memory
            or (death is not None and death.was_out_of_memory),
            sockets=self._list_sockets(noted, container),
            needed=self._look_at_needed(noted),
            services=self.notes.names,
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
            holder=holder,
            is_port_free=taken is not None and not holder and self._is_free(taken),
            is_podman=self._is_podman(container),
            age=container.find_age(self.seen.now),
            death=death,
        )

    def _is_free(self, taken: re.Match[str]) -> bool:
        """Whether a port that was taken is free by now, where that can be seen."""
        with suppress(OSError):
            return self.notes.endpoint.is_local and is_free(int(taken[1]))
        return False

    def _is_podman(self, container: Container) -> bool:
        """Whether it may be Podman's doing that a check was never run."""
        is_unasked = container.health == "starting" and not container.probes
        return is_unasked and self.engine.describe().is_podman

    def _find_death(self, container: Container) -> Death | None:
        """How it died in this start, by what `up` saw and the engine still knows."""
        if container.is_running and not container.restarts:
            return None
        since = max(container.created_at or 0.0, self.seen.now - _LOOK_BACK)
        past = self.engine.list_past(container.id, since)
        return find_last_death(container, (*self.notes.deaths, *read_deaths(past)))

    def _read_lines(self, container: Container, death: Death | None) -> tuple[str, ...]:
        since = self._find_beginning(container, death)
        read = self.engine.read_logs(container.id, _READ_LINES, since)
        return shorten_lines(clean(line) for line in read)

    def _find_beginning(self, container: Container, death: Death | None) -> float:
        """When the start began whose lines say why it is not up."""
        started, ended = container.started_at or 0.0, container.finished_at or 0.0
        if not has_died(container):
            # Its first line can be older than what the engine says of its start.
            return (started + ended) / 2 if 0.0 < ended < started else 0.0
        if not container.is_running:
            return max(0.0, started - _START_TAKES)
        if death is not None and death.started_at is not None:
            return max(0.0, death.started_at - _START_TAKES)
        made = container.created_at or 0.0
        return max(made, self.notes.began) if ended >= self.notes.began else made

    def _list_sockets(
        self, noted: NotedService, container: Container
    ) -> tuple[Socket, ...] | None:
        """What listens in it, but for the ports of services that share its network."""
        if container.status is not Status.RUNNING or container.health == "healthy":
            return None
        sockets = self.engine.list_sockets(container)
        if sockets is None:
            return None
        network = noted.shares or noted.name
        others = {
            port
            for each in self.notes.services
            if each.name != noted.name and network in {each.shares, each.name}
            for port in (each.port, each.check_port)
        } - {noted.port, noted.check_port}
        return tuple(each for each in sockets if each.port not in others)

    def _find_tools(self, container: Container) -> tuple[str, ...] | None:
        if container.status is not Status.RUNNING or container.health == "healthy":
            return None
        return self.engine.find_programs(container.id, TOOLS)

    def _ask_paths(
        self, noted: NotedService, container: Container, tools: tuple[str, ...]
    ) -> dict[str, int]:
        """What a page that is a health check answers, and whether another one does."""
        probed = (
            _PROBED.match(container.probes[-1].output) if container.probes else None
        )
        if noted.helper and probed is not None:
            return {noted.path: int(probed[1])}
        if not tools or not noted.path or noted.check_port is None:
            return {}
        paths = tuple(dict.fromkeys((noted.path, *_OFTEN)))
        port = noted.check_port
        return self.engine.ask_paths(container.id, tools, port, paths, noted.host)

    def _find_folders(
        self, container: Container, lines: tuple[str, ...]
    ) -> dict[str, Folder | None]:
        """The folders that its log complains about, where that is known."""
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
