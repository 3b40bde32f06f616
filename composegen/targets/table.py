"""The targets that a plan can be rendered for, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from composegen.planning.plan import Plan
from composegen.targets.compose.render import render_plan
from composegen.targets.files import File, Options

Render: TypeAlias = Callable[[Plan, Options], tuple[File, ...]]

TARGETS: Mapping[str, Render] = {"compose": render_plan}
"""How to render for each; its name is also its folder of templates."""
