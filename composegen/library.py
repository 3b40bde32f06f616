"""For programs that own what they need: it runs while they do, and ends with them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from composegen.errors import ComposegenError
from composegen.loader import load_stack
from composegen.localenv import Surroundings, prepare_secrets, read_surroundings
from composegen.localplan import Asked, LocalPlan, Way, settle_plan
from composegen.localunits import make_units
from composegen.runconsole import RunConsole
from composegen.runfiles import RunFolder
from composegen.running import ThisMachine
from composegen.session import open_session
from composegen.supervisor import StartFailed, Supervisor


class DependencyFailed(ComposegenError):
    """Something that a program needs cannot be brought up."""

    name = "dependency"


class Dependencies:
    """What a program needs, running.

    ``environment`` holds the variables that the stack wires into it, fallbacks for
    what is left out included; ``unset`` names those that must not be set.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        environment: Mapping[str, str],
        unset: tuple[str, ...],
    ) -> None:
        self._supervisor = supervisor
        self.environment = environment
        self.unset = unset

    def is_owned(self, service: str) -> bool:
        """Whether the service was started here and ends with us."""
        tended = self._supervisor.tended.get(service)
        return (
            tended is not None and tended.found is None and tended.process is not None
        )

    def pid(self, service: str) -> int | None:
        """The service's process now; None while there is none, or it is not seen."""
        tended = self._supervisor.tended.get(service)
        return tended.pid if tended is not None else None


@asynccontextmanager
async def own_dependencies(
    stack: str | os.PathLike[str], service: str, *, verbose: bool = False
) -> AsyncIterator[Dependencies]:
    """Bring up what a service of a stack file needs, and take it down on the way out.

    Each is found running or started, and waited for; the service itself is whoever
    calls. Talk and key lines go to stderr. Nothing outlives the caller, whatever ends
    it. Raises ComposegenError: for the stack, or DependencyFailed.
    """
    path = Path(stack)
    folder = path.absolute().parent.resolve()
    around = read_surroundings(folder, os.environ)
    asked = Asked(names=(service,), needed_only=True)
    local = settle_plan(load_stack(path, str(path)).stack, asked, around, ThisMachine())
    around = prepare_secrets(local.plan, around)
    units = [unit for unit in make_units(local, around) if unit.way is not Way.OWNER]
    console = RunConsole(local.plan.names, verbose=verbose, lines_to_err=True)
    runs = RunFolder(folder)
    ending: set[asyncio.Task[None]] = set()

    async def take_down(supervisor: Supervisor) -> None:
        await supervisor.take_down()
        runs.remove_run(opened.processes.mark)

    session = open_session(
        local,
        units,
        runs,
        console.show,
        end=lambda supervisor: ending.add(asyncio.ensure_future(take_down(supervisor))),
        is_library=True,
    )
    async with session as opened:
        try:
            await opened.supervisor.bring_up()
        except StartFailed as error:
            failure = error.failure
            cause = f": {failure.cause}" if failure.cause else ""
            message = f"{failure.reason}{cause}"
            raise DependencyFailed(message, help=failure.mend) from None
        environment = _find_wired(local, service, around)
        unset = next(step.unset for step in local.plan.steps if step.name == service)
        yield Dependencies(opened.supervisor, environment, unset)


def _find_wired(local: LocalPlan, service: str, around: Surroundings) -> dict[str, str]:
    """The variables of a service that do not stand in its own ``environment``."""
    step = next(step for step in local.plan.steps if step.name == service)
    own = step.service.environment
    return {
        name: around.fill(text, service)
        for name, text in step.environment.items()
        if own.get(name) != text
    }
