"""What runs of a folder's stack on the Docker engine, asked from another terminal."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from composegen.places.engine.client import Engine
from composegen.places.engine.compose import Project, use_compose
from composegen.places.engine.notes import Notes, remove_notes
from composegen.places.engine.status import EngineSeen, make_seen
from composegen.records import record


@record
class TakenDown:
    """What was taken down, and the volumes that stay with their data."""

    project: str
    volumes: tuple[str, ...]


def look_at_engine(notes: Notes) -> EngineSeen:
    """How every service does. Raises EngineUnreachable."""
    with Engine(notes.endpoint) as engine:
        return make_seen(notes, engine.list_containers(notes.project))


def show_logs(
    notes: Notes, services: Iterable[str], lines: int, *, follow: bool
) -> int:
    """Let Compose print the last lines of services' logs; its exit code."""
    flags = ["--follow"] * follow
    return use_compose(
        _make_project(notes), "logs", "--tail", str(lines), *flags, *services
    )


def take_engine_down(notes: Notes, folder: Path) -> TakenDown | None:
    """Remove a project's containers and networks; None where Compose could not.

    Works without a stack file: the engine's labels tell what belongs to the project.
    """
    code = use_compose(_make_project(notes), "down", "--remove-orphans")
    if code != 0:
        return None
    with Engine(notes.endpoint) as engine:
        volumes = engine.list_volumes(notes.project)
    remove_notes(folder)
    return TakenDown(project=notes.project, volumes=volumes)


def _make_project(notes: Notes) -> Project:
    return Project(
        name=notes.project,
        folder=Path("/"),
        endpoint=notes.endpoint,
        environment=os.environ,
    )
