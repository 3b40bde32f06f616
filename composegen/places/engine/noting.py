"""A plan that is about to be brought up becomes notes for later commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from composegen.errors import ComposegenError
from composegen.health import DEFAULT_BOOT, Health, HealthKind
from composegen.model import SecretKind, Service
from composegen.places.engine.containers import Container
from composegen.places.engine.endpoint import Endpoint
from composegen.places.engine.notes import (
    NotedService,
    Notes,
    load_notes,
)
from composegen.places.engine.renewal import find_made
from composegen.places.noted import NotedNeed
from composegen.planning.asking import asks_a_port, find_helper
from composegen.planning.credentials import find_credentials
from composegen.planning.definition import digest_definition
from composegen.planning.numbers import fill_numbers
from composegen.planning.plan import Plan, Step
from composegen.planning.printing import describe_excluded
from composegen.planning.restarts import guess_restart
from composegen.ports import Port
from composegen.records import replace
from composegen.values import find_default
from composegen.workspace.state import NotTrusted


def make_notes(
    plan: Plan,
    project: str,
    endpoint: Endpoint,
    fill: Callable[[str], str] = find_default,
) -> Notes:
    """The notes of a plan that is about to be brought up.

    ``fill`` fills the variables that say a number, by their defaults unless given.
    """
    return Notes(
        project=project,
        host=endpoint.host,
        context=endpoint.context,
        settings=endpoint.settings,
        file=plan.stack.file,
        flags=plan.selection.flags,
        services=tuple(_note_service(plan, step, fill, project) for step in plan.steps),
        left_out=tuple(describe_excluded(plan)),
    )


def recall_made(
    folder: Path, made: Notes, containers: Iterable[Container] = ()
) -> Notes:
    """The notes of what is about to be brought up, with what was made before.

    A service that runs may have been made without some of those that it needs.
    """
    try:
        before = load_notes(folder)
    except NotTrusted:
        before = None
    if before is None or not before.is_same_project(made):
        return made
    had = {each.name: each.without for each in before.services}
    definitions = {
        each.name: find_made(before, each, containers) for each in before.services
    }
    services = (
        replace(
            each,
            made=definitions.get(each.name, ""),
            without=tuple(
                need.service
                for need in each.needs
                if need.is_optional and need.service in had.get(each.name, ())
            ),
        )
        for each in made.services
    )
    return replace(made, services=tuple(services))


def merge_notes(old: Notes, new: Notes) -> Notes:
    """The notes of a project of which some services are brought up again.

    What is noted of the others stays, and who is required in the whole.
    """
    taken = new.names
    return replace(
        note_seen(old, new, taken),
        file=new.file,
        services=old.merge_services(new),
        left_out=tuple(each for each in old.left_out if each["service"] not in taken),
        excluded=old.merge_excluded(new),
        interrupted=new.interrupted,
    )


def note_seen(old: Notes, new: Notes, names: Iterable[str]) -> Notes:
    """What was seen of some services while they were started, instead of before."""
    started = {*names}
    kept = tuple(each for each in old.failures if each.service not in started)
    added = tuple(each for each in new.failures if each.service in started)
    return replace(
        old,
        complaint=new.complaint or (old.complaint if kept else ""),
        complained_at=new.complained_at if new.complaint else old.complained_at,
        failures=(*kept, *added),
        deaths=tuple(dict.fromkeys((*old.deaths, *new.deaths))),
    )


def _note_service(
    plan: Plan, step: Step, fill: Callable[[str], str], project: str
) -> NotedService:
    service = _fill_numbers(step.service, fill)
    health = service.health
    is_asked = health is not None and health.can_be_asked
    secret = find_credentials(service).password_secret
    restart = guess_restart(service)
    return NotedService(
        name=step.name,
        is_required=step.is_required,
        is_job=service.job,
        is_asked=is_asked,
        is_http=health is not None and health.kind is HealthKind.HTTP,
        is_restarted=not service.job and restart.word != "no",
        on_failure=restart.word == "on-failure",
        boot=(health.boot if health and is_asked else DEFAULT_BOOT).seconds,
        replicas=service.replicas
        if step.replicas == step.service.replicas
        else step.replicas,
        port=service.port,
        needs=tuple(
            NotedNeed(
                service=gate.service, is_optional=gate.is_optional, later=gate.later
            )
            for gate in step.gates
        ),
        password_file=_find_file(plan, secret),
        definition=digest_definition(plan.stack.services, step.name),
        helper=find_helper(service),
        image=_find_image(service) or f"{project}-{step.name}",
        helper_image=plan.stack.probe_image if find_helper(service) else "",
        shares=service.network_owner,
        is_built=service.build is not None or "build" in service.compose,
        publish=tuple(_write_published(port) for port in service.publish),
        says_port=bool(service.recipe)
        or ("services", step.name, "port") in plan.stack.places,
        **_describe_check(service.health),
    )


def _fill_numbers(service: Service, fill: Callable[[str], str]) -> Service:
    """The service with its real numbers; of a bad one, Compose says what is wrong."""
    try:
        return fill_numbers(service, fill)
    except (ValueError, ComposegenError):
        return fill_numbers(service, find_default)


def _describe_check(health: Health | None) -> dict[str, Any]:
    if health is None:
        return {}
    port = health.port if asks_a_port(health) else None
    return {
        "check": health.kind.value,
        "path": health.path,
        "host": health.host,
        "check_port": port,
    }


def _write_published(port: Port) -> str:
    """A published port as it is written; without a target where it has none there."""
    address = "" if port.address == "127.0.0.1" else f"{port.host}:"
    target = "" if port.is_filled else f":{port.target}"
    protocol = "" if port.protocol == "tcp" else f"/{port.protocol}"
    return f"{address}{port.shown}{target}{protocol}"


def _find_image(service: Service) -> str:
    """The image of a service as it is written; empty where Compose names it."""
    return str(service.compose.get("image") or service.image)


def _find_file(plan: Plan, secret: str) -> str:
    found = plan.secrets.get(secret) or plan.stack.secrets.get(secret)
    return "" if found is None or found.kind is SecretKind.URL else found.file
