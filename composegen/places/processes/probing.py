"""Asks one service of a run whether it is ready, and whether it answers itself.

The command of a health check is marked as the service's, so that it ends with it.
"""

from __future__ import annotations

import asyncio
from functools import partial

from composegen.health import HealthKind
from composegen.places.processes.claims import (
    check_answerer,
    enter_container,
    holds_port,
)
from composegen.places.processes.readiness import Arrives, NotReady, Probe, ask
from composegen.places.processes.service import RunningService
from composegen.places.processes.units import Unit
from composegen.records import replace
from composegen.system.process import Process, Processes

_PAUSE = 0.1


class Prober:
    """Asks one service; ``probe`` is that of what was started last."""

    def __init__(self, service: RunningService, processes: Processes) -> None:
        self._service = service
        self._processes = processes
        self.probe = service.unit.probe

    async def ask(self, process: Process | None = None) -> None:
        """Ask once, and whether it is this process that answers; raises NotReady."""
        unit, is_itself = self._service.unit, False

        def look() -> None:
            nonlocal is_itself
            is_itself = process is None or holds_port(unit, process.pid)

        try:
            await ask(self._mark_probe(), look)
            if self.probe.kind is not HealthKind.COMMAND and process and not is_itself:
                await _check_answerer(unit, process)
        except NotReady as error:
            self._service.answered(str(error))
            raise

    def find_arrival(self) -> Arrives | None:
        """What waits until something listens on its port; None where nothing can."""
        probe, arrivals = self._service.unit.probe, self._processes.arrivals
        if probe.port is None or probe.kind is HealthKind.COMMAND:
            return None
        return partial(arrivals.wait, probe.port) if arrivals.can_look else None

    def _mark_probe(self) -> Probe:
        if self.probe.kind is not HealthKind.COMMAND:
            return self.probe
        found = self._service.found
        probe = enter_container(self.probe, found.container if found else "")
        marks = self._processes.make_marks(self._service.name)
        return replace(probe, env={**probe.env, **marks})


async def _check_answerer(unit: Unit, process: Process) -> None:
    """Raises NotReady, after a pause, where another program answers."""
    try:
        check_answerer(unit, (process.pid,))
    except NotReady:
        try:
            check_answerer(unit, tuple(process.find_all()))
        except NotReady:
            await asyncio.sleep(_PAUSE)  # looking costs more than asking
            raise
