"""The volumes of data stores in Docker: each belongs to the folder that made it.

Their names begin with the project's, and two folders can have one name. So the folder
is noted in a label when a volume is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from composegen.errors import OtherFolder
from composegen.places.processes.environment import Surroundings
from composegen.places.processes.plan import LocalPlan, Way
from composegen.places.processes.stores import FOLDER_LABEL, name_volume
from composegen.planning.plan import Step
from composegen.system.docker import ask_docker
from composegen.text import escape_control
from composegen.workspace.project import find_project, holds_stack, make_project_name


def claim_volumes(local: LocalPlan, around: Surroundings) -> None:
    """Make the volumes of the stores that run in Docker, for this folder.

    A volume that has no label, made by hand or by an older version, is used. Raises
    OtherFolder for one that a folder has made which still holds a stack.
    """
    project = find_project(local.plan.stack.name, around.folder, around.values)
    folder = around.folder.resolve()
    for step in local.plan.steps:
        if local.ways[step.name] is not Way.DOCKER:
            continue
        for volume in _list_volumes(step, around, project):
            owner = _ask_owner(volume)
            if owner is None:
                ask_docker(
                    "volume", "create", "--label", f"{FOLDER_LABEL}={folder}", volume
                )
            elif owner and Path(owner) != folder and holds_stack(Path(owner)):
                raise _refuse(project, volume, step.name, folder, owner)


def _list_volumes(step: Step, around: Surroundings, project: str) -> Iterator[str]:
    for mount in step.service.volumes:
        if mount.volume_name:
            source = around.fill(mount.volume_name, step.name)
            yield name_volume(project, source)


def _ask_owner(volume: str) -> str | None:
    """The folder that a volume is labelled with; None where there is no such volume."""
    form = f'{{{{index .Labels "{FOLDER_LABEL}"}}}}'
    said = ask_docker("volume", "inspect", "--format", form, volume)
    if said is None:
        return None
    owner = said.rstrip("\n")
    return owner if owner.startswith("/") else ""


def _refuse(
    project: str, volume: str, service: str, folder: Path, owner: str
) -> OtherFolder:
    name = f"{project}-{make_project_name(folder) or '2'}"
    return OtherFolder(
        f"the volume {volume} of `{service}` belongs",
        str(folder),
        escape_control(owner),
        help="to run both, each with its own data, give this folder a name of its own:"
        f"\necho COMPOSE_PROJECT_NAME={name} >> .env     # or change `name:`",
    )
