"""Which stack of a folder the Docker engine has, when `up` has left no notes."""

from __future__ import annotations

from collections.abc import Callable

from composegen.errors import ComposegenError
from composegen.model import Stack
from composegen.places.engine.client import Engine
from composegen.places.engine.endpoint import find_endpoint
from composegen.places.engine.notes import Notes
from composegen.places.engine.noting import make_notes
from composegen.planning.plan import Plan
from composegen.planning.selection import Selection
from composegen.targets.output import read_recorded
from composegen.workspace.workspace import Workspace


def find_unnoted(
    workspace: Workspace, make: Callable[[Selection], Plan]
) -> Notes | None:
    """What `docker compose up` brought up from a rendered file of this folder.

    Its plan is made again, with the selection in the header. None where nothing is up,
    and where no engine answers.
    """
    recorded = read_recorded(workspace.compose_file)
    if recorded is None:
        return None
    try:
        plan = make(recorded.selection)
        endpoint = find_endpoint(workspace.environment)
        project = workspace.find_project(plan.stack.name)
        made = make_notes(plan, project, endpoint, workspace.fill)
        with Engine(endpoint) as engine:
            return made if engine.list_containers(made.project) else None
    except ComposegenError:
        return None  # no engine answers, or the stack file is being edited


def find_kept(workspace: Workspace, load: Callable[[], Stack]) -> Notes | None:
    """The project whose volumes `down` has kept, or that the stack file names.

    None where the stack file cannot be read, no engine answers, and where the engine
    has no volume of the project.
    """
    try:
        project = workspace.find_project(load().name)
        endpoint = find_endpoint(workspace.environment)
        with Engine(endpoint) as engine:
            has_volumes = bool(engine.list_volumes(project))
    except ComposegenError:
        return None
    if not has_volumes:
        return None
    return Notes(
        project=project,
        host=endpoint.host,
        context=endpoint.context,
        settings=endpoint.settings,
        file=workspace.file,
    )
