"""The formats that can be adopted: how each is found and read. A new one is a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from composegen.adopt.project import Asked, Project, find_project
from composegen.adopt.reading import Read, read_project
from composegen.records import record


@record
class Format:
    """One format: its files are found first, so that nothing is read in vain."""

    find: Callable[[Asked, Mapping[str, str]], Project]
    read: Callable[[Project], Read]


FORMATS: Mapping[str, Format] = {
    "compose": Format(find=find_project, read=read_project),
}
