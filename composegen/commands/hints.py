"""What to type in place of commands of `docker compose` that composegen has not."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from composegen.errors import ComposegenError, UsageError

_COMPOSE = "docker compose -p {name} {command} (on the engine)"
_HINTS = {
    "build": "`composegen up` builds images; to build them alone, "
    "composegen render && docker compose -p {name} build",
    "config": "composegen render -o -, or composegen plan",
    "convert": "composegen render -o -, or composegen plan",
    "create": "composegen up",
    "kill": "composegen down; one service, " + _COMPOSE,
    "ls": "composegen status; for all projects of the engine, docker compose ls",
    "port": "composegen status, which shows the addresses; " + _COMPOSE,
    "ps": "composegen status",
    "pull": "`composegen up` pulls missing images; to pull newer ones, "
    "composegen render && docker compose -p {name} pull",
    "rm": "composegen down",
    "scale": "`replicas` in the stack file, then composegen up",
    "version": "composegen --version",
    "volumes": "composegen down --volumes lists and removes them; " + _COMPOSE,
    "wait": "`composegen up` waits until all is ready; " + _COMPOSE,
    **dict.fromkeys(
        (
            *("attach", "commit", "cp", "events", "export", "images", "pause"),
            *("publish", "stats", "top", "unpause", "watch"),
        ),
        _COMPOSE,
    ),
}


def check_command(command: str, known: Iterable[str]) -> None:
    """Raises UsageError for a command of `docker compose`, and for one that is near."""
    hint = _HINTS.get(command)
    if hint is not None:
        text = hint.format(name=find_project(), command=command)
        raise UsageError(f"composegen has no `{command}`; use {text}")
    from composegen.text import find_near

    near = find_near(command, known)
    if near:
        raise UsageError(
            f"there is no command `{command}`",
            help=f"did you mean `{near}`? see composegen --help",
        )


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
