"""A plan as what is drawn of it: a box for each service, a link for each need."""

from __future__ import annotations

from composegen.needs import Condition, Need
from composegen.planning.plan import Plan, Step
from composegen.planning.printing import format_reason, format_wait
from composegen.records import record

REQUIRED, OPTIONAL, JOB = "required", "optional", "job"
"""The kinds of links: solid, dashed, with an arrow."""


@record
class Link:
    """A need: ``service`` waits for ``needed``; ``kind`` is one of those above."""

    service: str
    needed: str
    kind: str
    is_optional: bool = False


@record
class Box:
    """A service: ``kind`` is ``service``, ``store`` or ``job``.

    ``reason`` says why it is excluded, empty where it takes part; ``instead`` are lines
    about what other services do without it. ``what`` is its image, or where it is built
    from; ``when`` what it waits for, in words.
    """

    service: str
    kind: str = "service"
    what: str = ""
    when: str = ""
    is_required: bool = True
    reason: str = ""
    instead: tuple[str, ...] = ()


@record
class Scene:
    """What is drawn of a stack; services in the order of the plan, excluded ones last.

    ``flags`` are the selection, as it is typed.
    """

    name: str
    boxes: tuple[Box, ...]
    links: tuple[Link, ...]
    flags: str = ""


def make_scene(plan: Plan, title: str = "") -> Scene:
    """What is drawn of a plan; ``title`` is the project, if not the stack's name."""
    reasons = {each.service: each for each in plan.excluded}
    boxes = [_make_box(plan, step) for step in plan.steps]
    there = {*plan.names}
    for name in [*plan.stack.services, *reasons]:
        if name in there:
            continue
        there.add(name)
        out = reasons.get(name)
        boxes.append(
            Box(
                service=name,
                kind=_find_kind(plan, name),
                what=_describe_source(plan, name),
                is_required=False,
                reason=out.reason if out is not None else "not part of this selection",
                instead=tuple(f"{each.service}: {each}" for each in out.fallbacks)
                if out is not None
                else (),
            )
        )
    return Scene(
        name=title or plan.stack.name or plan.stack.file,
        boxes=tuple(boxes),
        links=tuple(
            _make_link(name, need)
            for name, service in plan.stack.services.items()
            for need in service.needs
            if need.service in there
        ),
        flags=plan.selection.flags,
    )


def _make_box(plan: Plan, step: Step) -> Box:
    return Box(
        service=step.name,
        kind=_find_kind(plan, step.name),
        what=_describe_source(plan, step.name),
        when=", ".join(filter(None, (format_reason(step), format_wait(step)))),
        is_required=step.is_required,
    )


def _find_kind(plan: Plan, name: str) -> str:
    service = plan.stack.services.get(name)
    if service is None:
        return "service"
    return "job" if service.job else "store" if service.is_store else "service"


def _describe_source(plan: Plan, name: str) -> str:
    """The image of a service as the stack file has it, else that it is built."""
    service = plan.stack.services.get(name)
    if service is None:
        return ""
    return service.image or ("built here" if service.build is not None else "")


def _make_link(name: str, need: Need) -> Link:
    kind = OPTIONAL if need.is_optional else REQUIRED
    if need.until is Condition.FINISHED:
        kind = JOB
    return Link(
        service=name, needed=need.service, kind=kind, is_optional=need.is_optional
    )
