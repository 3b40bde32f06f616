"""``composegen push``: builds images, pushes them, and says which digests they have."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from composegen.errors import ComposeFailed, ExitCode, Interrupted
from composegen.places.engine.client import Engine
from composegen.places.engine.compose import Project, find_docker, run_compose
from composegen.places.engine.compose_lines import find_complaint
from composegen.places.engine.endpoint import find_endpoint
from composegen.planning.plan import Plan, refill_plan
from composegen.records import replace
from composegen.system.signals import catch_signals
from composegen.targets.compose.render import render_plan
from composegen.values import find_default
from composegen.workspace.workspace import Workspace


def push_images(
    plan: Plan,
    images: Mapping[str, str],
    workspace: Workspace,
    show: Callable[[str], None],
    *,
    in_terminal: bool,
) -> dict[str, str]:
    """Build the images of services and push them; the digest of each.

    ``images`` are their names by service; ``show`` gets what Compose prints. Raises
    EngineUnreachable, ComposeMissing, ComposeFailed and Interrupted.
    """
    find_docker()
    endpoint = find_endpoint(workspace.environment)
    names = {service: find_default(image) for service, image in images.items()}
    [file] = render_plan(_name_images(plan, names))
    project = Project(
        name=workspace.find_project(plan.stack.name),
        folder=workspace.folder,
        endpoint=endpoint,
        text=file.text,
        environment=workspace.environment,
    )
    with catch_signals(_interrupt), Engine(endpoint) as engine:
        # Without a terminal, each step of a push would be a line.
        quiet = () if in_terminal else ("--quiet",)
        for verb, *flags in (("build",), ("push", *quiet)):
            code, said = run_compose(
                project, verb, *flags, *names, show=show, in_terminal=in_terminal
            )
            if code:
                raise _explain(verb, code, said)
        return {name: _find_digest(engine, image) for name, image in names.items()}


def _interrupt(code: ExitCode) -> None:
    raise Interrupted(code, help="images.lock is as it was: composegen push")


def _name_images(plan: Plan, names: Mapping[str, str]) -> Plan:
    """The plan in which services have the images that are pushed."""
    steps = (
        replace(step, service=replace(step.service, image=names[step.name]))
        if step.name in names
        else step
        for step in plan.steps
    )
    return refill_plan(plan, steps)


def _explain(verb: str, code: int, said: str) -> ComposeFailed:
    complaint = find_complaint(said.splitlines())
    what = "built" if verb == "build" else "pushed"
    help = (
        "the registry has to answer over TLS, or on 127.0.0.1, and may want a login: "
        "docker login REGISTRY"
        if verb == "push"
        else "the lines above say why"
    )
    return ComposeFailed(
        f"the images cannot be {what} (exit code {code}): {complaint}", help=help
    )


def _find_digest(engine: Engine, image: str) -> str:
    """The digest under which an image was pushed. Raises ComposeFailed."""
    digest = engine.find_digest(image)
    if not digest:
        raise ComposeFailed(f"the engine knows no digest of {image}, which was pushed")
    return digest
