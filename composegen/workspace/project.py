"""What Compose calls a stack: the name of its project."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from composegen.errors import NoProjectName
from composegen.model import COMPOSE_FILES

STACK_FILES = ("stack.yaml", "stack.yml", *COMPOSE_FILES)
"""The usual names of stack files and Compose files."""


def find_project(name: str, folder: Path, values: Mapping[str, str]) -> str:
    """The project's name as Compose finds it.

    That is COMPOSE_PROJECT_NAME of the environment or ``.env``, else the ``name`` of
    the stack, else the folder's in Compose's letters. Raises NoProjectName.
    """
    project = values.get("COMPOSE_PROJECT_NAME") or name or make_project_name(folder)
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", project):
        raise NoProjectName(
            f"`{project or folder.resolve().name}` cannot be the name of a project",
            help="name it in the stack file: name: my-stack",
        )
    return project


def make_project_name(folder: Path) -> str:
    """The name that Compose makes of a folder's; empty where nothing of it is left."""
    return re.sub(r"[^a-z0-9_-]", "", folder.resolve().name.lower()).lstrip("_-")


def holds_stack(folder: Path) -> bool:
    """Whether a folder holds a stack file; one that may not be looked into does."""
    try:
        return bool(set(os.listdir(folder)) & set(STACK_FILES))  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return True
