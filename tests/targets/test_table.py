"""Every target has a way to render, templates and its own list of checks."""

from __future__ import annotations

import pytest

from composegen.resources import find_templates
from composegen.stackfile.checks import CHECKS, TARGET_CHECKS
from composegen.stackfile.checks.health import check_probe_tool
from composegen.targets.files import Options
from composegen.targets.table import TARGETS
from tests.rendering import plan
from tests.stacks import APP, make_stack

USER = 'user: "10001:10001"\n'


def test_every_target_has_its_checks() -> None:
    assert TARGETS.keys() == TARGET_CHECKS.keys()


def test_only_a_target_that_probes_inside_its_containers_asks_for_a_tool() -> None:
    assert check_probe_tool not in CHECKS
    assert [name for name in TARGETS if check_probe_tool in TARGET_CHECKS[name]] == [
        "compose"
    ]


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_writes_the_files_that_it_has_templates_for(name: str) -> None:
    stack = f"name: shop\n{make_stack(app=APP + USER)}"
    written = TARGETS[name].render(plan(stack), Options())

    assert [f"{file.name}.j2" for file in written] == sorted(
        path.name for path in (find_templates() / name).glob("*.j2")
    )
