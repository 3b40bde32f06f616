"""Why a service is not up, in the words of whichever place it runs in."""

from __future__ import annotations

from collections.abc import Iterable

from composegen.places.events import Failure
from composegen.places.status import ServiceStatus
from composegen.records import record


@record
class Reason:
    """Why a service is not up: the way to the one that blocks, and its failure.

    ``answer`` is what its health check got last; ``check`` what it runs, with its last
    outputs.
    """

    chain: tuple[str, ...]
    status: ServiceStatus
    failure: Failure | None = None
    answer: str = ""
    check: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()

    def __str__(self) -> str:
        blocked = self.status.service
        is_sick = self.status.health == "unhealthy"
        state = "unhealthy" if is_sick else self.status.state.value
        text = [f"{' -> '.join(self.chain)}: {blocked} is {state}"]
        if self.failure is not None:
            text.append(f"  {self.failure.reason}")
            if self.failure.cause:
                text.append(f"  cause: {self.failure.cause}")
            if self.failure.help:
                text.append("  help: " + self.failure.help.replace("\n", "\n        "))
        elif self.answer:
            text.append(f"  its check got: {self.answer}")
        if self.check:
            text.append(f"  its check: {self.check[0]}")
            text += [f"    {line}" for line in self.check[1:]]
        if self.lines:
            text.append("  its last lines:")
            text += [f"    {line}" for line in self.lines]
        return "\n".join(text) + "\n"


def format_reasons(reasons: Iterable[Reason]) -> str:
    """The reasons one below the other."""
    return "\n".join(map(str, reasons))
