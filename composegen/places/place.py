"""What every place can do that runs a stack, and the values that it answers with."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from composegen.errors import NotPart, UsageError
from composegen.model import Choice
from composegen.places.events import Event, Message, Report
from composegen.places.reasons import Reason
from composegen.places.status import ServiceStatus
from composegen.records import field, record
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
    excluded: tuple[Mapping[str, Any], ...] = ()
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


def _do_nothing() -> None:
    """End nothing."""


@record
class Logs:
    """Lines of services' logs, as pairs of service and line, and all the names.

    ``stop`` ends lines that are followed, from any thread.
    """

    names: tuple[str, ...]
    lines: Iterator[tuple[str, str]]
    notes: tuple[str, ...] = ()
    stop: Callable[[], None] = field(default_factory=lambda: _do_nothing, repr=False)


@record
class Usage:
    """What a service uses: seconds of CPU since it started, and bytes of memory.

    ``received`` and ``sent`` are bytes over the network since it started, None where
    that cannot be seen.
    """

    service: str
    cpu: float
    memory: int
    received: int | None = None
    sent: int | None = None


class Act(StrEnum):
    """What a user does with single services."""

    STOP = "stop"
    """End them, and do not restart them."""

    START = "start"
    """Start them with what they require, and wait until they are ready."""

    RESTART = "restart"
    """Stop them and start them again, as they were defined."""


class Outcome(StrEnum):
    """What became of a service that a command named."""

    STOPPED = "stopped"
    WAS_STOPPED = "was-stopped"
    STARTED = "started"
    WAS_RUNNING = "was-running"
    FAILED = "failed"


@record
class Acted:
    """What became of one service; ``reason`` says why it failed."""

    service: str
    outcome: Outcome
    reason: str = ""


@record
class Request:
    """A command that is to run in a service, as it was typed.

    ``index`` is the number of the container, None for the first that runs.
    ``in_terminal`` says whether it gets a terminal, ``take_over`` that a service of
    another folder may be entered.
    """

    service: str
    command: tuple[str, ...]
    index: int | None = None
    in_terminal: bool = False
    take_over: bool = False

    def fill(self, port: int | None) -> tuple[str, ...]:
        """The command with ``{port}`` replaced, where the service has a port."""
        if port is None:
            return self.command
        return tuple(word.replace("{port}", str(port)) for word in self.command)


@record
class Call:
    """A command line of this user, where it runs, and its whole environment.

    ``program`` is the path of what is started. ``hides_terminal`` says that it must
    not see that its streams are a terminal.
    """

    program: str
    command: tuple[str, ...]
    folder: Path
    env: Mapping[str, str] = field(repr=False)
    hides_terminal: bool = False


@record
class Volume:
    """Data that outlives what runs: a volume of the engine, or a folder of a run.

    ``size`` is for people, empty where it is not known. ``folder`` is that of the
    project to which the data belongs.
    """

    name: str
    size: str
    folder: str


@record
class Volumes:
    """Volumes that belong to this folder, and a sentence for each one that does not."""

    own: tuple[Volume, ...] = ()
    notes: tuple[str, ...] = ()


class Place(Protocol):
    """Where the stack of a folder runs; ``name`` is one of the names above."""

    @property
    def name(self) -> str:
        """What this place is called on the command line."""
        ...

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

    def measure(self) -> tuple[Usage, ...]:
        """What each service that runs uses now, as far as this place can see."""
        ...

    def prepare(self, request: Request, tell: Tell) -> Call:
        """How to run a command in a service that runs; nothing is started yet.

        Raises UsageError for a name that is not known, NothingRuns where the service
        does not run, CannotExecute where there is no such command, and OtherFolder
        where the service belongs to another folder, unless the request takes over.
        """
        ...

    def act(
        self,
        act: Act,
        names: Iterable[str],
        report: Report,
        *,
        take_over: bool = False,
    ) -> tuple[Acted, ...]:
        """Stop, start or restart services, and wait until that is done.

        What happens is reported meanwhile; what became of services that were started
        for others is in the answer too. Raises UsageError for a name that is not
        known, NothingRuns, NotPart, NotOurs, and OtherFolder unless ``take_over``.
        """
        ...

    def follow(self) -> Iterator[Event]:
        """What happens to the services from now on; what they do now comes first.

        It ends when nothing can happen any more. Raises NothingRuns.
        """
        ...

    def take_down(self, tell: Tell, *, take_over: bool = False) -> tuple[str, ...]:
        """End all of it; a sentence for each thing that was ended.

        Raises StillRuns where something does not end, and OtherFolder where it belongs
        to another folder, unless ``take_over``.
        """
        ...

    def list_volumes(
        self,
        external: Container[str] = (),
        *,
        take_over: bool = False,
        measures: bool = True,
    ) -> Volumes:
        """The data that belongs to this folder, and what stays and why.

        ``external`` are volumes that the stack only uses. With ``take_over`` those of
        other folders with the same project count as well. Sizes take time: ``measures``
        says whether they are wanted.
        """
        ...

    def remove_volumes(self, volumes: Iterable[Volume]) -> Iterator[str]:
        """Remove data for good; a sentence for each that is gone.

        Raises VolumesLeft at the end where some could not be removed.
        """
        ...


def add_usages(usages: Iterable[Usage]) -> tuple[Usage, ...]:
    """One usage for each service, its containers or processes added up."""
    found: dict[str, Usage] = {}
    for each in usages:
        before = found.get(each.service)
        found[each.service] = (
            each
            if before is None
            else Usage(
                service=each.service,
                cpu=before.cpu + each.cpu,
                memory=before.memory + each.memory,
                received=_add(before.received, each.received),
                sent=_add(before.sent, each.sent),
            )
        )
    return tuple(found.values())


def _add(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def name_kept(volumes: Iterable[Volume]) -> tuple[str, ...]:
    """The sentence about data that `down` leaves; none where there is none."""
    names = [each.name for each in volumes]
    if not names:
        return ()
    return (f"its volumes are kept, with their data: {' '.join(names)}",)


def report_dependents(
    names: Iterable[str],
    needs: Mapping[str, Iterable[str]],
    running: Container[str],
    report: Report,
) -> None:
    """Report which services keep running while services that they need are stopped."""
    stopped = tuple(names)
    for name in stopped:
        left = [
            other
            for other, needed in needs.items()
            if name in needed and other in running and other not in stopped
        ]
        if left and name in running:
            keep = "keeps" if len(left) == 1 else "keep"
            text = f"is needed by {', '.join(left)}, which {keep} running"
            report(Message(service=name, text=text))


def settle_names(
    names: Iterable[str], part: Iterable[str], choices: Mapping[str, Choice]
) -> tuple[str, ...]:
    """The names, and for that of a choice its first service that takes part."""
    there = tuple(part)
    return tuple(
        next((each for each in there if each in choices[name].members), name)
        if name in choices
        else name
        for name in names
    )


def note_excluded_logs(
    names: Container[str], excluded: Iterable[Mapping[str, Any]]
) -> tuple[str, ...]:
    """A sentence for each service that is excluded and whose log is asked for."""
    return tuple(
        f"{each['service']} is excluded: {each['reason']}"
        for each in excluded
        if each["service"] in names
    )


def check_services(names: Iterable[str], known: Iterable[str]) -> None:
    """Raises UsageError for the first name that is none of the known ones."""
    there = tuple(dict.fromkeys(known))
    for name in names:
        if name not in there:
            raise UsageError(
                f"there is no service `{name}`",
                help=suggest(name, there, f"there are {', '.join(there)}"),
            )


def check_part(
    names: Iterable[str],
    part: Iterable[str],
    known: Iterable[str],
    *,
    where: str = "here",
    up: str = "composegen up",
) -> tuple[str, ...]:
    """The names, all of which are part of what runs.

    ``up`` is the command that brings another service up. Raises UsageError for a name
    that is not known, and NotPart.
    """
    asked, there = tuple(names), tuple(part)
    check_services(asked, (*there, *known))
    for name in asked:
        if name not in there:
            raise NotPart(
                f"`{name}` is not part of what runs {where}",
                help=f"bring it up: {up} {name}",
            )
    return asked
