"""What a command is in a container: the engine is asked for a file, nothing is run."""

from __future__ import annotations

import base64
import json
import posixpath
from enum import StrEnum
from typing import Any, Protocol

from composegen.places.engine.containers import Container

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The engine's, where an image names none."""
_STAT = "X-Docker-Container-Path-Stat"
_GO_FOLDER, _GO_LINK, _EXECUTABLE = 1 << 31, 1 << 27, 0o111


class Program(StrEnum):
    """What a command is in a container, as far as the engine knows."""

    FOUND = "found"
    MISSING = "missing"
    CLOSED = "not executable"


class Api(Protocol):
    """An engine that answers a request."""

    def ask_api(self, method: str, path: str, /, **params: str) -> Any:
        """The response to a request."""
        ...


def find_program(engine: Api, container: Container, word: str) -> Program:
    """What the first word of a command is in a container. Raises EngineUnreachable."""
    seen = Program.MISSING
    for path in _list_paths(container, word):
        url = f"/containers/{container.id}/archive"
        stat = engine.ask_api("HEAD", url, path=path).headers.get(_STAT)
        found = seen if stat is None else _judge(stat)
        if found is Program.FOUND:
            return found
        seen = found
    return seen


def _list_paths(container: Container, word: str) -> list[str]:
    """Where a command may be, in the order in which it is looked for."""
    if "/" in word:
        return [posixpath.join(container.folder or "/", word)]
    folders = (container.search_path or _PATH).split(":")
    return [posixpath.join(folder, word) for folder in folders if folder]


def _judge(stat: str) -> Program:
    """What is at a path, from the engine's header about it: JSON in base64.

    Where a link leads is not known; it counts as found.
    """
    mode = int(json.loads(base64.b64decode(stat))["mode"])
    if mode & _GO_LINK:
        return Program.FOUND
    is_file = not mode & _GO_FOLDER
    return Program.FOUND if is_file and mode & _EXECUTABLE else Program.CLOSED
