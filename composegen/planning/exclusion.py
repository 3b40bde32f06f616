"""What follows when an optional service fails while a plan comes up, or later.

Who may be excluded, what is excluded with it, what its dependent services then get, and
what can be started now. Pure decisions that all places share.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from composegen.graph import find_closure, reverse_graph
from composegen.planning.addressing import Addressing
from composegen.planning.fallbacks import Excluded, list_excluded
from composegen.planning.placeholders import Templates
from composegen.planning.plan import Gate, Plan, Step, make_step, refill_plan
from composegen.records import replace


def require(plan: Plan, names: Iterable[str]) -> Plan:
    """The plan in which some services, and all that they require, are required."""
    required = {step.name: _list_required(step) for step in plan.steps}
    wanted = find_closure(required, names)
    return replace(
        plan,
        steps=tuple(
            replace(step, is_required=True) if step.name in wanted else step
            for step in plan.steps
        ),
    )


class Fallbacks:
    """The optional services of a plan, and what follows when some of them fail.

    A service may be excluded when no root requires it. What requires it is excluded
    with it, and so is what only excluded services need. The plan itself stays as it is:
    what is required at the beginning is required until the end.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._steps: Mapping[str, Step] = {step.name: step for step in plan.steps}
        self._all = {
            step.name: tuple(gate.service for gate in step.gates) for step in plan.steps
        }
        self._required = {step.name: _list_required(step) for step in plan.steps}
        self._dependents = reverse_graph(self._all)
        added = {*plan.added}
        self._roots = tuple(
            step.name
            for step in plan.steps
            if step.is_required
            or step.service.is_root
            or step.name in added
            or not self._dependents[step.name]
        )

    @property
    def optional(self) -> frozenset[str]:
        """The services that may be excluded."""
        return frozenset(each.name for each in self.plan.steps if not each.is_required)

    @property
    def has_gates(self) -> bool:
        """Whether anything waits for a service that may be excluded."""
        return any(
            self.is_fallback(gate) for step in self.plan.steps for gate in step.gates
        )

    def is_fallback(self, gate: Gate) -> bool:
        """Whether a gate's service may be excluded: its step then starts without it."""
        needed = self._steps.get(gate.service)
        return gate.is_optional and needed is not None and not needed.is_required

    def close(self, failed: Mapping[str, str]) -> Mapping[str, str]:
        """All that is excluded where some services fail, each with its reason.

        ``failed`` are services with the reasons of their failures; required ones, and
        those of no part in the plan, do not count. In the order of the plan.
        """
        reasons = {n: why for n, why in failed.items() if n in self.optional}
        lost = {**reasons}
        for step in self.plan.steps:  # in the order of needs
            blocking = [name for name in self._required[step.name] if name in lost]
            if blocking and step.name not in lost and not step.is_required:
                lost[step.name] = f"it requires {', '.join(blocking)}"
        kept = find_closure(
            self._all, [each for each in self._roots if each not in lost], without=lost
        )
        return {
            step.name: lost.get(step.name) or self._describe_lonely(step.name)
            for step in self.plan.steps
            if step.name not in kept
        }

    def _describe_lonely(self, name: str) -> str:
        return f"only {', '.join(self._dependents[name])} needed it"

    def list_without(self, name: str, excluded: Collection[str]) -> tuple[str, ...]:
        """The excluded services that a service needs: its fallbacks are used."""
        return tuple(
            gate.service
            for gate in self._steps[name].gates
            if gate.is_optional and gate.service in excluded
        )

    def list_startable(
        self,
        waiting: Collection[str],
        is_open: Callable[[Gate], bool],
        excluded: Collection[str],
    ) -> tuple[str, ...]:
        """Which of the waiting services can be started together now.

        All that a service needs optionally is settled: its gate is open, or it is
        excluded. What it requires is open, or is started with it: a gate between the
        two is left to whatever starts them.
        """
        chosen: dict[str, None] = {}
        for step in self.plan.steps:  # in the order of needs
            if step.name not in waiting or step.name in excluded:
                continue
            if all(
                is_open(gate)
                or (gate.is_optional and gate.service in excluded)
                or (gate.service in chosen and not self.is_fallback(gate))
                for gate in step.gates
            ):
                chosen[step.name] = None
        return tuple(chosen)


def vary_step(
    plan: Plan,
    name: str,
    without: Collection[str],
    *,
    addressing: Addressing | None = None,
) -> Step:
    """The step of a service as it starts without some of those that it needs.

    Its environment, networks and replicas are those of the fallbacks; ``addressing`` is
    that of the plan.
    """
    step = next(each for each in plan.steps if each.name == name)
    if not without:
        return step
    included = frozenset(plan.names).difference(without)
    varied = make_step(Templates(plan.stack), step.service, included, addressing)
    return replace(varied, worst_wait=step.worst_wait, is_required=step.is_required)


def vary_plan(
    plan: Plan,
    without: Mapping[str, Collection[str]],
    *,
    addressing: Addressing | None = None,
) -> Plan:
    """The plan in which each service starts without those that are given for it.

    All services stay in it, excluded ones too, so that what others use of them stays.
    """
    steps = (
        vary_step(plan, each.name, without.get(each.name, ()), addressing=addressing)
        for each in plan.steps
    )
    return refill_plan(plan, steps)


def list_exclusions(plan: Plan, excluded: Mapping[str, str]) -> tuple[Excluded, ...]:
    """What was excluded after the plan was made, why, and what is done instead."""
    kept = frozenset(plan.names).difference(excluded)
    return list_excluded(plan.stack, excluded, kept)


def _list_required(step: Step) -> tuple[str, ...]:
    return tuple(gate.service for gate in step.gates if not gate.is_optional)
