"""Every deliberate error: its facts, its place, and the exit code it ends with.

    ComposegenError
    ├── UsageError       the command line has an error                   exit 2
    ├── ProblemsFound    a stack file, or a file it names, is wrong      exit 1
    ├── SelectionError   the selected services cannot start              exit 1
    ├── CannotRun        the stack cannot run on this machine            exit 1
    ├── MissingVariable  a variable that must be set is not              exit 1
    ├── NoProjectName    Compose has no valid name for the project       exit 1
    ├── OtherEngine      the stack is up on an engine not chosen now     exit 2
    ├── OtherFolder      the containers belong to another folder         exit 1
    ├── OtherFile        another Compose file made the containers        exit 1
    ├── LostSecret       a new password would lock existing data out     exit 1
    ├── EngineUnreachable  no Docker engine answers, or may be used      exit 1
    ├── ComposeFailed    a command of Compose failed                     exit 1
    ├── ComposeMissing   there is no docker command, or no Compose       exit 1
    ├── UpAlready        another process brings the same stack up        exit 1
    ├── NothingRuns      nothing of this folder runs                     exit 1
    ├── KubectlMissing   there is no kubectl command                     exit 1
    ├── NoContext        kubectl knows no cluster, or not the named one  exit 2
    ├── OtherCluster     the noted context leads to another server now   exit 2
    ├── ClusterUnreachable  the cluster does not answer, or lets no one in  exit 1
    ├── ClusterRefused   the cluster refuses what is asked of it         exit 1
    ├── ForeignObject    an object of the same name was made by others  exit 1
    ├── CannotExecute    a command cannot be started              126 or 127
    ├── NotPart          a service is not part of what runs here         exit 1
    ├── NotOurs          what composegen did not start must not be stopped  exit 1
    ├── StillRuns        a process that was asked to stop still runs     exit 1
    ├── VolumesLeft      volumes could not be removed                    exit 1
    ├── CannotHarden     a service cannot be tried without its `relax`   exit 1
    ├── CannotServe      the board cannot serve its page                 exit 1
    ├── FaultFailed      a fault of a drill cannot be done, or undone    exit 1
    ├── DrillRuns        a drill changes what runs here at the moment    exit 1
    ├── NotDrillable     what runs here cannot be drilled now            exit 2
    ├── DependencyFailed  what a program needs cannot be brought up      exit 1
    ├── Interrupted      a signal ended it                      129, 130 or 143
    ├── FileRefused      a file that must not be read or overwritten     exit 1
    └── StaleFile        a rendered file is not what it should be        exit 1

Problems are data: only ``terminal`` turns them into words.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum

from composegen.oserrors import describe_os_error
from composegen.records import record


class ExitCode(IntEnum):
    """What the process ends with."""

    FINE = 0
    PROBLEM = 1
    USAGE = 2
    NOT_EXECUTABLE = 126
    NOT_FOUND = 127
    HUNG_UP = 129
    INTERRUPTED = 130
    TERMINATED = 143


class Level(StrEnum):
    """How much a problem matters: errors stop, warnings advise, notes inform."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@record
class Location:
    """A place in a file: line and column count from 1, ``text`` is the whole line."""

    file: str
    line: int = 0
    column: int = 0
    text: str = ""
    width: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@record
class Problem:
    """One thing that is wrong: its stable name, what and where, and its help.

    ``help`` may hold several lines; the ones after the first are shown indented.
    """

    name: str
    message: str
    location: Location
    help: str = ""
    level: Level = Level.ERROR

    def __str__(self) -> str:
        return f"{self.location}: {self.level.value}[{self.name}]: {self.message}"

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        """Sort key: by file, then by place, then by name."""
        where = self.location
        return where.file, where.line, where.column, self.name, self.message


class ComposegenError(Exception):
    """What composegen means to say; every subclass names its exit code."""

    exit_code = ExitCode.PROBLEM
    name = "error"

    def __init__(self, message: str, *, help: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.help = help


class UsageError(ComposegenError):
    """The command line asks for something that does not exist or contradicts itself."""

    exit_code = ExitCode.USAGE
    name = "usage"


class SelectionError(ComposegenError):
    """The selected services cannot run without one that is excluded."""

    name = "left-out"


class CannotRun(ComposegenError):
    """The stack cannot run on this machine."""

    name = "cannot-run"


class MissingVariable(ComposegenError):
    """A ``${NAME:?message}`` whose variable is not set, or is empty."""

    name = "not-set"

    def __init__(
        self, variable: str, said: str = "", *, is_empty: bool = False
    ) -> None:
        state = "empty" if is_empty else "not set"
        super().__init__(
            f"{variable} is {state}: {said}" if said else f"{variable} is {state}",
            help=f"set {variable} in .env or in the environment",
        )
        self.variable = variable


class CannotServe(ComposegenError):
    """The board cannot serve its page."""

    name = "cannot-serve"


class NoProjectName(ComposegenError):
    """Compose has no valid name for the project."""

    name = "project-name"


class OtherEngine(ComposegenError):
    """A state file names another engine than the environment chooses now."""

    exit_code = ExitCode.USAGE
    name = "other-engine"

    def __init__(self, file: str, noted: str, chosen: str, *, help: str = "") -> None:
        super().__init__(
            f"{file} names another engine than the environment chooses, and it is not "
            f"used: {noted}; chosen now: {chosen}",
            help=help,
        )
        self.noted = noted
        self.chosen = chosen


class OtherFolder(ComposegenError):
    """Containers, or data, were made from another folder, which is in use.

    ``what`` is the subject with its verb: "the volume x belongs".
    """

    name = "other-folder"

    def __init__(self, what: str, folder: str, other: str, *, help: str) -> None:
        super().__init__(
            f"{what} to another folder: {other}; this folder: {folder}", help=help
        )


class OtherFile(ComposegenError):
    """The containers of this folder were made from a Compose file that is not ours."""

    name = "other-file"


class LostSecret(ComposegenError):
    """A password is missing, and the data that was made with it is still there."""

    name = "lost-secret"


class EngineUnreachable(ComposegenError):
    """No Docker engine answers, or it may not be used."""

    name = "no-engine"


class ComposeFailed(ComposegenError):
    """A command of Compose failed; Compose has reported the reason itself."""

    name = "compose"


class ComposeMissing(ComposegenError):
    """There is no docker command, or no Compose in it."""

    name = "no-compose"


class UpAlready(ComposegenError):
    """Another process carries out the same ``command`` in this folder right now."""

    name = "up-already"

    def __init__(self, command: str) -> None:
        super().__init__(
            f"another `{command}` is running in this folder",
            help="wait for it, or stop it with Ctrl-C in its terminal",
        )


class NothingRuns(ComposegenError):
    """Nothing of this folder runs."""

    name = "nothing-runs"


class KubectlMissing(ComposegenError):
    """There is no kubectl command."""

    name = "no-kubectl"


class NoContext(ComposegenError):
    """kubectl knows no cluster, or none of the name that was given."""

    exit_code = ExitCode.USAGE
    name = "no-context"


class OtherCluster(ComposegenError):
    """The context that `up` noted leads to another server now, or is gone."""

    exit_code = ExitCode.USAGE
    name = "other-cluster"


class ClusterUnreachable(ComposegenError):
    """The cluster does not answer, or it lets this user not in."""

    name = "no-cluster"


class ClusterRefused(ComposegenError):
    """The cluster refuses what is asked of it."""

    name = "cluster"


class ForeignObject(ComposegenError):
    """The cluster has an object of the same name that composegen did not make."""

    name = "foreign-object"


class CannotExecute(ComposegenError):
    """A command cannot be started; ``exit_code`` is what a shell would end with."""

    name = "cannot-execute"

    def __init__(self, message: str, code: ExitCode, *, help: str = "") -> None:
        super().__init__(message, help=help)
        self.exit_code = code


class NotPart(ComposegenError):
    """A service of the stack is not part of what runs here."""

    name = "not-part"


class NotOurs(ComposegenError):
    """A process that composegen did not start must not be stopped."""

    name = "not-ours"


class StillRuns(ComposegenError):
    """A process that was asked to stop still runs."""

    name = "still-runs"


class VolumesLeft(ComposegenError):
    """Volumes that were to be removed are still there."""

    name = "volumes-left"

    def __init__(self, reasons: Mapping[str, str], *, help: str = "") -> None:
        listed = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        super().__init__(f"not removed: {listed}", help=help)
        self.reasons = reasons


class CannotHarden(ComposegenError):
    """A service cannot be tried without what it relaxes."""

    name = "cannot-harden"


class FaultFailed(ComposegenError):
    """A fault of a drill cannot be done, or cannot be undone."""

    name = "fault"


class DrillRuns(ComposegenError):
    """A drill changes what runs here at the moment."""

    name = "drill-runs"


class NotDrillable(ComposegenError):
    """What runs here cannot be drilled: it is not up, or was defined differently."""

    exit_code = ExitCode.USAGE
    name = "not-drillable"


class DependencyFailed(ComposegenError):
    """What a program needs cannot be brought up."""

    name = "dependency"


class Interrupted(ComposegenError):
    """A signal ended it; ``exit_code`` says which one."""

    name = "interrupted"

    def __init__(self, code: ExitCode, *, help: str = "") -> None:
        super().__init__("interrupted", help=help)
        self.exit_code = code


class FileRefused(ComposegenError):
    """A file cannot be read, or must not be overwritten."""

    name = "file"

    def __init__(self, file: str, reason: str, *, help: str = "") -> None:
        super().__init__(f"{file}: {reason}", help=help)
        self.file = file
        self.reason = reason

    @classmethod
    def by_system(cls, file: str, error: OSError) -> FileRefused:
        """Refused by the operating system: the cause, and what to do about it."""
        reason, help = describe_os_error(error, file)
        return cls(file, reason, help=help)


class StaleFile(ComposegenError):
    """A rendered file differs from what its stack file says now."""

    name = "stale"

    def __init__(self, file: str, difference: str, *, help: str = "") -> None:
        super().__init__(f"{file} is not what the stack file says now", help=help)
        self.difference = difference


class ProblemsFound(ComposegenError):
    """Problems in a stack file, sorted by place; at least one is an error."""

    name = "problems"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
