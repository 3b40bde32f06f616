"""The formats that can be adopted: how each is found and read. A new one is a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from composegen.adopt.asking import Begun, ask_project
from composegen.adopt.project import Asked, Project, find_project
from composegen.records import record

if TYPE_CHECKING:
    from composegen.adopt.reading import Read


@record
class Format:
    """One format: its files are found first, so that nothing is read in vain.

    ``ask`` begins what takes time, and ``read`` waits for it.
    """

    find: Callable[[Asked, Mapping[str, str]], Project]
    ask: Callable[[Project], Begun]
    read: Callable[[Project, Begun], Read]


def _read_compose(project: Project, begun: Begun) -> Read:
    from composegen.adopt.reading import read_project

    return read_project(project, begun)


FORMATS: Mapping[str, Format] = {
    "compose": Format(find=find_project, ask=ask_project, read=_read_compose),
}
