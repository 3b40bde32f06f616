"""A stack as a Mermaid flowchart: gated, optional and job edges differ."""

from __future__ import annotations

from composegen.model import Condition, Need
from composegen.planning.plan import Plan

_ARROWS = {
    Condition.HEALTHY: "-->",
    Condition.FINISHED: "==>",
    Condition.STARTED: "--o",
}
_WORDS = {
    Condition.HEALTHY: "healthy",
    Condition.FINISHED: "finished",
    Condition.STARTED: "started",
}


def draw_plan(plan: Plan) -> str:
    """The whole stack as Mermaid; what the plan leaves out is faint."""
    included = set(plan.names)
    lines = ["flowchart LR"]
    for name, service in plan.stack.services.items():
        ends = (
            ("[(", ")]")
            if service.is_store
            else ("[[", "]]")
            if service.job
            else ("[", "]")
        )
        lines.append(f"  {_name(name)}{ends[0]}{name}{ends[1]}")
    unchosen = [
        e.service for e in plan.excluded if e.service not in plan.stack.services
    ]
    lines += [f"  {_name(name)}[{name}]" for name in unchosen]
    for name, service in plan.stack.services.items():
        lines += [
            f"  {_name(name)} {_draw_edge(need)} {_name(need.service)}"
            for need in service.needs
        ]
    names = [*plan.stack.services, *unchosen]
    faint = [_name(name) for name in names if name not in included]
    if faint:
        lines.append("  classDef faint opacity:0.35,stroke-dasharray:4")
        lines.append(f"  class {','.join(faint)} faint")
    return "\n".join(lines) + "\n"


def _draw_edge(need: Need) -> str:
    if need.is_optional:
        return f'-. "{_WORDS[need.until]}, optional" .->'
    return f'{_ARROWS[need.until]}|"{_WORDS[need.until]}"|'


def _name(service: str) -> str:
    # `end` and a few other words mean something to Mermaid.
    return "s_" + service.replace("-", "_")
