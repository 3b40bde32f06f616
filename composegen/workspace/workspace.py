"""The folder of a stack as one command uses it, made once and passed on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from composegen.errors import FileRefused
from composegen.model import DEFAULT_OUTPUT
from composegen.workspace.dotenv import fill_variables, read_dotenv
from composegen.workspace.project import find_project


class Workspace:
    """A stack's folder, its stack file as it was typed, and the environment.

    ``environment`` is this process's own unless another is given, ``output`` the name
    of the rendered file.
    """

    def __init__(
        self,
        file: str | Path,
        environment: Mapping[str, str] | None = None,
        *,
        output: str = DEFAULT_OUTPUT,
    ) -> None:
        self.file = str(file)
        self.folder = _find_folder(Path(file))
        self.environment = os.environ if environment is None else environment
        self._output = output

    def resolve(self) -> Workspace:
        """The same with its folder's links followed: what is noted must not move."""
        folder = self.folder.resolve()
        file = folder / Path(self.file).name
        return Workspace(file, self.environment, output=self._output)

    @cached_property
    def values(self) -> Mapping[str, str]:
        """What fills variables: the environment, then the folder's ``.env``.

        Raises FileRefused for a ``.env`` that cannot be read.
        """
        return {**read_dotenv(self.folder, self.environment), **self.environment}

    def fill(self, text: str) -> str:
        """A text with its variables filled. Raises MissingVariable and FileRefused."""
        return fill_variables(text, self.values)

    @property
    def compose_file(self) -> Path:
        """The rendered file, which `up` renews, whether it is there or not."""
        return self.folder / self._output

    def find_title(self, name: str) -> str:
        """The name that a plan of a stack is headed with; empty where it has none.

        A ``.env`` that cannot be read gives no name: what needs it says why.
        """
        project = self.environment.get("COMPOSE_PROJECT_NAME")
        with suppress(FileRefused):
            project = project or self.values.get("COMPOSE_PROJECT_NAME")
        return project or name

    def find_project(self, name: str) -> str:
        """What Compose calls the project of a stack of this name.

        Raises NoProjectName and FileRefused.
        """
        return find_project(name, self.folder, self.values)


def _find_folder(file: Path) -> Path:
    """The folder of a file; one above the working folder is named by its own path."""
    folder = file.absolute().parent
    return folder.resolve() if ".." in folder.parts else folder
