"""What the services of a run start with: the fallbacks of those that are not there.

The decisions are those of ``planning.exclusion``; this is what they mean for processes.
"""

from __future__ import annotations

from collections.abc import Mapping

from composegen.places.processes.environment import LocalAddressing, Surroundings
from composegen.places.processes.plan import LocalPlan
from composegen.places.processes.units import Unit, make_unit
from composegen.planning.exclusion import Fallbacks, vary_step
from composegen.planning.plan import Gate, Plan, Step


class Exclusions:
    """The optional services of a run that have failed, and the units without them.

    Raises CannotRun where a service could not be started with its fallbacks.
    """

    def __init__(
        self, local: LocalPlan, around: Surroundings, *, colours: bool = False
    ) -> None:
        self._local = local
        self._around = around
        self._colours = colours
        self._fallbacks = Fallbacks(local.plan)
        self._failed: dict[str, str] = {}
        self._units: dict[tuple[str, frozenset[str]], Unit] = {}
        for step in local.plan.steps:
            # What cannot be filled is an error before anything starts.
            self.find_unit(step.name, self._list_fallbacks(step))

    @property
    def plan(self) -> Plan:
        """The plan of the run, as it was settled before anything was started."""
        return self._local.plan

    def is_fallback(self, gate: Gate) -> bool:
        """Whether a gate's service may be excluded: its step then starts without it."""
        return self._fallbacks.is_fallback(gate)

    def _list_fallbacks(self, step: Step) -> frozenset[str]:
        return frozenset(gate.service for gate in step.gates if self.is_fallback(gate))

    def find_unit(self, name: str, without: frozenset[str]) -> Unit | None:
        """A service as it starts without some that it needs; None: as it was made."""
        if not without:
            return None
        key = (name, without)
        if key not in self._units:
            step = self.vary(name, without)
            self._units[key] = make_unit(
                self._local, step, self._around, colours=self._colours
            )
        return self._units[key]

    def vary(self, name: str, without: frozenset[str]) -> Step:
        """The step of a service without some that it needs."""
        secrets = self._local.plan.stack.secrets
        addressing = LocalAddressing(self._around.folder, secrets)
        return vary_step(self._local.plan, name, without, addressing=addressing)

    def add(self, name: str, reason: str) -> Mapping[str, str]:
        """All that is excluded now that this service has failed, with the reasons."""
        self._failed[name] = reason
        return self._fallbacks.close(self._failed)

    def drop(self, name: str) -> None:
        """A service that failed is started again."""
        self._failed.pop(name, None)
