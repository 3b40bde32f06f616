"""Who needs whom, and whether what is waited for can happen."""

from __future__ import annotations

from composegen.graph import find_cycle
from composegen.health import HealthKind
from composegen.images.checks import write_known_check
from composegen.model import Service
from composegen.needs import Condition, Later
from composegen.planning.needs import Needs
from composegen.planning.selection import (
    describe_missing,
    find_missing,
    list_included,
    suggest_flags,
    suggest_otherwise,
)
from composegen.stackfile.checks.checked import Checked
from composegen.stackfile.checks.images import find_recipe
from composegen.stackfile.checks.jobs import looks_like_job
from composegen.text import list_some, shorten, suggest

_MOST_NEAR = 20
_MOST_CYCLES = 100
_NO_CHECK = "health: {none: it listens on nothing}"


def check_names(checked: Checked) -> None:
    """Every need names a service."""
    searched = 0
    for service in checked.stack.services.values():
        for need in service.needs:
            if need.service not in checked.stack.services:
                searched += 1
                # Who misspells more than this has another problem.
                names = checked.stack.services if searched <= _MOST_NEAR else ()
                checked.add(
                    "unknown-service",
                    f"`{service.name}` needs `{shorten(need.service)}`, which is not "
                    "in this stack",
                    ("services", service.name, "needs", need.service),
                    suggest(
                        need.service,
                        names,
                        f"there are {list_some(checked.stack.services)}",
                    ),
                )


def check_cycle(checked: Checked) -> None:
    """Needs go in one direction."""
    graph = dict(Needs(checked.stack).all)
    for _ in range(_MOST_CYCLES):
        cycle = find_cycle(graph)
        if cycle is None:
            return
        message = f"these services wait for each other: {' -> '.join(cycle)}"
        help = "remove one of these needs"
        if len(set(cycle)) == 1:
            message, help = f"`{cycle[0]}` waits for itself", "remove this need"
        checked.add("cycle", message, ("services", cycle[0], "needs", cycle[1]), help)
        for name in cycle:
            graph[name] = tuple(n for n in graph[name] if n not in cycle)


def check_conditions(checked: Checked) -> None:
    """What is waited for can happen."""
    for service, need, target in checked.needs():
        path = ("services", service.name, "needs", target.name)
        if need.until is Condition.FINISHED and not target.job:
            if not checked.is_broken(target.name, "job"):
                checked.add(
                    "finished-no-job",
                    f"`{service.name}` waits until `{target.name}` has finished, but "
                    f"`{target.name}` is not a job",
                    path,
                    f"wait until it is healthy, or make `{target.name}` a job:\n"
                    "job: true",
                )
        elif need.until is Condition.HEALTHY and target.job:
            checked.add(
                "job-health",
                f"`{service.name}` waits until the job `{target.name}` is healthy",
                path,
                "wait until the job has finished: {until: finished}",
            )
        elif need.until is Condition.HEALTHY and not checked.is_broken(
            target.name, "health", "build", "image"
        ):
            _check_can_be_asked(checked, service, target, path)


def _check_can_be_asked(
    checked: Checked, service: Service, target: Service, path: tuple[str, ...]
) -> None:
    if target.health is None:
        checked.add(
            "healthy-unasked",
            f"`{service.name}` needs `{target.name}` to be healthy, but "
            f"`{target.name}` has no health check",
            path,
            _suggest_check(target, f"add a health check to `{target.name}`"),
        )
    elif target.health.kind is HealthKind.NONE:
        checked.add(
            "healthy-unasked",
            f"`{service.name}` needs `{target.name}` to be healthy, but "
            f"`{target.name}` has `health: none`",
            path,
            f"wait until it has started:\n{_suggest_less(service, target)}",
        )


def _suggest_less(service: Service, target: Service) -> str:
    """The need with a condition that can come true; others stay as they are."""
    less = next(
        f"{need.written}: {{until: started}}"
        for need in service.needs
        if need.service == target.name
    )
    if any(need.env or need.otherwise is not None for need in service.needs):
        return f"needs:\n  {less}"
    needs = [
        less
        if need.service == target.name
        else f"{need.written}: "
        if need.until is Condition.HEALTHY
        else f"{need.written}: {{until: {need.until.value}}}"
        for need in service.needs
    ]
    return f"needs: {{{', '.join(needs)}}}"


def _suggest_check(service: Service, doing: str) -> str:
    """The lines that give a service a health check: its recipe, or `health`."""
    if looks_like_job(service):
        return (
            f"`{service.name}` looks like a job, which ends by itself: make it one:\n"
            "job: true"
        )
    recipe = find_recipe(service)
    if recipe:
        return (
            f"use the recipe for the image of `{service.name}`, which has a health "
            f"check:\nuse: {recipe}"
        )
    return f"{doing}:\n{_suggest_health(service)}"


def _suggest_health(service: Service) -> str:
    if service.build is not None and service.build.has_healthcheck:
        return "health: image     # its Dockerfile has a HEALTHCHECK"
    if service.build is None and service.facts is not None and service.facts.health:
        return write_known_check(service.facts, service.port)
    udp = {port.first_target for port in service.publish if port.protocol == "udp"}
    tcp = {port.first_target for port in service.publish if port.protocol == "tcp"}
    if service.port in udp - tcp:
        return "health: {command: [..]}     # a UDP port cannot be asked"
    if service.port is not None:
        return f"health: /health     # a path that answers 200 on port {service.port}"
    if service.network_owner:
        owner = service.network_owner
        return f"health: {{command: [..]}}     # it shares the network of `{owner}`"
    if service.is_isolated:
        return "health: {command: [..]}     # it has no network"
    exposed = [] if service.build is None else list(service.build.exposed)
    exposed = [port for port in exposed if not port.endswith("/udp")]
    if exposed:
        port = exposed[0].partition("/")[0]
        why = "if it listens there: its Dockerfile exposes it"
        return f"port: {port}     # {why}\nhealth: /health"
    return "port: 8080\nhealth: /health"


def _suggest_check_or_none(service: Service) -> str:
    """A health check; for a service that may listen on nothing, also how to say that.

    One in the network of another service rather has no port of its own.
    """
    text = _suggest_check(service, "add a health check")
    lines = text.splitlines()
    if lines[-1] == "health: /health":
        return f"{text}\nor, if it listens on nothing, the reason:\n{_NO_CHECK}"
    if service.port is None and "{command: [..]}" in lines[-1]:
        return f"if it listens on nothing, write the reason:\n{_NO_CHECK}\nor {text}"
    return text


def check_unasked(checked: Checked) -> None:
    """A service without dependent services should have a health check, too."""
    waited = {
        target.name
        for _, need, target in checked.needs()
        if need.until in {Condition.HEALTHY, Condition.FINISHED}
    }
    for service in checked.stack.services.values():
        if (
            service.health is None
            and not service.job
            and service.name not in waited
            and not checked.is_broken(service.name, "health", "use", "*")
        ):
            checked.add(
                "unasked",
                f"`{service.name}` has no health check: composegen cannot tell when it "
                "is ready",
                ("services", service.name),
                _suggest_check_or_none(service),
            )


def check_jobs(checked: Checked) -> None:
    """A job is waited for until it has finished, runs once, and has no health."""
    waited = {target.name for _, _, target in checked.needs()}
    for service in checked.stack.services.values():
        place = ("services", service.name, "health")
        health = service.health
        is_asked = health is not None and health.kind is not HealthKind.NONE
        if service.job and is_asked and place in checked.stack.places:
            checked.add(
                "unused-health",
                f"`{service.name}` is a job: dependent services wait until it has "
                "finished, and nothing waits for its health",
                place,
                "remove `health`, or `job` if the service goes on running",
            )
        if service.job and service.restart not in {"", "no"}:
            checked.add(
                "job-restart",
                f"`{service.name}` is a job, which is never restarted, but its "
                f"`restart` is `{shorten(service.restart)}`",
                ("services", service.name, "restart"),
                "remove `restart`, or `job` if the service goes on running",
            )
        if service.job and service.name not in waited:
            checked.add(
                "job-unwaited",
                f"no service waits for the job `{service.name}`",
                ("services", service.name, "job"),
                f"let a service need it:\nneeds: [{service.name}]",
            )


def check_later(checked: Checked) -> None:
    """What `later` says can happen: a job does not run on."""
    for service, need, target in checked.needs():
        path = ("services", service.name, "needs", need.service, "otherwise", "later")
        is_restart = (
            need.otherwise is not None and need.otherwise.later is Later.RESTART
        )
        job = next((each for each in (service, target) if each.job), None)
        if is_restart and job is not None:
            why = (
                "it is not restarted"
                if job is service
                else "it does not fail after it has finished"
            )
            checked.add(
                "unused-later",
                f"`later: restart` has no effect: `{job.name}` is a job, and {why}",
                path,
                "remove `later`",
            )


def check_excluded(checked: Checked) -> None:
    """The selected services have what they require, and at least one is left."""
    services = checked.stack.services
    if checked.selection is None or not services:
        return
    needs = Needs(checked.stack)
    if not services.keys() >= {name for named in needs.all.values() for name in named}:
        return
    if find_cycle(needs.all):
        return
    missing = find_missing(needs, checked.selection)
    for each in missing:
        flags = suggest_flags(missing)
        otherwise = suggest_otherwise(missing)
        checked.add(
            "left-out",
            describe_missing(each),
            ("services", each.chain[-2], "needs", each.service),
            flags if flags == otherwise else f"{flags}\nor: {otherwise}",
        )
    if missing:
        return
    if not checked.selection.flags and not list_included(needs, checked.selection):
        first = next(iter(services))
        checked.add(
            "all-excluded",
            "every service is excluded by default: each command needs a selection",
            ("services", first),
            f"include one, as in `composegen up --with {first}`, or enable one",
        )
