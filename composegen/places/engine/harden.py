"""Which protections a service works without, and which it works with after all.

Each try is two starts: on volumes that the service has filled as it stands, and on new
ones. What passes both is taken away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from composegen.errors import CannotHarden, ExitCode, Interrupted, UpAlready
from composegen.places.engine.client import Engine
from composegen.places.engine.compose import find_docker
from composegen.places.engine.endpoint import find_endpoint
from composegen.places.engine.ownership import check_ownership
from composegen.places.engine.trials import Started, Trials
from composegen.places.place import Tell
from composegen.places.reasons import Reason
from composegen.planning.plan import Plan
from composegen.records import record
from composegen.system.signals import catch_signals
from composegen.workspace.state import hold_lock
from composegen.workspace.workspace import Workspace

_LOCK = "harden.lock"
_READ_ONLY = ", and the file system is read-only"
_LONGEST_WHY = 100

MakePlan: TypeAlias = Callable[[frozenset[str]], Plan]
"""The plan of the service without some names of its ``relax``."""


@record
class Tried:
    """One relaxation: whether it was taken away, else what was seen without it."""

    name: str
    is_taken: bool
    seen: Reason | None = None

    @property
    def help(self) -> str:
        """What to change in the service so that it can go; empty if not known."""
        failure = None if self.seen is None else self.seen.failure
        return "" if failure is None else failure.help

    @property
    def why(self) -> str:
        """What was found, as a reason for the stack file; empty if it was taken away.

        What a log says is omitted: it may hold what belongs in no file.
        """
        failure = None if self.seen is None else self.seen.failure
        if failure is None:
            return "" if self.is_taken else "tried: does not start without it"
        cause = failure.cause.splitlines()[0] if failure.cause else ""
        said = cause.removesuffix(_READ_ONLY).partition(": ")[0].removeprefix("it ")
        if not said or "$" in said:
            said = f"tried: {failure.reason.removeprefix(f'{failure.service} ')}"
        said = said.partition("\n")[0].replace("$", "")
        return said if len(said) <= _LONGEST_WHY else f"{said[:_LONGEST_WHY]}.."


def harden_service(
    service: str,
    names: Iterable[str],
    make_plan: MakePlan,
    workspace: Workspace,
    *,
    tell: Tell,
) -> tuple[Tried, ...]:
    """Try a service without each of its relaxations, in a project of its own.

    Nothing of that project is left, however this ends. Raises EngineUnreachable,
    ComposeMissing, OtherFolder, UpAlready, CannotHarden and Interrupted.
    """
    whole = make_plan(frozenset())
    ending = _Ending()
    with catch_signals(ending.interrupt):
        find_docker()
        endpoint = find_endpoint(workspace.environment)
        with (
            Engine(endpoint) as engine,
            hold_lock(workspace.folder, _LOCK) as is_ours,
        ):
            if not is_ours:
                raise UpAlready("composegen harden")
            project = f"{workspace.find_project(whole.stack.name)}-harden"
            check_ownership(engine, project, workspace.folder, tell=tell)
            trials = Trials(engine, workspace, project)
            trials.check_volumes()
            try:
                trials.clear()
                hardener = _Hardener(service, make_plan, trials, tell)
                return hardener.carry_out(tuple(names))
            finally:
                ending.begin()
                trials.clear()


class _Ending:
    """A signal ends it once; what cleans up then is not interrupted again."""

    def __init__(self) -> None:
        self._has_begun = False

    def begin(self) -> None:
        self._has_begun = True

    def interrupt(self, code: ExitCode) -> None:
        if not self._has_begun:
            self._has_begun = True
            raise Interrupted(code, help="the stack file was not changed")


class _Hardener:
    """The order of the starts, and what follows from each."""

    def __init__(
        self, service: str, make_plan: MakePlan, trials: Trials, tell: Tell
    ) -> None:
        self.service = service
        self.make_plan = make_plan
        self.trials = trials
        self.tell = tell
        self.has_old_volumes = False

    def carry_out(self, names: tuple[str, ...]) -> tuple[Tried, ...]:
        """All at once first; then one after the other, on top of what has passed."""
        self._start_as_it_is()
        seen = self._try(frozenset(names))
        if seen is None or len(names) == 1:
            return tuple(
                Tried(name=each, is_taken=seen is None, seen=seen) for each in names
            )
        taken: frozenset[str] = frozenset()
        found = []
        for name in names:
            seen = self._try(taken | {name})
            if seen is None:
                taken |= {name}
            found.append(Tried(name=name, is_taken=seen is None, seen=seen))
        return tuple(found)

    def _try(self, names: frozenset[str]) -> Reason | None:
        """Both starts without some relaxations; what was seen where one fails."""
        if self.has_old_volumes:
            return self._start(names, is_fresh=False) or self._start(names)
        seen = self._start(names)
        if seen is not None:
            return seen
        if self.trials.has_data(self.service):
            self._start_as_it_is()
        return self._start(names, is_fresh=False)

    def _start_as_it_is(self) -> None:
        """Let it fill new volumes as it stands. Raises CannotHarden."""
        seen = self._start(frozenset())
        if seen is not None:
            raise CannotHarden(
                f"`{self.service}` does not start as it is:\n{seen}".rstrip(),
                help="nothing was changed",
            )
        self.has_old_volumes = True

    def _start(self, names: frozenset[str], *, is_fresh: bool = True) -> Reason | None:
        plan = self.make_plan(names)
        started = self.trials.start(plan, self.service, is_fresh=is_fresh)
        self.has_old_volumes = False
        self.tell(_describe(names, started, is_fresh=is_fresh))
        return started.reason


def _describe(names: frozenset[str], started: Started, *, is_fresh: bool) -> str:
    how = f"with {', '.join(sorted(names))} in force" if names else "as it is"
    where = "new" if is_fresh else "old"
    ends = "starts" if started.reason is None else "does not start"
    return f"{how}, on {where} volumes: {ends} ({started.seconds:.1f} s)"
