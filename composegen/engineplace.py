"""What runs of a folder's stack on the Docker engine, asked from another terminal."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from composegen.compose import Project, use_compose
from composegen.dotenv import fill_variables, parse_dotenv
from composegen.endpoint import find_endpoint
from composegen.enginestatus import EngineSeen, make_seen
from composegen.enginewhy import find_engine_reasons
from composegen.errors import ComposegenError
from composegen.files import read_small_text
from composegen.output import read_recorded
from composegen.plan import Plan
from composegen.reasons import Reason
from composegen.records import record
from composegen.runtimes.engine import Engine
from composegen.selection import Selection
from composegen.upnotes import (
    Notes,
    find_project,
    make_notes,
    read_notes,
    remove_notes,
)

COMPOSE_FILE = "compose.yaml"


@record
class TakenDown:
    """What was taken down, and the volumes that stay with their data."""

    project: str
    volumes: tuple[str, ...]


def find_notes(folder: Path, make: Callable[[Selection], Plan]) -> Notes | None:
    """What is up on the engine from this folder: noted by `up`, or found by its name.

    A stack that `docker compose up` brought up from a rendered file has no notes: its
    plan is made anew, with the selection in the header. None where nothing is up, and
    where no engine answers to tell.
    """
    notes = read_notes(folder)
    if notes is not None:
        return notes
    recorded = read_recorded(folder / COMPOSE_FILE)
    if recorded is None:
        return None
    try:
        plan = make(recorded.selection)
        endpoint = find_endpoint(os.environ)
        dotenv = parse_dotenv(read_small_text(folder / ".env") or "", os.environ)
        values = {**dotenv, **os.environ}
        name = fill_variables(plan.stack.name, values)
        made = make_notes(plan, find_project(name, folder, values), endpoint)
        with Engine(endpoint) as engine:
            return made if engine.list_containers(made.project) else None
    except ComposegenError:
        return None  # no engine answers, or the stack file is being edited


def look_at_engine(notes: Notes) -> EngineSeen:
    """How every service does. Raises EngineUnreachable."""
    with Engine(notes.endpoint) as engine:
        return make_seen(notes, engine.list_containers(notes.project))


def explain_engine(notes: Notes, folder: Path, service: str) -> list[Reason]:
    """Why a service, or any, is not up. Raises EngineUnreachable."""
    with Engine(notes.endpoint) as engine:
        return find_engine_reasons(engine, notes, folder, service=service)


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
