"""Warnings that say the same of several services, to be shown once."""

from __future__ import annotations

import re
from collections.abc import Sequence

from composegen.errors import Level, Problem

_FEWEST = 3
"""So many alike are shown as one."""


def fold_alike(problems: Sequence[Problem]) -> list[tuple[Problem, ...]]:
    """The problems in their order; warnings that are alike are with the first one.

    They are alike where they have one name, and one message and one help but for what
    they speak of.
    """
    groups: dict[object, list[Problem]] = {}
    for number, problem in enumerate(problems):
        can_fold = problem.level is Level.WARNING and find_subject(problem)
        key = _mask(problem) if can_fold else number
        groups.setdefault(key, []).append(problem)
    folded = [
        part
        for group in groups.values()
        for part in (
            [tuple(group)] if len(group) >= _FEWEST else [(each,) for each in group]
        )
    ]
    order = {id(each): number for number, each in enumerate(problems)}
    return sorted(folded, key=lambda part: order[id(part[0])])


def find_subject(problem: Problem) -> str:
    """What a problem speaks of: the first name in its message; empty for none."""
    found = re.search(r"`([^`]+)`", problem.message)
    return found[1] if found else ""


def _mask(problem: Problem) -> tuple[str, str, str]:
    name = re.compile(rf"(?<![\w-]){re.escape(find_subject(problem))}(?![\w-])")
    return problem.name, name.sub("`", problem.message), name.sub("`", problem.help)
