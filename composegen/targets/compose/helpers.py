"""The container that asks a service from outside whether it is ready.

It is the only container that composegen adds to those of a stack, for images that
hold no tool to ask with.
"""

from __future__ import annotations

from composegen.health import Health, HealthKind
from composegen.model import Resources, Service, Stack
from composegen.needs import Condition
from composegen.planning.addressing import ContainerAddressing
from composegen.planning.asking import find_helper
from composegen.planning.networks import find_owner, list_raw_networks
from composegen.planning.plan import Gate, Step
from composegen.records import replace
from composegen.targets.compose.probes import choose_start_interval, make_outside_test

_USER = "65534:65534"
_MEMORY = "32M"
_PIDS = 64


def make_helper(step: Step, stack: Stack, shared: tuple[str, ...] = ()) -> Step | None:
    """The helper of a service as one more step; None for one that needs none.

    ``shared`` are the networks of the service whose network it shares, if it does.
    """
    service = step.service
    name = find_helper(service)
    if not name or service.health is None:
        return None
    raw = list_raw_networks(find_owner(stack, service))
    host, _ = ContainerAddressing().find_address(service)
    helper = Service(
        name=name,
        image=stack.probe_image,
        user=_USER,
        passed={"command": ["sleep", "infinity"]},
        health=_make_health(service.health, host),
        resources=Resources(cpus=stack.resources.cpus, memory=_MEMORY, pids=_PIDS),
        compose={"networks": [*raw]} if raw else {},
    )
    gate = Gate(service=step.name, condition=Condition.STARTED, is_optional=False)
    return Step(service=helper, gates=(gate,), networks=shared or step.networks)


def _make_health(health: Health, host: str) -> Health:
    """The same check as a command, which nothing here has to read again."""
    kind, *words = make_outside_test(health, host)
    assert kind == "CMD"
    return replace(
        health,
        kind=HealthKind.COMMAND,
        command=tuple(words),
        start_interval=choose_start_interval(health),
        is_outside=False,
    )
