"""A name that no service can have is answered with a near one that it can have."""

from __future__ import annotations

import pytest

from tests.stacks import find, list_names

KEYS = "    image: python:3.13-slim\n    port: 80\n    health: /\n"


@pytest.mark.parametrize(
    ("name", "near"),
    [("a b", "a-b"), ("_web", "web"), ("web/1", "web-1"), ("wéb", "w-b")],
)
def test_a_near_name_is_offered_that_can_be_used(name: str, near: str) -> None:
    assert (
        f"did you mean `{near}`?"
        in find("bad-name", f"services:\n  {name}:\n{KEYS}").help
    )
    assert list_names(f"services:\n  {near}:\n{KEYS}") == []


@pytest.mark.parametrize("name", ["default", "ä", "_host", "a" * 64])
def test_a_name_with_no_near_one_is_reported_with_the_rule(name: str) -> None:
    assert "did you mean" not in find("bad-name", f"services:\n  {name}:\n{KEYS}").help
