"""What a person asks `up` for, and the selection that it means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from composegen.commands.options import make_selection
from composegen.errors import UsageError
from composegen.records import record

if TYPE_CHECKING:
    from composegen.planning.selection import Selection
    from composegen.targets.output import Recorded


@record
class Asked:
    """What was typed; ``flags`` are the options that one place alone has."""

    services: tuple[str, ...]
    file: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    wait: float | None
    stay: bool
    flags: Mapping[str, Any]

    @property
    def is_chosen(self) -> bool:
        """Whether a selection was typed."""
        return bool(self.added or self.removed)

    def choose(self, recorded: Recorded | None) -> Selection:
        """The selection that was typed, else that of the header of a rendered file."""
        if self.is_chosen or recorded is None:
            return make_selection(self.added, self.removed)
        return recorded.selection

    def check_excluded(self, excluded: Iterable[str]) -> None:
        """Raises UsageError for a service that was both named and excluded."""
        removed = make_selection((), self.removed).removed
        for name in excluded:
            if name in removed:
                raise UsageError(f"`{name}` is selected, and excluded with --without")
