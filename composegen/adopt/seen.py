"""One service of the project while it is translated, and what is known about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from composegen.adopt.asking import Plain
from composegen.adopt.project import Options
from composegen.adopt.reading import Read
from composegen.adopt.report import Entry, Notes
from composegen.adopt.texts import fill, list_variables, undouble, write_text
from composegen.model import Build, Facts
from composegen.records import field, record
from composegen.values import guess_default


@record(frozen=False)
class Sketch:
    """A service of the stack file on its way: its keys, and the raw ones."""

    keys: dict[str, Any] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict)
    comments: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)


@record(frozen=False)
class Seen:
    """A service: ``text`` as written, ``model`` as Compose resolves it."""

    name: str
    text: Plain
    model: Plain
    read: Read
    notes: Notes
    options: Options
    facts: Facts | None = None
    build: Build | None = None
    image: str = ""
    sketch: Sketch = field(default_factory=Sketch)

    @property
    def values(self) -> Mapping[str, str]:
        """What fills variables."""
        return self.read.values

    def set(self, key: str, value: Any, *origin: str) -> None:
        """Write a key; the comment of the one that it comes from goes with it."""
        self.sketch.keys[key] = value
        for name in origin or (key,):
            self._carry_comments(name, key)

    def set_raw(self, key: str, value: Any) -> None:
        """Pass a key of Compose on as it is."""
        self.sketch.raw[key] = value
        self.notes.keep_raw(key, self.name)
        comment = self.read.written.comments.get(("services", self.name, key))
        if comment:
            self.sketch.comments["compose", key] = comment

    def _carry_comments(self, origin: str, key: str) -> None:
        above = ("services", self.name, origin)
        for path, comment in self.read.written.comments.items():
            if path[:3] == above:
                self.sketch.comments.setdefault((key, *path[3:]), comment)

    def fill(self, text: Any) -> str:
        """What a text says now; empty where a variable is missing."""
        return fill(write_text(text), self.values) or ""

    def give_default(self, key: str, text: str) -> str:
        """A text that composegen computes with: a variable alone gets a default.

        That is what it is now; without one, nothing could be computed.
        """
        found = list(list_variables(text))
        value = self.fill(text)
        is_bare = len(found) == 1 and not found[0].operator
        if not is_bare or not value or guess_default(text):
            return text
        whole = text[: found[0].start], text[found[0].end :]
        inner = value[len(whole[0]) : len(value) - len(whole[1])]
        self.change(key, f"`{text}` has the default {inner}, its value now")
        return f"{whole[0]}${{{found[0].name}:-{inner}}}{whole[1]}"

    def change(self, key: str, what: str, undo: str = "", *, at: str = "") -> None:
        """Note a difference on purpose."""
        self.notes.change(self._make_entry(key, what, undo, at))

    def lose(self, key: str, what: str, undo: str = "", *, at: str = "") -> None:
        """Note what is not carried over."""
        self.notes.lose(self._make_entry(key, what, undo, at))

    def _make_entry(self, key: str, what: str, undo: str, at: str) -> Entry:
        spot = self.read.written.find("services", self.name, at or key)
        return Entry(service=self.name, key=key, what=what, undo=undo, spot=spot)

    def settle(self, key: str, text: str, value: Any) -> str:
        """A text that says what Compose says, else Compose's value, noted.

        They differ where a variable comes from elsewhere: an included project has an
        environment of its own.
        """
        resolved = undouble(write_text(value))
        if self.fill(text) == resolved:
            return text
        self.change(
            key,
            f"`{text}` is written with its value, `{resolved}`: an included project "
            "fills it",
        )
        return write_text(value)
