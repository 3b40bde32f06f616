"""A stack file that was read: its nodes, its folder, and the place of each path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from composegen.errors import Location, ProblemsFound
from composegen.records import record
from composegen.stackfile.folder import Folder
from composegen.stackfile.nodes import Node, Source, read_bytes
from composegen.stackfile.problems import Problems
from composegen.stackfile.reader import Path as NodePath
from composegen.stackfile.reader import Reader


class Places(Mapping[NodePath, Location]):
    """The place of each path of a stack; the longest known prefix counts."""

    def __init__(self, source: Source, nodes: Mapping[NodePath, Node]) -> None:
        self._source = source
        self._nodes = nodes

    def __getitem__(self, path: NodePath) -> Location:
        for length in range(len(path), 0, -1):
            node = self._nodes.get(path[:length])
            if node is not None:
                return self._source.locate(node)
        return Location(file=self._source.file)

    def __contains__(self, path: object) -> bool:
        return path in self._nodes

    def __iter__(self) -> Iterator[NodePath]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)


@record
class File:
    """What the later phases read from, and where they note problems."""

    name: str
    folder: Folder
    source: Source
    reader: Reader
    places: Places
    problems: Problems


def read_file(path: Path, shown: str) -> File:
    """The file as nodes.

    Raises FileRefused where there is no file to read, ProblemsFound where it is not
    YAML.
    """
    return make_file(path, shown, read_bytes(path, shown))


def make_file(path: Path, shown: str, data: bytes) -> File:
    """The nodes of a text that stands, or could stand, at a path.

    Raises ProblemsFound where it is not YAML.
    """
    problems = Problems()
    source = Source(shown, data, problems)
    if source.root is None:
        raise ProblemsFound(problems.found)
    reader = Reader(source)
    return File(
        name=path.name,
        folder=Folder(path.absolute().parent),
        source=source,
        reader=reader,
        places=Places(source, reader.nodes),
        problems=problems,
    )
