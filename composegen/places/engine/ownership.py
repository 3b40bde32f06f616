"""Whose the containers of a project are: Compose labels each with its folder and files.

Compose knows a project by its name alone. Two folders can have one name, such as two
checkouts of a repository, and Compose would let one change the containers of the other.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path
from typing import Protocol

from composegen.errors import OtherFile, OtherFolder
from composegen.paths import exists
from composegen.places.engine.containers import Maker
from composegen.places.engine.notes import load_notes
from composegen.targets.output import read_source
from composegen.text import escape_control, list_some
from composegen.workspace.project import STACK_FILES, make_project_name
from composegen.workspace.state import NotTrusted

_FROM_STDIN = "-"


class Whose(Enum):
    """What a folder is to the containers that another command may change."""

    OWN = "own"
    MOVED = "moved"
    OTHER = "other"


class Makers(Protocol):
    """What is asked of an engine to find out whose containers are."""

    @property
    def is_here(self) -> bool:
        """Whether the folders of its containers are those of this machine."""
        ...

    def list_makers(self, project: str) -> tuple[Maker, ...]:
        """Who made the containers of a project."""
        ...


def check_ownership(
    engine: Makers,
    project: str,
    folder: Path,
    *,
    take_over: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Refuse to change containers of a project that another folder has made.

    Every command that changes containers calls this before it changes anything;
    ``folder`` is that of its stack file. Containers of a folder that was moved or
    removed are taken over, and ``tell`` gets a sentence about it. With ``take_over``
    all are. Raises OtherFolder and EngineUnreachable.
    """
    for maker in engine.list_makers(project):
        whose = find_whose(maker, folder, is_here=engine.is_here)
        if whose is Whose.MOVED:
            tell(_describe_moved(project, maker))
        elif whose is Whose.OTHER and take_over:
            tell(
                f"taking over the containers of project {project} from "
                f"{_show(maker.folder)}: {list_some(maker.services)}"
            )
        elif whose is Whose.OTHER:
            raise OtherFolder(
                f"the containers of project `{project}` belong",
                _show(str(folder.resolve())),
                _show(maker.folder),
                help=_suggest(engine, project, folder, maker),
            )


def _suggest(engine: Makers, project: str, folder: Path, maker: Maker) -> str:
    name = f"{project}-{make_project_name(folder) or '2'}"
    lines = [
        "to run both side by side, give this one a name of its own:",
        f"echo COMPOSE_PROJECT_NAME={name} >> .env     # or change `name:`",
    ]
    if engine.is_here:
        lines += [
            "to stop the other one first:",
            f"cd {shlex.quote(_show(maker.folder))} && composegen down",
        ]
    else:
        lines.append("its engine is on another machine, so the folder may be there")
    return "\n".join(
        [*lines, "to act on its containers and volumes from here: --take-over"]
    )


def describe_owners(engine: Makers, project: str, folder: Path) -> tuple[str, ...]:
    """A sentence for each other folder that containers of a project belong to.

    For commands that only read. Raises EngineUnreachable.
    """
    sentences = []
    for maker in engine.list_makers(project):
        whose = find_whose(maker, folder, is_here=engine.is_here)
        if whose is Whose.MOVED:
            sentences.append(_describe_moved(project, maker))
        elif whose is Whose.OTHER:
            sentences.append(
                f"the containers of project {project} belong to another folder: "
                f"{_show(maker.folder)} ({list_some(maker.services)})"
            )
    return tuple(dict.fromkeys(sentences))


def check_makers(
    engine: Makers,
    project: str,
    folder: Path,
    *,
    take_over: bool = False,
    ask: Callable[[str], bool] | None = None,
) -> None:
    """Refuse to replace containers of this folder that another Compose file made.

    ``ask`` puts a question to a person; None where there is no one to answer. Raises
    OtherFile and EngineUnreachable.
    """
    if take_over:
        return
    for maker in engine.list_makers(project):
        if is_rendered(maker, folder):
            continue
        files = ", ".join(map(_show, maker.files)) or "another program"
        services = list_some(maker.services)
        question = (
            f"the containers of project {project} were made from {files}: {services}\n"
            "replace them with those of this stack, and remove the others?"
        )
        if ask is not None and ask(question):
            return
        raise OtherFile(
            f"the containers of project `{project}` were not made by composegen but "
            f"from {files}: {services}",
            help="stop them first with the program that made them:\n"
            f"docker compose -p {project} down     # their volumes are kept\n"
            "to replace them, and to remove those of services that the stack does not "
            "have: --take-over",
        )


def is_rendered(maker: Maker, folder: Path) -> bool:
    """Whether containers were made from what composegen has rendered.

    The files of a folder that was moved are looked for in this one.
    """
    if not maker.folder or _FROM_STDIN in maker.files:
        return True
    found = [_find_file(maker, file) for file in maker.files]
    moved = [folder / os.path.relpath(path, maker.folder) for path in found]
    return any(read_source(path) for path in (*found, *moved))


def find_whose(maker: Maker, folder: Path, *, is_here: bool) -> Whose:
    """What a folder is to the containers of a maker.

    A folder of another machine cannot be looked for here: it counts as another one.
    """
    if not maker.folder or _is_same(maker.folder, folder):
        return Whose.OWN
    if any(_is_rendered_for(_find_file(maker, file), folder) for file in maker.files):
        return Whose.OWN
    if is_here and _is_left(maker):
        return Whose.MOVED
    return Whose.OTHER


def _is_same(one: str, folder: Path) -> bool:
    if os.path.realpath(one) == os.path.realpath(folder):
        return True
    try:
        return Path(one).samefile(folder)
    except (OSError, ValueError):
        return False


def _find_file(maker: Maker, file: str) -> Path:
    return Path(maker.folder) / file


def _is_rendered_for(path: Path, folder: Path) -> bool:
    """Whether composegen rendered a Compose file from a stack file of a folder."""
    source = read_source(path)
    return bool(source) and _is_same(str((path.parent / source).parent), folder)


def _is_left(maker: Maker) -> bool:
    """Whether nothing in the folder of containers can be what they were made from.

    A folder that may not be looked into is in use.
    """
    folder = Path(maker.folder)
    try:
        names = set(os.listdir(folder))  # noqa: PTH208 - names are enough
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False
    if names & set(STACK_FILES):
        return False
    files = [*maker.files, *_list_noted(folder)]
    return not any(
        exists(_find_file(maker, file)) for file in files if file != _FROM_STDIN
    )


def _list_noted(folder: Path) -> Iterable[str]:
    """The stack file of another name that `up` has noted in a folder."""
    try:
        notes = load_notes(folder)
    except NotTrusted:
        return ()
    return () if notes is None else (notes.file,)


def _describe_moved(project: str, maker: Maker) -> str:
    return (
        f"the containers of project {project} were made in {_show(maker.folder)}, "
        "which no longer holds their stack: it was moved or removed"
    )


def _show(path: str) -> str:
    return escape_control(path)
