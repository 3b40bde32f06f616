"""What a service waits for, as ``depends_on`` says it."""

from __future__ import annotations

from collections.abc import Mapping

from composegen.model import Raw, Service
from composegen.needs import Condition
from composegen.planning.asking import find_helper
from composegen.planning.plan import Step

CONDITIONS = {
    Condition.HEALTHY: "service_healthy",
    Condition.FINISHED: "service_completed_successfully",
    Condition.STARTED: "service_started",
}
"""What a need waits for, in Compose's words."""


def word_gates(
    step: Step, services: Mapping[str, Service], *, is_helper: bool = False
) -> dict[str, Raw]:
    """Compose's ``depends_on`` of a service; a helper restarts with what it asks."""
    gates: dict[str, Raw] = {}
    for gate in step.gates:
        needed = services.get(gate.service)
        helper = find_helper(needed) if needed is not None else ""
        waits = {gate.service: gate.condition}
        if helper and gate.condition is Condition.HEALTHY:
            waits = {gate.service: Condition.STARTED, helper: Condition.HEALTHY}
        for name, condition in waits.items():
            entry: dict[str, Raw] = {"condition": CONDITIONS[condition]}
            if is_helper or name == step.service.network_owner:
                # Its network is another one after a restart of that service.
                entry["restart"] = True
            if gate.is_optional:
                entry["required"] = False
            gates[name] = entry
    return gates
