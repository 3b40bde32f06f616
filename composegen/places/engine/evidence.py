"""What was seen of a container that is not up: the input of the causes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from composegen.places.engine.advice import advise
from composegen.places.engine.containers import (
    Container,
    Folder,
    Machine,
    Maker,
    Socket,
    Volume,
)
from composegen.places.engine.deaths import Death
from composegen.places.engine.happened import Happened
from composegen.places.engine.notes import NotedService
from composegen.records import field, record

_CONTEXT = 4


class Looking(Protocol):
    """What is asked of an engine to find out why."""

    def read_clock(self) -> float:
        """The time on the engine's clock."""
        ...

    @property
    def is_here(self) -> bool:
        """Whether the folders of its containers are those of this machine."""
        ...

    def describe(self) -> Machine:
        """The engine and its machine."""
        ...

    def list_containers(self, project: str) -> tuple[Container, ...]:
        """A project's containers."""
        ...

    def list_past(self, id: str, since: float) -> list[Happened]:
        """What happened to a container since a time."""
        ...

    def read_logs(self, id: str, count: int, since: float) -> tuple[str, ...]:
        """A container's last lines since a time."""
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


def has_died(container: Container) -> bool:
    """Whether the last end of a container is what matters, not how it does now."""
    is_settled = container.health in {"healthy", "unhealthy"}
    return not container.is_running or (container.restarts > 0 and not is_settled)


@record
class Evidence:
    """What was seen of a container and of what it needs.

    ``sockets`` is what listens in it, None where it was not seen; ``needed`` the same
    of the services that it needs, with the port that they should listen on.
    ``tools`` are those in it that a check could call, None where it was not seen.
    ``older_volume`` names the volume that is older than the password of the service
    that refused it; ``older_store`` is that service's container, ``older_file`` the
    file of the password. ``owners`` says of volumes whose they are. ``folders`` are
    those that its log speaks of, None for one that is not there; ``closed_folders``
    those of this machine that it mounts and may not write, by target. ``answers`` holds
    the status that a path answers with, from inside. ``age`` is for how many seconds
    its container has run since its last start; ``death`` how it died before, None where
    it has not or that is not known. ``holder`` has the port that it could not publish;
    ``is_port_free``: no process has it any more. ``is_podman``: the engine is Podman,
    which is asked of one whose check was never run. ``lines`` are of the last start,
    and of the one that ended with that death.
    """

    noted: NotedService
    container: Container
    lines: tuple[str, ...] = ()
    was_out_of_memory: bool = False
    sockets: tuple[Socket, ...] | None = None
    needed: Mapping[str, tuple[int, tuple[Socket, ...]]] = field(default_factory=dict)
    services: tuple[str, ...] = ()
    older_volume: str = ""
    older_service: str = ""
    older_store: Container | None = None
    older_file: str = ""
    owners: Mapping[str, str] = field(default_factory=dict)
    secret_files: Mapping[str, str] = field(default_factory=dict)
    holder: str = ""
    is_port_free: bool = False
    is_podman: bool = False
    tools: tuple[str, ...] | None = None
    age: float = 0.0
    death: Death | None = None
    folders: Mapping[str, Folder | None] = field(default_factory=dict)
    closed_folders: Mapping[str, Folder] = field(default_factory=dict)
    answers: Mapping[str, int] = field(default_factory=dict)

    @property
    def has_died(self) -> bool:
        """Whether its last end is what matters, also where it was started again."""
        return has_died(self.container)

    @property
    def is_slow(self) -> bool:
        """Whether it has used up its boot, and never died meanwhile."""
        container = self.container
        is_over = self.age >= self.noted.boot or container.health == "unhealthy"
        return container.is_running and not container.restarts and is_over

    @property
    def text(self) -> str:
        """What it said last."""
        return "\n".join(self.lines)

    def find_line(self, pattern: re.Pattern[str]) -> str:
        """The last line that a pattern is found in, or empty."""
        found = (line for line in reversed(self.lines) if pattern.search(line))
        return next(found, "")

    def find_context(self, pattern: re.Pattern[str]) -> str:
        """The last line that a pattern is found in, with the few before it.

        What was tried stands there: a traceback ends with the reason alone.
        """
        for at in range(len(self.lines) - 1, -1, -1):
            if pattern.search(self.lines[at]):
                return "\n".join(self.lines[max(0, at - _CONTEXT) : at + 1])
        return ""

    def advise(self, *lines: str) -> str:
        """The lines to add below the service in the stack file."""
        return advise(self.noted, *lines)
