"""What `doctor` says of an engine for a plan: its limits and its images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from composegen.paths import is_folder
from composegen.places.engine.containers import Machine
from composegen.places.engine.fit import list_excess, lower_defaults
from composegen.places.engine.images import (
    Asked,
    Source,
    WantedImage,
    describe_found,
    find_images,
)
from composegen.places.findings import (
    Finding,
    Where,
    say_doubtful,
    say_fine,
    say_problem,
)
from composegen.planning.plan import Plan

_SYSTEMD = Path("/run/systemd/system")
"""What is there where systemd is the first process."""


def look_at_limits(plan: Plan, machine: Machine) -> Iterator[Finding]:
    """What the engine cannot give, and the defaults that `up` lowers."""
    for problem in list_excess(plan, machine):
        yield say_problem(Where.ENGINE, problem)
    note = lower_defaults(plan, machine).note
    if note:
        yield say_fine(Where.ENGINE, note)


def look_at_images(
    plan: Plan, wanted: tuple[WantedImage, ...], engine: Asked
) -> Iterator[Finding]:
    """Where each image can be had. Raises EngineUnreachable."""
    for each in find_images(wanted, engine):
        message, level, help = describe_found(each, plan)
        yield Finding(
            where=Where.ENGINE,
            message=message,
            level=level,
            help=help,
            is_known=each.source is not Source.UNKNOWN,
        )


# Podman


def has_systemd() -> bool:
    """Whether systemd runs on this machine."""
    return is_folder(_SYSTEMD)


def look_at_podman(
    plan: Plan | None, *, is_local: bool, has_systemd: bool
) -> Iterator[Finding]:
    """What a plan should know of Podman; without one, any stack.

    ``is_local`` says that it is on this machine, and ``has_systemd`` is about that.
    """
    steps = plan.steps if plan is not None else ()
    checks = [step.service.health for step in steps]
    is_asked = any(check is not None and check.can_be_asked for check in checks)
    if is_local and not has_systemd and (is_asked or plan is None):
        yield say_doubtful(
            Where.ENGINE,
            "systemd does not run here, and Podman needs it to run health checks: "
            "composegen runs them while services boot, and nothing does later",
            "run Podman where systemd runs, or run each check yourself, in a loop: "
            "podman healthcheck run CONTAINER",
        )
