"""A plan that is about to be applied to a cluster becomes notes for later commands."""

from __future__ import annotations

from typing import Any

from composegen.health import DEFAULT_BOOT, Health
from composegen.places.cluster.contexts import Where
from composegen.places.cluster.notes import NotedService, Notes
from composegen.places.noted import NotedNeed
from composegen.planning.addressing import name_on_cluster
from composegen.planning.asking import asks_a_port
from composegen.planning.definition import digest_definition
from composegen.planning.plan import Plan, Step
from composegen.planning.printing import describe_excluded
from composegen.records import replace


def make_notes(plan: Plan, project: str, where: Where) -> Notes:
    """The notes of a plan that is about to be brought up."""
    return Notes(
        project=project,
        context=where.context,
        server=where.server,
        namespace=where.namespace,
        file=plan.stack.file,
        flags=plan.selection.flags,
        services=tuple(_note_service(plan, step) for step in plan.steps),
        left_out=tuple(describe_excluded(plan)),
    )


def merge_notes(old: Notes | None, new: Notes) -> Notes:
    """The notes of a project of which some services are brought up again."""
    if old is None or (old.project, old.where) != (new.project, new.where):
        return new
    taken = new.names
    return replace(
        new,
        flags=old.flags,
        made_namespace=old.made_namespace or new.made_namespace,
        services=old.merge_services(new),
        left_out=tuple(each for each in old.left_out if each["service"] not in taken),
        stopped=tuple(each for each in old.stopped if each.service not in taken),
        excluded=old.merge_excluded(new),
    )


def _note_service(plan: Plan, step: Step) -> NotedService:
    service, health = step.service, step.service.health
    is_asked = health is not None and health.can_be_asked and not service.job
    return NotedService(
        name=step.name,
        object=name_on_cluster(step.name),
        is_required=step.is_required,
        is_job=service.job,
        is_asked=is_asked,
        is_built=service.build is not None,
        boot=(health.boot if health and is_asked else DEFAULT_BOOT).seconds,
        replicas=step.replicas,
        port=service.port,
        needs=tuple(
            NotedNeed(
                service=gate.service, is_optional=gate.is_optional, later=gate.later
            )
            for gate in step.gates
        ),
        definition=digest_definition(plan.stack.services, step.name),
        **_describe_check(health, service.port),
    )


def _describe_check(health: Health | None, port: int | None) -> dict[str, Any]:
    if health is None:
        return {}
    asked = (health.port or port) if asks_a_port(health) else None
    return {"check": health.kind.value, "path": health.path, "check_port": asked}
