"""The list of what may stay untested names nothing unknown and nothing tested."""

from __future__ import annotations

import os

import pytest

from scripts.standins.__main__ import USUAL
from tests.e2e.engine import ROOT
from tests.e2e.examples import LESSONS
from tests.e2e.images import NOT_TESTED, Images
from tests.e2e.test_gates import PROBES
from tests.e2e.test_recipes import RECIPES

pytestmark = pytest.mark.engine

IMAGES = list(NOT_TESTED.values())


def test_what_may_stay_untested_is_known() -> None:
    tested = {*RECIPES, *PROBES, *LESSONS}
    assert NOT_TESTED.keys() <= tested


def test_the_gate_has_every_stand_in_built_ahead_of_time(images: Images) -> None:
    assert images.list_standins() <= {*USUAL}


def test_what_may_stay_untested_cannot_be_tested_here(images: Images) -> None:
    tested = [name for name, image in NOT_TESTED.items() if image in images]
    if os.environ.get("REQUIRE_PARTS"):
        assert tested == [], "tested here: take them out of not_tested.txt"


def test_the_page_says_of_every_recipe_whether_it_is_tested() -> None:
    page = (ROOT / "docs" / "recipes.md").read_text()
    _, told = page.split("| recipe | tested on |\n|---|---|\n")
    rows = told.partition("\n\n")[0].splitlines()
    lines = {row.split("`")[1]: row for row in rows}
    assert lines.keys() == RECIPES.keys()
    for recipe, line in lines.items():
        assert ("*not tested*" in line) is (recipe in NOT_TESTED), line
        assert f"`{RECIPES[recipe]['image']}`" in line, line
