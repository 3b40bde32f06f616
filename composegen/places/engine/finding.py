"""Which stack of a folder is up on the Docker engine, when `up` has left no notes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from composegen.errors import ComposegenError
from composegen.places.engine.client import Engine
from composegen.places.engine.endpoint import find_endpoint
from composegen.places.engine.notes import COMPOSE_FILE, Notes
from composegen.places.engine.noting import make_notes
from composegen.planning.plan import Plan
from composegen.planning.selection import Selection
from composegen.targets.output import read_recorded
from composegen.workspace.dotenv import read_dotenv
from composegen.workspace.project import find_project


def find_unnoted(folder: Path, make: Callable[[Selection], Plan]) -> Notes | None:
    """What `docker compose up` brought up from a rendered file of this folder.

    Its plan is made anew, with the selection in the header. None where nothing is up,
    and where no engine answers to tell.
    """
    recorded = read_recorded(folder / COMPOSE_FILE)
    if recorded is None:
        return None
    try:
        plan = make(recorded.selection)
        endpoint = find_endpoint(os.environ)
        values = {**read_dotenv(folder, os.environ), **os.environ}
        project = find_project(plan.stack.name, folder, values)
        made = make_notes(plan, project, endpoint)
        with Engine(endpoint) as engine:
            return made if engine.list_containers(made.project) else None
    except ComposegenError:
        return None  # no engine answers, or the stack file is being edited
