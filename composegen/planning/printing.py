"""A plan as text and as plain data."""

from __future__ import annotations

import math
from typing import Any

from composegen.needs import Later
from composegen.planning.fallbacks import Fallback, make_fallback
from composegen.planning.plan import Plan, Step
from composegen.text import count, wrap
from composegen.values import format_duration


def format_plan(plan: Plan, *, title: str = "", width: int | None = None) -> str:
    """The plan as text: one step a line, with its reason and its worst wait.

    ``title`` is the name of the project, where that is not the stack's own.
    Where a line would be wider than ``width`` columns, reason and wait go below.
    """
    services = count(len(plan.steps), "service")
    title = title or plan.stack.name or plan.stack.file
    flags = f", {plan.selection.flags}" if plan.selection.flags else ""
    lines = [f"{title}: {services}{flags}", ""]
    steps = _format_table(plan)
    is_too_wide = width is not None and max(map(len, steps)) > width
    lines += _format_below(plan, width) if is_too_wide else steps
    if plan.excluded:
        lines += ["", "excluded"]
        for excluded in plan.excluded:
            lines.append(wrap(f"  {excluded.service}: {excluded.reason}", width))
            lines += [
                wrap(f"    {fallback.service}: {fallback}", width)
                for fallback in excluded.fallbacks
            ]
    later = list_restarts(plan)
    if later:
        lines += ["", "later", *(wrap(f"  {text}", width) for text in later)]
    return "\n".join(lines) + "\n"


def list_restarts(plan: Plan) -> list[str]:
    """Which services restart with a fallback, in words: their needs say so."""
    included = frozenset(plan.names)
    return [
        f"{step.name}: restarts if {need.service} fails after it was ready: "
        f"{make_fallback(step.name, need.otherwise)}"
        for step in plan.steps
        for need in step.service.needs
        if need.otherwise is not None
        and need.otherwise.later is Later.RESTART
        and need.service in included
    ]


def _format_table(plan: Plan) -> list[str]:
    names = max(len(step.name) for step in plan.steps)
    reasons = [format_reason(step) for step in plan.steps]
    longest = max(map(len, reasons))
    return [
        f"{number:>3}. {step.name:<{names}}  {reason:<{longest}}  "
        f"{format_wait(step)}".rstrip()
        for number, (step, reason) in enumerate(
            zip(plan.steps, reasons, strict=True), 1
        )
    ]


def _format_below(plan: Plan, width: int | None) -> list[str]:
    lines = []
    for number, step in enumerate(plan.steps, 1):
        lines.append(f"{number:>3}. {step.name}")
        lines.append(wrap(f"       {format_reason(step)}", width))
        if wait := format_wait(step):
            lines.append(f"       {wait}")
    return lines


def format_reason(step: Step) -> str:
    """What a step waits for, in words."""
    kind = "runs to its end " if step.service.job else "starts "
    if not step.gates:
        return f"{kind}at once"
    return f"{kind}when {', and '.join(map(str, step.gates))}"


def format_wait(step: Step) -> str:
    """How long a step waits at worst, in words; empty where it does not wait."""
    if not step.gates or step.worst_wait == 0:
        return ""
    if math.isinf(step.worst_wait):
        return "waits as long as the job runs"
    return f"waits {format_duration(step.worst_wait)} at worst"


def describe_plan(plan: Plan) -> dict[str, Any]:
    """The plan as plain data; ``worst_wait`` in seconds, null where it has no limit."""
    return {
        "name": plan.stack.name or None,
        "with": list(plan.selection.added),
        "without": list(plan.selection.removed),
        "steps": [
            {
                "service": step.name,
                "job": step.service.job,
                "required": step.is_required,
                "replicas": step.replicas,
                "gates": [
                    {
                        "service": gate.service,
                        "condition": gate.condition.value,
                        "required": not gate.is_optional,
                        "later": gate.later.value if gate.is_optional else None,
                    }
                    for gate in step.gates
                ],
                "reason": format_reason(step),
                "worst_wait": None if math.isinf(step.worst_wait) else step.worst_wait,
            }
            for step in plan.steps
        ],
        "left_out": [
            {**short, "instead": [_describe_fallback(each) for each in out.fallbacks]}
            for short, out in zip(describe_excluded(plan), plan.excluded, strict=True)
        ],
    }


def describe_excluded(plan: Plan) -> list[dict[str, Any]]:
    """The excluded services as plain data: why, and a line for each fallback."""
    return [
        {
            "service": out.service,
            "reason": out.reason,
            "instead": [f"{each.service}: {each}" for each in out.fallbacks],
        }
        for out in plan.excluded
    ]


def _describe_fallback(fallback: Fallback) -> dict[str, Any]:
    return {
        "service": fallback.service,
        "env": dict(fallback.env),
        "replicas": fallback.replicas,
        "note": fallback.note or None,
    }
