"""For programs that own what they need: it runs while they do, and ends with them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from composegen.errors import DependencyFailed
from composegen.places.events import Planned
from composegen.places.processes.environment import (
    Surroundings,
    prepare_secrets,
    read_surroundings,
)
from composegen.places.processes.exclusions import Exclusions
from composegen.places.processes.plan import Asked, Way, settle_plan
from composegen.places.processes.records import RunFolder
from composegen.places.processes.run import ThisMachine
from composegen.places.processes.session import open_session
from composegen.places.processes.supervisor import StartFailed, Supervisor
from composegen.places.processes.units import make_units
from composegen.places.processes.volumes import claim_volumes
from composegen.planning.plan import Step
from composegen.stackfile.load import load_stack
from composegen.terminal.console import QUICK, Console
from composegen.terminal.stream import RunConsole
from composegen.workspace.workspace import Workspace


class Dependencies:
    """What a program needs, running.

    ``environment`` holds the variables that the stack wires into it, fallbacks for
    excluded services included; ``unset`` names those that must not be set.
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
        running = self._supervisor.services.get(service)
        return (
            running is not None
            and running.found is None
            and running.process is not None
        )

    def pid(self, service: str) -> int | None:
        """The service's process now; None while there is none, or it is not seen."""
        running = self._supervisor.services.get(service)
        return running.pid if running is not None else None


@asynccontextmanager
async def own_dependencies(
    stack: str | os.PathLike[str], service: str, *, verbose: bool = False
) -> AsyncIterator[Dependencies]:
    """Bring up what a service of a stack file needs, and stop it on the way out.

    Each is found running or started, and waited for; the service itself is the
    caller. Messages and key lines go to stderr. Nothing outlives the caller, whatever
    ends it. Raises ComposegenError: for the stack, or DependencyFailed.
    """
    path = Path(stack)
    workspace = Workspace(path).resolve()
    folder = workspace.folder
    around = read_surroundings(workspace)
    asked = Asked(names=(service,), needed_only=True)
    local = settle_plan(load_stack(path, str(path)).stack, asked, around, ThisMachine())
    claim_volumes(local, around)
    around = prepare_secrets(local.plan, around)
    exclusions = Exclusions(local, around)
    units = [unit for unit in make_units(local, around) if unit.way is not Way.OWNER]
    console = Console()
    shown = RunConsole(console, verbose=verbose, lines_to_err=True)
    shown.show(Planned(services=tuple(local.plan.names)))
    runs = RunFolder(folder)
    ending: set[asyncio.Task[None]] = set()

    async def take_down(supervisor: Supervisor) -> None:
        await supervisor.take_down()
        runs.remove_run(opened.processes.mark)

    session = open_session(
        local,
        units,
        runs,
        shown.show,
        exclusions=exclusions,
        end=lambda supervisor: ending.add(asyncio.ensure_future(take_down(supervisor))),
        is_library=True,
    )
    # The caller goes on with its loop, whether its stderr is read or not.
    with console.in_background(patience=QUICK):
        async with session as opened:
            await _bring_up(opened.supervisor)
            step = opened.supervisor.find_step(service)
            wired = _find_wired(step, around)
            yield Dependencies(opened.supervisor, wired, step.unset)


async def _bring_up(supervisor: Supervisor) -> None:
    try:
        await supervisor.bring_up()
    except StartFailed as error:
        failure = error.failure
        cause = f": {failure.cause}" if failure.cause else ""
        raise DependencyFailed(f"{failure.reason}{cause}", help=failure.help) from None


def _find_wired(step: Step, around: Surroundings) -> dict[str, str]:
    """The variables of a service that do not stand in its own ``environment``."""
    own = step.service.environment
    return {
        name: around.fill(text, step.name)
        for name, text in step.environment.items()
        if text is not None and own.get(name) != text
    }
