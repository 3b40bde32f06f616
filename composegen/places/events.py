"""What is seen while a stack comes up and runs: a frozen value for all that happens.

Places report these values; the receiver decides what becomes of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from composegen.places.status import ExcludedNote, State
from composegen.places.timeline import Boot
from composegen.records import record


@record
class Failure:
    """Why a service's start failed.

    ``reason`` is the sentence, ``cause`` what is behind it, ``cause_name`` its name
    and ``help`` what to do, all three empty if unknown; ``lines`` are the last of its
    log.
    """

    service: str
    reason: str
    exit_code: int | None = None
    cause: str = ""
    cause_name: str = ""
    help: str = ""
    lines: tuple[str, ...] = ()


@record
class Event:
    """Something that happened, ``at`` seconds after the run or the boot began.

    No ``service``: it is about the whole.
    """

    service: str = ""
    at: float = 0.0


Report: TypeAlias = Callable[[Event], None]
"""Is called with each event, in the order in which they happen."""
WantsLines: TypeAlias = Callable[[str, bytes], bool]
"""Whether any of these lines of a service is wanted: otherwise none is an event."""


def wants_all(_: str, lines: bytes) -> bool:
    """Every line is wanted."""
    return bool(lines)


# One service


@record
class Created(Event):
    """Its container was made; it waits for what it needs."""


@record
class Started(Event):
    """It was started; a process of ours has a pid and a command."""

    pid: int | None = None
    command: str = ""
    restarts: int = 0


@record
class Reused(Event):
    """A process that this run did not start serves; composegen never stops it."""

    pid: int | None = None
    command: str = ""
    since: str = ""
    note: str = ""


@record
class Message(Event):
    """A message for people; without a service it is about the run itself."""

    text: str


@record
class Line(Event):
    """A line of a service's log."""

    text: str


@record
class Ready(Event):
    """It is healthy, ``after`` seconds of booting; ``address`` is where.

    Where it ``is_asked``, a health check says so; otherwise it only runs.
    ``ran_before`` says that it was up already when the boot began.
    """

    after: float
    address: str = ""
    is_asked: bool = True
    ran_before: bool = False


@record
class Finished(Event):
    """A job has run to its end."""

    after: float


@record
class Failed(Event):
    """Its start failed; ``dependents`` start anyway where it is not required."""

    failure: Failure
    is_required: bool
    dependents: tuple[str, ...] = ()


@record
class Excluded(Event):
    """An optional service is excluded: it failed, or what it requires did.

    ``instead`` is a line for each service that starts without it: what it does then.
    ``cause`` is what is behind the failure, empty if unknown; ``lines`` are the last of
    its log.
    """

    reason: str
    cause: str = ""
    instead: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


@record
class Exited(Event):
    """It died after it had been ready; None: it is not restarted."""

    exit_code: int | None
    restart_in: float | None
    dependents: tuple[str, ...] = ()


@record
class BecameUnhealthy(Event):
    """It runs and no longer answers its health check."""

    reason: str


@record
class HealthyAgain(Event):
    """It answers its health check again."""


@record
class Stopped(Event):
    """Nothing is left of it, but for processes that could not be killed.

    ``by`` is ``user`` where `composegen stop` has stopped it.
    """

    left: tuple[int, ...] = ()
    by: str = ""


@record
class Pulling(Event):
    """Its image is not here, and is being pulled."""

    image: str


# The whole: before anything starts


@record
class Planned(Event):
    """Which services take part, in order; ``text`` is the plan where it is shown."""

    services: tuple[str, ...]
    text: str = ""


@record
class Noted(Event):
    """Something that people should know, and that stops nothing."""

    text: str


@record
class Wrote(Event):
    """A file was written; ``how`` is the verb, such as `renewed`."""

    file: str
    how: str = "wrote"


@record
class FileKept(Event):
    """The rendered file stays as it is: ``flags`` select for this time only."""

    file: str
    flags: str


@record
class FileIgnored(Event):
    """A file that Compose would merge is not read; ``stack`` is the stack file."""

    file: str
    stack: str


@record
class SecretEmpty(Event):
    """A secret's file is empty; ``help`` says how it is filled."""

    file: str
    help: str


@record
class OtherBegins(Event):
    """Another run of the whole stack is beginning; this one waits for it."""


@record
class Attached(Event):
    """Another run has the whole stack; this one shows what that one does."""

    services: tuple[str, ...]
    pid: int
    terminal: str
    since: str


@record
class Detached(Event):
    """A guest is no longer attached: it left, or the run ``has_ended``."""

    has_ended: bool


# The whole: while it comes up


@record
class Output(Event):
    """What a tool that works in front prints, as it is: parts of lines too."""

    text: str


@record
class ComposeWarned(Event):
    """A warning of Compose, which works in the background."""

    text: str


@record
class Standing:
    """How far a service is, in seconds since the boot began; None: not yet.

    ``boot`` is how long it may take, ``waits_for`` what keeps its container, which was
    created, from being started.
    """

    service: str
    state: State
    boot: float
    started: float | None = None
    ready: float | None = None
    waits_for: tuple[str, ...] = ()


@record
class Progress(Event):
    """How far every service is now; comes several times a second."""

    standings: tuple[Standing, ...]


@record
class BootOver(Event):
    """There is a verdict, or the boot was interrupted: no more progress comes."""


@record
class Address:
    """Where a service is reached from this machine."""

    service: str
    url: str


@record
class Up(Event):
    """All that is required is up; ``is_held``: for as long as this process runs.

    ``again`` is the command that tries what was excluded again, ``hints`` are lines
    about what this command does not do.
    """

    boots: tuple[Boot, ...]
    addresses: tuple[Address, ...] = ()
    excluded: tuple[ExcludedNote, ...] = ()
    is_held: bool = False
    again: str = ""
    hints: tuple[str, ...] = ()


@record
class NotUp(Event):
    """It cannot come up; ``text`` holds the reasons, ``help`` what can be done now."""

    text: str
    help: str = ""


# The whole: on its way down


@record
class EndAsked(Event):
    """A signal or another terminal asks for the end."""


@record
class Ending(Event):
    """What runs is being stopped; ``has_failed``: for what has failed."""

    has_failed: bool = False


@record
class Killing(Event):
    """What is left is killed without a grace."""
