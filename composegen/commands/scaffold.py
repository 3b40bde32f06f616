"""What ``composegen init`` writes: a small stack file, or the chat stack whole."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from composegen.errors import FileRefused
from composegen.model import OTHER_OUTPUT
from composegen.paths import exists, is_folder, is_link
from composegen.patterns import make_pattern
from composegen.resources import find_chat_example
from composegen.system.files import write_atomically
from composegen.targets.output import find_foreign
from composegen.targets.quoting import quote_scalar
from composegen.workspace.project import make_project_name

_LEFT_BEHIND = frozenset(
    "__pycache__ .venv .secrets .composegen logs build dist node_modules .pytest_cache "
    ".mypy_cache .ruff_cache .env expected".split()
)

_STACK_FILE = "stack.yaml"
_SERVICES = make_pattern(r"^services:$", re.MULTILINE)
_NAME = make_pattern(r"^name: .*$", re.MULTILINE)

BARE_STACK = """\
# A stack file: services, and what each one needs. `composegen explain NAME` says more
# about a problem, `composegen recipes` lists the recipes for `use`.

services:
  web:
    image: nginxinc/nginx-unprivileged:1.29-alpine   # or  build: .
    publish: 8080             # reachable on 127.0.0.1:8080 alone
    health: /                 # healthy when this path answers 200 to 399
    # needs:
    #   cache:
    #     env: {CACHE_URL: "{url}"}
    #     otherwise:          # the need is optional: what changes without it
    #       env: {CACHE: memory}

  # cache:
  #   use: redis
"""


def write_bare_stack(folder: Path) -> Path:
    """Write ``stack.yaml`` in the folder; raises FileRefused where there is one.

    Next to a Compose file that is not its own it names another file for its own.
    """
    path = folder / _STACK_FILE
    if exists(path) or is_link(path):
        raise FileRefused(str(path), "exists already", help="nothing was written")
    _make_folder(folder)
    write_atomically(path, _name_output(BARE_STACK, folder))
    return path


def write_chat_stack(folder: Path) -> int:
    """Copy the chat stack into a folder; returns how many files were written.

    The stack is named after the folder, so that two copies are two projects.
    Raises FileRefused: with nothing written where one of them exists, or something
    that is no folder stands where one must be.
    """
    source = find_chat_example()
    files = list(_list_files(source))
    above = dict.fromkeys(parent for path in files for parent in path.parents)
    taken = [
        *(path for path in above if _is_no_folder(folder / path)),
        *(path for path in files if os.path.lexists(folder / path)),
    ]
    if taken:
        raise FileRefused(
            str(folder / taken[0]),
            "exists already",
            help="nothing was written: choose an empty folder, composegen init DIR",
        )
    _make_folder(folder)
    for path in files:
        target = folder / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / path, target)
        except OSError as error:
            raise FileRefused.by_system(str(target), error) from None
    path = folder / _STACK_FILE
    text = path.read_text(encoding="utf-8")
    text = _name_output(_name_stack(text, make_project_name(folder)), folder)
    write_atomically(path, text)
    return len(files)


def _name_stack(text: str, name: str) -> str:
    """Name a copied stack; it keeps its name where the folder's gives none."""
    line = f"name: {quote_scalar(name)}"
    return _NAME.sub(lambda _: line, text, count=1) if name else text


def _name_output(text: str, folder: Path) -> str:
    """Name the rendered file of a new stack where its usual name is taken."""
    if not find_foreign(folder):
        return text
    line = f"output: {OTHER_OUTPUT}\n\n"
    return _SERVICES.sub(lambda match: line + match[0], text, count=1)


def _is_no_folder(path: Path) -> bool:
    return os.path.lexists(path) and not is_folder(path)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileRefused.by_system(str(folder), error) from None


def _list_files(source: Path, below: Path = Path()) -> Iterator[Path]:
    for entry in sorted((source / below).iterdir()):
        name = entry.name
        if name in _LEFT_BEHIND or name.endswith((".pyc", ".egg-info")):
            continue
        if name.startswith("compose.") and name.endswith(".yaml"):
            continue  # rendered
        if is_folder(entry):
            yield from _list_files(source, below / name)
        else:
            yield below / name
