"""Why a service is not up, in the words of whichever place it runs in."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from composegen.places.events import Failure
from composegen.places.status import ServiceStatus, State, describe_state
from composegen.records import record

LAST_LINES = 20
"""How many lines of a log are shown with a failure."""
BRIEF_LINES = 5
"""How many are shown where the stack comes up all the same."""
_LONGEST_LINE = 2000


def shorten_lines(lines: Iterable[str]) -> tuple[str, ...]:
    """Lines as causes are looked for in them, each at most 2,000 characters long.

    A service may log a megabyte in one line, in which a search takes minutes.
    """
    return tuple(
        line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}.."
        for line in lines
    )


@record
class Reason:
    """Why a service is not up: the way to the one that blocks, and its failure.

    Without a status it is about no service, but about the whole. ``answer`` is what
    its health check got last; ``check`` what it runs, with its last outputs.
    """

    chain: tuple[str, ...] = ()
    status: ServiceStatus | None = None
    failure: Failure | None = None
    answer: str = ""
    check: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()

    @property
    def service(self) -> str:
        """The service that blocks; empty where it is about the whole."""
        return "" if self.status is None else self.status.service

    def _describe_state(self) -> list[str]:
        if self.status is None:
            return [] if self.failure is None else [self.failure.reason]
        is_sick = self.status.health == "unhealthy"
        state = "unhealthy" if is_sick else describe_state(self.status.state)
        if self.status.state is State.EXCLUDED and self.status.reason:
            state = f"excluded: {self.status.reason}"
        head = f"{' -> '.join(self.chain)}: {state}"
        return [head] if self.failure is None else [head, f"  {self.failure.reason}"]

    def __str__(self) -> str:
        text = self._describe_state()
        if self.failure is not None:
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


def explain_stop(chain: tuple[str, ...], status: ServiceStatus) -> Reason:
    """Why a service is not up that the user has stopped."""
    failure = Failure(
        service=status.service,
        reason=f"{status.service} was stopped with `composegen stop`",
        help=f"composegen start {status.service}",
    )
    return Reason(chain=chain, status=status, failure=failure)


def explain_unselected(
    status: ServiceStatus, instead: Iterable[str], help: str
) -> Reason:
    """Why a service is not up that was excluded before anything was started."""
    uses = "; ".join(instead)
    failure = Failure(
        service=status.service,
        reason=f"instead: {uses}" if uses else "it was excluded before the start",
        help=help,
    )
    return Reason(chain=(status.service,), status=status, failure=failure)


def follow_needs(
    name: str, find_blocking: Callable[[str], Iterable[str]]
) -> tuple[str, ...]:
    """From a service to the deepest one that blocks it.

    ``find_blocking`` says which services keep one from starting.
    """
    chain = [name]
    while True:
        blocking = [each for each in find_blocking(chain[-1]) if each not in chain]
        if not blocking:
            return tuple(chain)
        chain.append(blocking[0])


def format_reasons(reasons: Iterable[Reason]) -> str:
    """The reasons one below the other."""
    return "\n".join(map(str, reasons))
