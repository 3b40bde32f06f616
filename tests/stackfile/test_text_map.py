"""Names with texts, as a mapping or as a list."""

from __future__ import annotations

import pytest

from tests.stackfile.loading import list_app_names
from tests.stacks import load_app


@pytest.mark.parametrize("name", ["A", "_a", "A.b-c", "a1"])
def test_a_variable_has_a_name(name: str) -> None:
    assert load_app(f"environment: {{{name}: x}}").environment == {name: "x"}


@pytest.mark.parametrize("name", ["1A", "-A", "A B", "Ä", '""', '"A=B"', '"A$B"'])
@pytest.mark.parametrize("where", ["environment", "local"])
def test_a_variable_cannot_be_called(name: str, where: str) -> None:
    mapping = f"{{{name}: x}}"
    keys = {
        "environment": f"environment: {mapping}",
        "local": f"local: {{command: [x], env: {mapping}}}",
    }[where]

    assert list_app_names(keys) == ["bad-name"]
