"""A stack file whose service relaxes less and less; what else it says must not change.

Each version is read as a whole and compared with the original before it is used.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from composegen.errors import CannotHarden, FileRefused
from composegen.model import NOT_TRIED, RELAXABLE, Stack
from composegen.planning.selection import Selection
from composegen.records import record, replace
from composegen.stackfile.edit import CannotEdit, Edited, edit_relax
from composegen.stackfile.load import load_text
from composegen.stackfile.nodes import read_bytes
from composegen.system.files import write_atomically


@record
class Relaxed:
    """One version of the file, and what it means.

    ``kept`` are the names that something else relaxes for the service, the top level
    or its recipe, so that the file says ``false`` for them now.
    """

    edited: Edited
    stack: Stack
    kept: tuple[str, ...] = ()


class Relaxing:
    """A stack file as it was read, and its versions with less in one ``relax``.

    Raises what loading a stack does.
    """

    def __init__(
        self, path: Path, shown: str, service: str, selection: Selection | None = None
    ) -> None:
        self._path = path
        self._shown = shown
        self._service = service
        self._selection = selection
        self._data = read_bytes(path, shown)
        self.stack = self._load(self._text)

    @property
    def names(self) -> tuple[str, ...]:
        """What the service relaxes."""
        relaxed = self.stack.services[self._service].relax
        return tuple(name for name in RELAXABLE if name in relaxed)

    def take(
        self, names: Iterable[str], found: Mapping[str, str] | None = None
    ) -> Relaxed:
        """The file without some names in the service's ``relax``.

        ``found`` says why others are needed; a reason that a person wrote stays.
        Raises CannotHarden where something else would change too.
        """
        taken = frozenset(names)
        relaxed = self.stack.services[self._service].relax
        reasons = {
            name: why
            for name, why in (found or {}).items()
            if relaxed.get(name) in {"", NOT_TRIED}
        }
        still: frozenset[str] = frozenset()
        for _ in range(2):
            try:
                edited = edit_relax(self._text, self._service, taken, still, reasons)
            except CannotEdit as refused:
                raise self._refuse(str(refused)) from None
            stack = self._load(edited.text)
            still |= taken & stack.services[self._service].relax.keys()
            if not taken & stack.services[self._service].relax.keys():
                break
        self._check(stack, taken, reasons)
        return Relaxed(
            edited=edited,
            stack=stack,
            kept=tuple(name for name in RELAXABLE if name in still),
        )

    def save(self, relaxed: Relaxed) -> None:
        """Replace the file, unless it has changed meanwhile. Raises FileRefused."""
        if read_bytes(self._path, self._shown) != self._data:
            raise FileRefused(
                self._shown,
                "has changed since it was read, and was not rewritten",
                help="repeat the command",
            )
        path = self._path.resolve()
        mode = stat.S_IMODE(path.stat().st_mode)
        write_atomically(path, relaxed.edited.text, mode=mode)

    @property
    def _text(self) -> str:
        return self._data.decode("utf-8")

    def _load(self, text: str) -> Stack:
        return load_text(text, self._path, selection=self._selection).stack

    def _check(
        self, stack: Stack, taken: frozenset[str], reasons: Mapping[str, str]
    ) -> None:
        """Compare with the original: one service relaxes less, all else is the same.

        What the top level relaxes keeps its reason: that is of other services too.
        """
        name = self._service
        before, now = self.stack.services[name], stack.services[name]
        left = {key: why for key, why in before.relax.items() if key not in taken}
        left |= {key: why for key, why in reasons.items() if now.relax.get(key) == why}
        wanted = replace(before, relax=left, kept=now.kept)
        services = {**self.stack.services, name: wanted}
        if stack != replace(self.stack, services=services):
            raise self._refuse("another service would change too")

    def _refuse(self, reason: str) -> CannotHarden:
        return CannotHarden(
            f"the `relax` of `{self._service}` cannot be rewritten: {reason}",
            help=f"give `{self._service}` a `relax` of its own in {self._shown}",
        )
