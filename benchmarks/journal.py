"""What a long benchmark has measured so far, so that it can be continued.

``--keep FILE`` names the file: a line of JSON for each sample. All samples in a file
have to be of one build.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_FLAG = "--keep"
Sample = dict[str, Any]


class Journal:
    """The samples of each part of a benchmark; without a path they are not kept."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._samples: list[Sample] = []
        if path is not None and path.exists():
            # A line that was being written when it ended is no sample.
            lines = path.read_text().split("\n")[:-1]
            self._samples = [json.loads(line) for line in lines]
            path.write_text("".join(f"{line}\n" for line in lines))

    @classmethod
    def find(cls) -> Journal:
        """The one that the command line names."""
        words = sys.argv[1:]
        if _FLAG not in words:
            return cls()
        return cls(Path(words[words.index(_FLAG) + 1]))

    def list(self, part: str) -> list[Sample]:
        """The samples of a part, in the order in which they were taken."""
        return [each for each in self._samples if each["part"] == part]

    def add(self, part: str, **sample: Any) -> None:
        """Keep a sample."""
        # As it is read again: tuples are lists in both.
        data = json.loads(json.dumps({"part": part, **sample}))
        self._samples.append(data)
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(f"{json.dumps(data)}\n")
