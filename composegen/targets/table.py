"""The targets that a plan can be rendered for, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from composegen.planning.addressing import Addressing, ClusterAddressing
from composegen.planning.plan import Plan
from composegen.records import record
from composegen.targets.compose.render import render_plan
from composegen.targets.files import File, Options

Render: TypeAlias = Callable[[Plan, Options], tuple[File, ...]]


@record
class Target:
    """How to render a plan, and the addressing that the plan is made with.

    Without one, each service's own.
    """

    render: Render
    addressing: Addressing | None = None


def _render_for_cluster(plan: Plan, options: Options) -> tuple[File, ...]:
    from composegen.targets.kubernetes.render import render_plan  # for those who ask

    return render_plan(plan, options)


TARGETS: Mapping[str, Target] = {
    "compose": Target(render=render_plan),
    "kubernetes": Target(render=_render_for_cluster, addressing=ClusterAddressing()),
}
"""Each target; its name is also its folder of templates."""
