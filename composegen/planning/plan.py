"""A stack and a selection become a Plan: steps, gates, environment, reasons.

The plan is the one value that everything later comes from: what is rendered and what
is run cannot disagree on order, gates, environment or what is excluded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from composegen.graph import sort_graph
from composegen.model import Secret, SecretKind, SecretUse, Service, Stack
from composegen.needs import Condition, Later, Need
from composegen.planning.addressing import Addressing, choose_addressing
from composegen.planning.choices import settle_choices
from composegen.planning.credentials import name_url_secret
from composegen.planning.fallbacks import Excluded, choose_fallback, list_excluded
from composegen.planning.needs import Needs
from composegen.planning.networks import (
    list_networks,
    list_raw_mounts,
    list_raw_networks,
)
from composegen.planning.placeholders import Templates
from composegen.planning.selection import Selection, check_names, select_services
from composegen.records import field, record, replace


@record
class Gate:
    """What a step waits for; an optional gate is skipped when it does not open.

    ``later`` says what the step does when the service of an optional gate fails after
    it was ready. ``waits_on_cluster`` is false where a pod of a cluster does not wait;
    elsewhere it does.
    """

    service: str
    condition: Condition
    is_optional: bool
    later: Later = Later.COPE
    waits_on_cluster: bool = True

    def __str__(self) -> str:
        words = {
            Condition.HEALTHY: "is healthy",
            Condition.FINISHED: "has finished",
            Condition.STARTED: "has started",
        }
        optional = " or times out" if self.is_optional else ""
        return f"{self.service} {words[self.condition]}{optional}"


@record
class Step:
    """One service to start.

    ``environment`` is complete; None passes a variable on. ``unset`` names variables of
    excluded needs that must not be set anywhere else. ``worst_wait`` is the number of
    seconds after which it starts at the latest, infinite behind a job.
    """

    service: Service
    gates: tuple[Gate, ...] = ()
    environment: Mapping[str, str | None] = field(default_factory=dict)
    unset: tuple[str, ...] = ()
    secrets: tuple[SecretUse, ...] = ()
    networks: tuple[str, ...] = ()
    replicas: int = 1
    worst_wait: float = 0
    is_required: bool = True

    @property
    def name(self) -> str:
        """The name of its service."""
        return self.service.name

    @property
    def worst_ready(self) -> float:
        """Seconds until it is ready or skipped, at the latest."""
        if self.service.job:
            return math.inf
        health = self.service.health
        if health is None or not health.can_be_asked:
            return self.worst_wait
        return self.worst_wait + health.boot.seconds


@record
class Plan:
    """What starts, in which order, waiting for what; what is excluded.

    ``secrets``, ``volumes`` and ``networks`` are those that are used, ``stores`` the
    services with an internal network of their own, ``added`` those that the selection
    includes by name or by group.
    """

    stack: Stack
    selection: Selection
    steps: tuple[Step, ...]
    excluded: tuple[Excluded, ...] = ()
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()
    added: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The services that take part, in the order of their steps."""
        return tuple(step.name for step in self.steps)


def make_plan(
    stack: Stack,
    selection: Selection | None = None,
    *,
    addressing: Addressing | None = None,
) -> Plan:
    """The plan for a selection of a stack that was checked.

    ``addressing`` is that of where dependent services run, containers unless another
    is given. Raises UsageError and SelectionError.
    """
    selection = selection or Selection()
    check_names(stack, selection)
    settled = settle_choices(stack, selection)
    stack = settled.stack
    needs = Needs(stack)
    selected = select_services(needs, settled.selection)
    reasons = {**selected.excluded, **settled.unchosen}
    required = _find_required(needs, selected.included)
    graph = {n: needed for n, needed in needs.all.items() if n in selected.included}
    steps: dict[str, Step] = {}
    templates = Templates(stack)
    for name in sort_graph(graph):
        service = stack.services[name]
        step = make_step(templates, service, selected.included, addressing)
        worst = max(
            (_wait_for(steps[gate.service], gate) for gate in step.gates), default=0
        )
        steps[name] = replace(step, worst_wait=worst, is_required=name in required)
    ordered = tuple(steps.values())
    return Plan(
        stack=stack,
        selection=selection,
        steps=ordered,
        excluded=list_excluded(stack, reasons, selected.included),
        secrets=_list_secrets(stack, ordered),
        volumes=_list_volumes(stack, ordered),
        networks=_list_networks(stack, ordered),
        stores=tuple(
            name
            for name, service in stack.services.items()
            if name in steps and service.has_own_network
        ),
        added=selected.added,
    )


def take_part(plan: Plan, names: Iterable[str]) -> Plan:
    """The plan's steps for some services and all that they need, as they are in it.

    What the named ones require is required. Every name must be one of the plan's.
    """
    needs = Needs(plan.stack)
    without = needs.all.keys() - {*plan.names}
    included = needs.close(names, without=without)
    required = needs.close_required(names, without=without)
    steps = tuple(
        replace(step, is_required=step.name in required)
        for step in plan.steps
        if step.name in included
    )
    return replace(
        refill_plan(plan, steps),
        excluded=tuple(
            each
            for each in plan.excluded
            if any(fallback.service in included for fallback in each.fallbacks)
        ),
        stores=tuple(name for name in plan.stores if name in included),
    )


def refill_plan(plan: Plan, steps: Iterable[Step]) -> Plan:
    """The plan with other steps, and with the secrets and volumes that those use."""
    made = tuple(steps)
    return replace(
        plan,
        steps=made,
        secrets=_list_secrets(plan.stack, made),
        volumes=_list_volumes(plan.stack, made),
        networks=_list_networks(plan.stack, made),
    )


def _find_required(needs: Needs, included: frozenset[str]) -> frozenset[str]:
    """Services without which the stack is not up: all but the optional ones.

    A service is optional when every included dependent service could do without it,
    or is optional itself.
    """
    roots = [name for name in included if included.isdisjoint(needs.dependents[name])]
    return needs.close_required(roots, without=needs.all.keys() - included)


def _wait_for(target: Step, gate: Gate) -> float:
    if gate.condition is Condition.STARTED:
        return target.worst_wait
    return target.worst_ready


def make_step(
    templates: Templates,
    service: Service,
    included: frozenset[str],
    addressing: Addressing | None,
) -> Step:
    """One step: what a service waits for and gets where these services take part."""
    stack = templates.stack
    addressing = addressing or choose_addressing(service)
    gates: list[Gate] = []
    environment = dict(service.environment)
    mounts = {use.name: use for use in service.secrets}
    for use in service.secrets:
        for variable in use.variables:
            environment[variable] = addressing.find_secret(use.name)
    for need in service.needs:
        if need.service not in included:
            continue
        gates.append(_make_gate(need))
        target = stack.services[need.service]
        for variable, template in need.env.items():
            filled = templates.fill(template, target, addressing)
            environment[variable] = filled.text
            for secret in filled.mounts:
                mounts.setdefault(secret, SecretUse(name=secret))
    fallback = choose_fallback(service, included)
    environment |= fallback.env
    return Step(
        service=service,
        gates=tuple(gates),
        environment=environment,
        unset=tuple(name for name in fallback.absent if name not in environment),
        secrets=tuple(mounts.values()),
        networks=tuple(
            network
            for network in list_networks(stack, service)
            if network in included or not _is_own_network(stack, network)
        ),
        replicas=fallback.replicas,
    )


def _make_gate(need: Need) -> Gate:
    later = need.otherwise.later if need.otherwise is not None else Later.COPE
    return Gate(
        service=need.service,
        condition=need.until,
        is_optional=need.is_optional,
        later=later,
        waits_on_cluster=need.waits_on_cluster,
    )


def _list_secrets(stack: Stack, steps: tuple[Step, ...]) -> dict[str, Secret]:
    used = {use.name for step in steps for use in step.secrets}
    secrets = {name: stack.secrets[name] for name in stack.secrets if name in used}
    for step in steps:
        name = name_url_secret(step.name)
        if name in used and name not in secrets:
            secrets[name] = Secret(name=name, kind=SecretKind.URL, source=step.name)
    return secrets


def _list_volumes(stack: Stack, steps: tuple[Step, ...]) -> tuple[str, ...]:
    """The volumes that the steps mount, and all where a variable may name any."""
    included = {step.name for step in steps}
    mounts = [
        mount
        for name, service in stack.services.items()
        if name in included
        for mount in (*service.volumes, *list_raw_mounts(service))
    ]
    names = [mount.volume_name for mount in mounts if mount.volume_name]
    if any(mount.may_be_any_volume for mount in mounts):
        names += stack.volumes
    return tuple(dict.fromkeys(names))


def _is_own_network(stack: Stack, name: str) -> bool:
    """Whether a network is a data store's own."""
    return name in stack.services and stack.services[name].has_own_network


def _list_networks(stack: Stack, steps: tuple[Step, ...]) -> tuple[str, ...]:
    """The networks to declare: those that the steps are on, but no data store's own.

    A network that only raw settings name is one of the declared ones, or any of them
    where a variable may name it.
    """
    names = [name for step in steps for name in step.networks]
    used = [name for name in names if not _is_own_network(stack, name)]
    raw = [name for step in steps for name in list_raw_networks(step.service)]
    may_be_any = any("$" in name for name in raw)
    declared = [
        name for name in stack.networks if may_be_any or name in used or name in raw
    ]
    return tuple(dict.fromkeys([*declared, *used]))


def reduce_stack(plan: Plan) -> Stack:
    """The plan's services alone, with what they need of each other."""
    services = {
        step.name: replace(
            step.service,
            needs=tuple(n for n in step.service.needs if n.service in plan.names),
        )
        for step in plan.steps
    }
    return replace(plan.stack, services=services)
