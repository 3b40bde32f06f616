"""What `doctor` says of an engine for a plan: its limits and its images."""

from __future__ import annotations

from collections.abc import Iterator

from composegen.places.engine.containers import Machine
from composegen.places.engine.fit import list_excess, lower_defaults
from composegen.places.engine.images import (
    Asked,
    Source,
    WantedImage,
    describe_found,
    find_images,
)
from composegen.places.findings import Finding, Where, say_fine, say_problem
from composegen.planning.plan import Plan


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
