"""A cause of a failure: its name, its words and its help, whichever place it is of.

A name belongs to one cause with one help. Every help is tried for real by a test that
carries the name, so that a cause cannot be added without such a test.
"""

from __future__ import annotations

from enum import StrEnum

from composegen.records import record


class Names(StrEnum):
    """Names that are written as the names of problems are: `other-port`."""

    @staticmethod
    def _generate_next_value_(
        name: str,
        start: int,  # noqa: ARG004 - what an enum calls
        count: int,  # noqa: ARG004
        last_values: list[str],  # noqa: ARG004
    ) -> str:
        return name.lower().replace("_", "-")


@record(kw_only=False)
class Cause:
    """What is behind a failure, and what to do; ``help`` is empty where nothing is."""

    name: str
    text: str
    help: str = ""


UNKNOWN = Cause("", "")
"""Nothing is known."""
