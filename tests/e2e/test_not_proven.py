"""The list of what may go unproven names nothing unknown and nothing proven."""

from __future__ import annotations

import os

import pytest

from tests.e2e.engine import ROOT
from tests.e2e.examples import LESSONS
from tests.e2e.images import NOT_PROVEN, Images
from tests.e2e.test_gates import PROBES
from tests.e2e.test_recipes import RECIPES

pytestmark = pytest.mark.engine

IMAGES = list(NOT_PROVEN.values())


def test_what_may_go_unproven_is_something_that_is_tested() -> None:
    tested = {*RECIPES, *PROBES, *LESSONS}
    assert NOT_PROVEN.keys() <= tested


def test_what_may_go_unproven_cannot_be_proven_here(images: Images) -> None:
    proven = [name for name, image in NOT_PROVEN.items() if image in images]
    if os.environ.get("REQUIRE_PARTS"):
        assert proven == [], "proven here: take them out of not_proven.txt"


def test_the_readme_says_of_every_recipe_whether_it_is_proven() -> None:
    readme = (ROOT / "README.md").read_text()
    _, told = readme.split("| recipe | tested on |\n|---|---|\n")
    rows = told.partition("\n\n")[0].splitlines()
    lines = {row.split("`")[1]: row for row in rows}
    assert lines.keys() == RECIPES.keys()
    for recipe, line in lines.items():
        assert ("*not tested*" in line) is (recipe in NOT_PROVEN), line
        assert f"`{RECIPES[recipe]['image']}`" in line, line
