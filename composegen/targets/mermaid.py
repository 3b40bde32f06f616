"""A stack as a Mermaid flowchart: gated, optional and job edges differ."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from composegen.needs import Condition, Need
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


def draw_plan(plan: Plan, failed: Collection[str] = ()) -> str:
    """The whole stack as Mermaid; what is excluded is faint.

    ``failed`` are services of the plan that are excluded because they failed.
    """
    included = set(plan.names).difference(failed)
    unchosen = [
        e.service for e in plan.excluded if e.service not in plan.stack.services
    ]
    nodes = _name_nodes([*plan.stack.services, *unchosen])
    lines = ["flowchart LR"]
    for name, service in plan.stack.services.items():
        ends = (
            ("[(", ")]")
            if service.is_store
            else ("[[", "]]")
            if service.job
            else ("[", "]")
        )
        label = f'"{name}: excluded"' if name in failed else name
        lines.append(f"  {nodes[name]}{ends[0]}{label}{ends[1]}")
    lines += [f"  {nodes[name]}[{name}]" for name in unchosen]
    for name, service in plan.stack.services.items():
        lines += [
            f"  {nodes[name]} {_draw_edge(need)} {nodes[need.service]}"
            for need in service.needs
        ]
    names = [*plan.stack.services, *unchosen]
    faint = [nodes[name] for name in names if name not in included]
    if faint:
        lines.append("  classDef faint opacity:0.35,stroke-dasharray:4")
        lines.append(f"  class {','.join(faint)} faint")
    return "\n".join(lines) + "\n"


def _draw_edge(need: Need) -> str:
    if need.is_optional:
        return f'-. "{_WORDS[need.until]}, optional" .->'
    return f'{_ARROWS[need.until]}|"{_WORDS[need.until]}"|'


def _name_nodes(services: Iterable[str]) -> dict[str, str]:
    """A node for each service: Mermaid takes neither `-` nor `.`, nor words like `end`.

    What would be one node is numbered.
    """
    nodes: dict[str, str] = {}
    for name in services:
        plain = "s_" + re.sub(r"[^A-Za-z0-9]", "_", name)
        node, count = plain, 1
        while node in nodes.values():
            count += 1
            node = f"{plain}_{count}"
        nodes[name] = node
    return nodes
