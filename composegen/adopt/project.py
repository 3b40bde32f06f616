"""Which files a Compose project consists of, as Compose itself finds them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from composegen.errors import FileRefused
from composegen.model import COMPOSE_FILES, OVERRIDE_FILES
from composegen.paths import exists, is_file, is_folder
from composegen.records import record
from composegen.system.files import check_readable, read_small_text
from composegen.targets.header import is_ours
from composegen.workspace.dotenv import parse_dotenv

_SETTINGS = ("COMPOSE_FILE", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME")


@record
class Asked:
    """What was typed: the format, the files, where variables and profiles come from."""

    form: str = "compose"
    files: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()


@record
class Options:
    """What was asked of the translation."""

    keeps_addresses: bool = False
    is_inside_only: bool = False


@record
class Project:
    """The files of a project, its folder, and what fills its variables.

    ``settings`` are the variables of a ``.env`` file that chose files, profiles or the
    project's name. ``values`` are all variables: the environment before the env files.
    """

    files: tuple[Path, ...]
    folder: Path
    env_files: tuple[Path, ...]
    values: Mapping[str, str]
    profiles: tuple[str, ...]
    settings: Mapping[str, str]

    @property
    def shown_files(self) -> tuple[str, ...]:
        """The files as they are seen from the project's folder, env files last."""
        paths = [*self.files, *self.env_files]
        return tuple(show_path(path, self.folder) for path in paths)


def show_path(path: Path, folder: Path) -> str:
    """A path as it is seen from a folder, absolute where it is above it."""
    try:
        return path.absolute().relative_to(folder.absolute()).as_posix()
    except ValueError:
        return str(path)


def find_project(asked: Asked, environment: Mapping[str, str]) -> Project:
    """The project that the words of a command name, or the one of this folder.

    Raises FileRefused.
    """
    given = tuple(Path(name) for name in asked.env_files)
    for path in given:
        _check_file(path)
    here = _read_env_files(given or _find_dotenv(Path()), environment)
    known = {**here, **environment}
    files = tuple(Path(name) for name in asked.files) or _find_files(known)
    for path in files:
        _check_file(path, _suggest_file(path))
        _check_hand(path)
    folder = files[0].absolute().parent
    env_files = given or _find_dotenv(folder)
    from_files = _read_env_files(env_files, environment)
    known = {**from_files, **environment}
    profiles = asked.profiles or _split(known.get("COMPOSE_PROFILES", ""), ",")
    used = {**here, **from_files}
    wanted = {
        name
        for name in _SETTINGS
        if name in used
        and name not in environment
        and not (name == "COMPOSE_FILE" and asked.files)
        and not (name == "COMPOSE_PROFILES" and asked.profiles)
    }
    return Project(
        files=files,
        folder=folder,
        env_files=env_files,
        values=known,
        profiles=profiles,
        settings={name: used[name] for name in _SETTINGS if name in wanted},
    )


def _find_dotenv(folder: Path) -> tuple[Path, ...]:
    path = folder / ".env"
    return (path,) if is_file(path) else ()


def find_default_file(folder: Path) -> Path | None:
    """The Compose file with a usual name that a folder has, the first that counts."""
    return next((folder / n for n in COMPOSE_FILES if exists(folder / n)), None)


def find_override(path: Path) -> Path | None:
    """What Compose merges into a file that it finds by itself; None for another one."""
    folder = path.parent
    if find_default_file(folder) != path:
        return None
    return next((folder / n for n in OVERRIDE_FILES if exists(folder / n)), None)


def can_adopt(path: Path) -> bool:
    """Whether a file may be adopted: what composegen rendered may not."""
    return is_file(path) and not is_ours(read_small_text(path) or "")


def _find_files(known: Mapping[str, str]) -> tuple[Path, ...]:
    """What Compose would read here: COMPOSE_FILE, else the files with usual names."""
    separator = known.get("COMPOSE_PATH_SEPARATOR") or os.pathsep
    named = _split(known.get("COMPOSE_FILE", ""), separator)
    if named:
        return tuple(Path(name) for name in named)
    first = find_default_file(Path())
    if first is None:
        raise FileRefused(
            COMPOSE_FILES[0],
            "there is no Compose file here",
            help="name it: composegen adopt FILE",
        )
    override = find_override(first)
    return (first,) if override is None else (first, override)


def _split(text: str, separator: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(separator) if part.strip())


def _read_env_files(
    files: tuple[Path, ...], environment: Mapping[str, str]
) -> dict[str, str]:
    values: dict[str, str] = {}
    for path in files:
        check_readable(path, str(path))
        text = read_small_text(path) or ""
        known = {**values, **environment}
        values |= parse_dotenv(text, known, file=str(path))
    return values


def _check_file(path: Path, help: str = "") -> None:
    shown = str(path)
    check_readable(path, shown)
    if not exists(path):
        raise FileRefused(shown, "there is no such file", help=help)
    if is_folder(path):
        raise FileRefused(shown, "is a folder", help="name a file in it")


def _suggest_file(path: Path) -> str:
    found = find_default_file(path.parent)
    return f"there is {found}" if found is not None else "name a file that is there"


def _check_hand(path: Path) -> None:
    """A file that composegen rendered has its stack file already."""
    if is_ours(read_small_text(path) or ""):
        raise FileRefused(
            str(path),
            "was made by composegen",
            help="its first lines name the stack file that it was made from",
        )
