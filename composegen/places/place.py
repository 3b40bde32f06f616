"""What every place can do that runs a stack, and the values that it answers with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeAlias

from composegen.errors import UsageError
from composegen.places.reasons import Reason
from composegen.places.status import ServiceStatus
from composegen.records import record
from composegen.text import suggest

Tell: TypeAlias = Callable[[str], None]
"""Gets a line that people should read while they wait."""


@record
class Seen:
    """How the services of a folder are doing.

    ``is_running`` says whether anything runs, ``is_up`` whether all that is required
    is up; ``notes`` hold what people should know besides. Where nothing runs,
    ``has_ended`` says that the statuses are those of a run that has ended.
    """

    statuses: tuple[ServiceStatus, ...]
    is_running: bool
    is_up: bool
    left_out: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    has_ended: bool = False


@record
class Explanation:
    """Why services are not up; without reasons all is well.

    ``heading`` says of when the reasons are, where that is not now. ``ending`` says
    how the last run ended, where no service can.
    """

    reasons: tuple[Reason, ...]
    notes: tuple[str, ...] = ()
    heading: str = ""
    ending: str = ""


@record
class Logs:
    """Lines of services' logs, as pairs of service and line, and all the names."""

    names: tuple[str, ...]
    lines: Iterator[tuple[str, str]]
    notes: tuple[str, ...] = ()


class Place(Protocol):
    """Where the stack of a folder runs."""

    def look(self) -> Seen:
        """How every service is doing now."""
        ...

    def explain(self, service: str) -> Explanation:
        """Why a service, or any where none is named, is not up.

        Raises UsageError for a name that is not known, and NothingRuns.
        """
        ...

    def read_logs(self, names: Iterable[str], count: int, *, follow: bool) -> Logs:
        """The last lines of services, all where none is named, and then new ones.

        Raises UsageError for a name that is not known.
        """
        ...

    def take_down(self, tell: Tell, *, take_over: bool = False) -> tuple[str, ...]:
        """End all of it; a sentence for each thing that was ended.

        Raises StillRuns where something does not end, and OtherFolder where it belongs
        to another folder, unless ``take_over``.
        """
        ...


def check_services(names: Iterable[str], known: Iterable[str]) -> None:
    """Raises UsageError for the first name that is none of the known ones."""
    there = tuple(dict.fromkeys(known))
    for name in names:
        if name not in there:
            raise UsageError(
                f"there is no service `{name}`",
                help=suggest(name, there, f"there are {', '.join(there)}"),
            )
