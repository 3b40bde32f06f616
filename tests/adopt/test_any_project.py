"""A short look at whatever projects there can be; `make fuzz` looks longer."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings

from tests.fuzz.projects import check_adopting, projects


@settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(project=projects)
def test_a_project_is_the_same_or_what_differs_is_listed(
    project: dict[str, Any],
) -> None:
    check_adopting(project)
