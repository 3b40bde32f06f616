"""A service as the template prints it, and on its way there."""

from __future__ import annotations

from composegen.model import Raw
from composegen.records import field, record


@record(kw_only=False)
class Setting:
    """One key of a service as it is printed, with a comment."""

    key: str
    value: Raw
    comment: str = ""


@record(kw_only=False)
class Block:
    """One service as it is printed: what differs from the defaults.

    Where it must lack one of them, ``has_defaults`` is false and all is written.
    """

    name: str
    settings: tuple[Setting, ...]
    comments: tuple[str, ...] = ()
    has_defaults: bool = True


@record(frozen=False, kw_only=False)
class Draft:
    """A service on its way: Compose's keys, and the comment of some of them."""

    keys: dict[str, Raw] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    above: list[str] = field(default_factory=list)

    def set(self, key: str, value: Raw, comment: str = "") -> None:
        """Give a key its value, with a comment on it."""
        self.keys[key] = value
        if comment:
            self.comments[key] = comment
