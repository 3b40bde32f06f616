"""What was seen of a container that is not up: the input of the causes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from composegen.places.engine.advice import advise
from composegen.places.engine.containers import Container, Folder, Socket
from composegen.places.engine.notes import NotedService
from composegen.records import field, record

_CONTEXT = 4


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
    the status that a path answers with, from inside.
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
    tools: tuple[str, ...] | None = None
    folders: Mapping[str, Folder | None] = field(default_factory=dict)
    closed_folders: Mapping[str, Folder] = field(default_factory=dict)
    answers: Mapping[str, int] = field(default_factory=dict)

    @property
    def has_died(self) -> bool:
        """Whether its last end is what matters, also where it was started again."""
        container = self.container
        is_settled = container.health in {"healthy", "unhealthy"}
        return not container.is_running or (container.restarts > 0 and not is_settled)

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
