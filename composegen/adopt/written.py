"""What stands where in the files as they were written: order, lines and comments.

Compose says what a project means. These files say in which order a person wrote it,
on which line, and which comment stands above.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from composegen.patterns import make_pattern
from composegen.records import field, record
from composegen.system.files import read_small_text

_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_COMMENT = make_pattern(r"\s*#\s?(.*)")
_DIRECTIVE = make_pattern(
    r"yaml-language-server|vim?:|yamllint|prettier-|-\*-|dclint|kics-scan|checkov:"
)
_MOST_COMMENTS = 12
_DEEPEST = 40

Path_ = tuple[str, ...]


@record
class Spot:
    """A line of a file."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@record
class Written:
    """All files of a project, by the path of a key such as ``services web image``.

    ``order`` holds every path in the order of its first appearance.
    """

    order: Mapping[Path_, int] = field(default_factory=dict)
    spots: Mapping[Path_, Spot] = field(default_factory=dict)
    comments: Mapping[Path_, tuple[str, ...]] = field(default_factory=dict)

    def sort(self, names: Iterator[str] | Mapping[str, Any], *above: str) -> list[str]:
        """Names below a path in the order in which they were written."""
        last = len(self.order)
        return sorted(names, key=lambda name: self.order.get((*above, name), last))

    def find(self, *path: str) -> Spot | None:
        """Where a key stands, or the nearest one above it that does."""
        for length in range(len(path), 1, -1):
            spot = self.spots.get(path[:length])
            if spot is not None:
                return spot
        return None


class _Collector:
    def __init__(self) -> None:
        self.order: dict[Path_, int] = {}
        self.spots: dict[Path_, Spot] = {}
        self.comments: dict[Path_, tuple[str, ...]] = {}

    def add_file(self, shown: str, text: str) -> None:
        try:
            root = yaml.compose(text, Loader=_Loader)
        except (yaml.YAMLError, ValueError, RecursionError):
            return  # Compose reports what is wrong with it
        self.shown = shown
        self.noted: set[int] = set()
        self.lines = text.splitlines()
        if isinstance(root, yaml.MappingNode):
            self._walk(root, (), 0)

    def _walk(self, node: yaml.MappingNode, path: Path_, depth: int) -> None:
        if depth > _DEEPEST or len(path) > 3:
            return
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value == "<<":
                self._merge(value, path, depth)
                continue
            here = (*path, key.value)
            self._note(here, key.start_mark.line)
            self._go_down(value, here, depth)

    def _go_down(self, value: yaml.Node, here: Path_, depth: int) -> None:
        if isinstance(value, yaml.MappingNode):
            self._walk(value, here, depth + 1)
        elif isinstance(value, yaml.SequenceNode) and len(here) == 3:
            for item in value.value:
                if isinstance(item, yaml.ScalarNode):
                    name = item.value.partition("=")[0]
                    self._note((*here, name), item.start_mark.line)

    def _merge(self, value: yaml.Node, path: Path_, depth: int) -> None:
        nodes = value.value if isinstance(value, yaml.SequenceNode) else [value]
        for node in nodes:
            if isinstance(node, yaml.MappingNode):
                self._walk(node, path, depth + 1)

    def _note(self, path: Path_, line: int) -> None:
        self.order.setdefault(path, len(self.order))
        if path not in self.spots:
            self.spots[path] = Spot(file=self.shown, line=line + 1)
            # What stands on one line has one comment, that of the outermost key.
            comment = self._read_comment(line) if line not in self.noted else ()
            self.noted.add(line)
            if comment:
                self.comments[path] = comment

    def _read_comment(self, line: int) -> tuple[str, ...]:
        """The comment lines directly above a line; too many are a file's head."""
        found: list[str] = []
        for text in reversed(self.lines[:line]):
            match = _COMMENT.fullmatch(text)
            if match is None:
                break
            found.append(match[1].rstrip())
        kept = [text for text in reversed(found) if not _DIRECTIVE.search(text)]
        return tuple(kept) if len(found) <= _MOST_COMMENTS else ()


def read_written(files: Mapping[str, Path]) -> Written:
    """The files, by how they are shown; one that cannot be read is passed over."""
    collector = _Collector()
    for shown, path in files.items():
        text = read_small_text(path)
        if text is not None:
            collector.add_file(shown, text)
    return Written(
        order=collector.order, spots=collector.spots, comments=collector.comments
    )
