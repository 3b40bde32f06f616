"""What to type in place of commands of `docker compose` that composegen has not."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from composegen.errors import ComposegenError, UsageError

_COMPOSE = "docker compose -p {name} {command} (on the engine)"
_HINTS = {
    "build": "`composegen up`, which builds images; to build them alone, "
    "composegen render && docker compose -p {name}{file} build",
    "config": "composegen render -o -, or composegen plan",
    "convert": "composegen render -o -, or composegen plan",
    "create": "composegen up",
    "kill": "composegen down; one service, " + _COMPOSE,
    "ls": "composegen status; for all projects of the engine, docker compose ls",
    "port": "composegen status, which shows the addresses; " + _COMPOSE,
    "ps": "composegen status",
    "publish": "composegen render && docker compose -p {name}{file} publish",
    "pull": "`composegen up`, which pulls missing images; to pull newer ones, "
    "composegen render && docker compose -p {name}{file} pull",
    "rm": "composegen down",
    "scale": "`replicas` in the stack file, then composegen up",
    "version": "composegen --version",
    "volumes": "composegen down --volumes, which lists and removes them; " + _COMPOSE,
    "wait": "`composegen up`, which waits until all is ready; " + _COMPOSE,
    "watch": "docker compose -p {name}{file} watch (on the engine)",
    **dict.fromkeys(
        (
            *("attach", "commit", "cp", "events", "export", "images", "pause"),
            *("stats", "top", "unpause"),
        ),
        _COMPOSE,
    ),
}


def check_command(command: str, known: Iterable[str]) -> None:
    """Raises UsageError for a command of `docker compose`, and for one that is near."""
    hint = _HINTS.get(command)
    if hint is not None:
        name, file = find_project(), name_file()
        text = hint.format(name=name, file=file, command=command)
        raise UsageError(f"composegen has no `{command}`; use {text}")
    from composegen.text import find_near

    near = find_near(command, known)
    if near:
        raise UsageError(
            f"there is no command `{command}`",
            help=f"did you mean `{near}`? see composegen --help",
        )


def name_file() -> str:
    """The flag for the rendered file, where Compose would read another one without."""
    from composegen.commands.options import find_default_file, make_workspace
    from composegen.model import DEFAULT_OUTPUT, OVERRIDE_FILES
    from composegen.paths import exists

    try:
        path = make_workspace(find_default_file()).compose_file
    except (ComposegenError, OSError):
        return ""
    if path.parent == Path.cwd():
        path = Path(path.name)
    is_usual = str(path) == DEFAULT_OUTPUT
    if is_usual and not any(exists(Path(name)) for name in OVERRIDE_FILES):
        return ""
    return f" -f {shlex.quote(str(path))}"


def find_project() -> str:
    """What Compose calls the stack of this folder, or NAME."""
    from composegen.commands.options import find_default_file, make_workspace
    from composegen.places.engine.notes import load_notes
    from composegen.stackfile.load import load_stack
    from composegen.workspace.state import NotTrusted

    file = find_default_file()
    workspace = make_workspace(file)
    try:
        notes = load_notes(workspace.folder)
        if notes is not None:
            return notes.project
        return workspace.find_project(load_stack(Path(file)).stack.name)
    except (ComposegenError, NotTrusted, OSError):
        return "NAME"
