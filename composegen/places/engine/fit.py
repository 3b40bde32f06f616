"""Whether a plan fits the engine: its limits, and the files that the stack names.

What does not fit is a problem with its place in the stack file. A default that the
engine cannot give is lowered, since the stack file does not ask for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from composegen.errors import Level, Location, Problem, ProblemsFound
from composegen.model import Resources, Service
from composegen.places.engine.containers import Machine
from composegen.planning.limits import Limit, find_limits
from composegen.planning.named import find_fault, list_named_paths
from composegen.planning.plan import Plan
from composegen.planning.port_values import Fill, list_bad_ports
from composegen.records import record, replace
from composegen.targets.files import Options
from composegen.text import count, list_some

_CANNOT_RUN = "cannot-run"


@record
class Fitted:
    """A plan whose defaults the engine can give, and what was lowered, if anything."""

    plan: Plan
    note: str = ""


def fit_plan(
    plan: Plan,
    folder: Path,
    machine: Machine,
    *,
    is_local: bool,
    builds: bool = True,
    is_classic: bool = False,
    makes_folders: Callable[[], bool] = lambda: True,
    fill: Fill | None = None,
) -> Fitted:
    """The plan as this engine can start it.

    ``is_local`` says that the engine sees the same files as we do, ``builds`` that
    images are built, ``is_classic`` by the classic builder, ``makes_folders`` whether
    Compose makes those that are missing, ``fill`` what variables hold. Raises
    ProblemsFound with everything that does not fit.
    """
    missing = list_missing(
        plan, folder, is_local=is_local, builds=builds, makes_folders=makes_folders
    )
    inline = list_inline(plan) if builds and is_classic else ()
    services = [step.service for step in plan.steps]
    ports = () if fill is None else list_bad_ports(plan.stack, services, fill)
    found = [*list_excess(plan, machine), *missing, *inline, *ports]
    errors = [problem for problem in found if problem.level is Level.ERROR]
    if errors:
        raise ProblemsFound(tuple(sorted(errors, key=lambda problem: problem.order)))
    return lower_defaults(plan, machine)


def fit_options(options: Options, machine: Machine) -> Options:
    """How to render what Compose hands to this engine, whatever the file is for."""
    return replace(options, for_podman=machine.is_podman)


def fit_environment(
    environment: Mapping[str, str], machine: Machine
) -> Mapping[str, str]:
    """What Compose finds in its environment for this engine.

    BuildKit would be a container on Podman, from an image of its own; Podman's builder
    is the one that Compose takes for the classic one.
    """
    if not machine.is_podman or "DOCKER_BUILDKIT" in environment:
        return environment
    return {**environment, "DOCKER_BUILDKIT": "0"}


def list_inline(plan: Plan) -> Iterator[Problem]:
    """Each Dockerfile in the stack file.

    With the classic builder Compose builds the one of the folder instead, and says
    nothing.
    """
    for step in plan.steps:
        for keys in (("build",), ("compose", "build")):
            place = ("services", step.name, *keys, "dockerfile_inline")
            if place in plan.stack.places:
                yield Problem(
                    name=_CANNOT_RUN,
                    message=f"`{step.name}` is built from `dockerfile_inline`, which "
                    "Compose ignores without BuildKit",
                    location=plan.stack.places[place],
                    help="write it into a file: build: {context: ., dockerfile: FILE}",
                )


# Limits


def list_excess(plan: Plan, machine: Machine) -> Iterator[Problem]:
    """Each written limit that is above what the engine has."""
    reported: set[Location] = set()
    for step in plan.steps:
        limits = find_limits(step.service)
        for name, most in (("cpus", machine.cpus), ("memory", machine.memory)):
            limit = limits[name]
            is_above = limit.amount is not None and 0 < most < limit.amount
            if limit.is_default or not is_above:
                continue
            location = _find_place(plan, limit)
            if location not in reported:
                reported.add(location)
                yield _describe_excess(step.service, limit, machine, location)


def _find_place(plan: Plan, limit: Limit) -> Location:
    """Where a limit is written: at the service, or at the top level for all."""
    own = limit.place
    is_own = own in plan.stack.places or own[2:3] == ("compose",)
    return plan.stack.places[own if is_own else ("resources", limit.name)]


def _describe_excess(
    service: Service, limit: Limit, machine: Machine, location: Location
) -> Problem:
    if limit.name == "cpus":
        has, most = count(machine.cpus, "processor"), str(machine.cpus)
        wants = f"{limit.text} processors"
    else:
        most = f"{machine.memory >> 20}M"
        has, wants = f"{most} of memory", f"{limit.text} of memory"
    return Problem(
        name=_CANNOT_RUN,
        message=f"`{service.name}` may use {wants}, but the engine has {has}",
        location=location,
        help=f"at most what the engine has, or no limit:\n"
        f"resources: {{{limit.name}: {most}}}     # or none",
    )


def lower_defaults(plan: Plan, machine: Machine) -> Fitted:
    """The plan with each default of processors that is above the engine's lowered."""
    default = float(Resources().cpus)
    if not 0 < machine.cpus < default:
        return Fitted(plan=plan)
    lowered = [
        step.name for step in plan.steps if find_limits(step.service)["cpus"].is_default
    ]
    if not lowered:
        return Fitted(plan=plan)
    stack = replace(plan.stack, resources=_lower(plan.stack.resources, machine))
    steps = (
        replace(
            step,
            service=replace(
                step.service, resources=_lower(step.service.resources, machine)
            ),
        )
        for step in plan.steps
    )
    return Fitted(
        plan=replace(plan, stack=stack, steps=tuple(steps)),
        note=f"the engine has {count(machine.cpus, 'processor')}: the default limit of "
        f"{default:g} is {machine.cpus} for {list_some(lowered)}",
    )


def _lower(resources: Resources, machine: Machine) -> Resources:
    if "cpus" in resources.written:
        return resources
    return replace(resources, cpus=str(machine.cpus))


# Files


def list_missing(
    plan: Plan,
    folder: Path,
    *,
    is_local: bool,
    builds: bool = True,
    makes_folders: Callable[[], bool] = lambda: True,
) -> Iterator[Problem]:
    """Each file or folder that containers of the plan need and that is not there.

    ``makes_folders`` is asked where one is missing that a newer Compose makes.
    What only the build of an optional service needs is a warning: without it the
    service is excluded.
    """
    required = {step.name for step in plan.steps if step.is_required}
    services = [step.service for step in plan.steps]
    for named in list_named_paths(plan.stack, services, with_late=True):
        is_elsewhere = named.is_mounted and not is_local
        if named.is_local or is_elsewhere or (named.is_built and not builds):
            continue
        fault = find_fault(named, folder)
        if fault is not None and not (named.is_made and makes_folders()):
            message, help = fault
            is_warning = named.is_built and named.place[1] not in required
            yield Problem(
                name="missing-file",
                message=message,
                location=plan.stack.places[named.place],
                help=help,
                level=Level.WARNING if is_warning else Level.ERROR,
            )
