"""What composegen says about itself is what is really there."""

from __future__ import annotations

from pathlib import Path

import pytest

from composegen.errors import Level, UsageError
from composegen.images.facts import list_recipe_files
from composegen.stackfile.catalogue import LEVELS, PAGES
from composegen.stackfile.guide import (
    describe_recipe,
    list_problems,
    list_recipes,
    read_problem_page,
)


def test_every_problem_is_listed_with_level_and_title() -> None:
    listed = list(list_problems())

    assert [(level, name) for level, name, _ in listed] == [
        (LEVELS.get(name, Level.ERROR).value, name) for name in PAGES
    ]
    assert all(title and not title.startswith("#") for _, _, title in listed)


@pytest.mark.parametrize(
    ("name", "help"),
    [
        ("cycl", "did you mean `cycle`?"),
        ("zzz", "composegen explain lists them"),
        ("../README", "composegen explain lists them"),
        ("", "composegen explain lists them"),
    ],
)
def test_a_problem_that_is_not_there_is_wrong_usage(name: str, help: str) -> None:
    with pytest.raises(UsageError) as raised:
        read_problem_page(name)

    assert raised.value.message == f"there is no problem called `{name}`"
    assert raised.value.help == help


def test_recipes_are_listed_by_name(tmp_path: Path) -> None:
    listed = list_recipes(tmp_path / "stack.yaml")

    assert [name for name, _ in listed] == sorted(list_recipe_files())


@pytest.mark.parametrize(
    "stack",
    [
        "recipes: ./mine\nservices: {}\n",
        "recipes: ./mine\nservices: {a: {prot: 1}}\nbad: key\n",
        "recipes: ./mine/\nservices: {a: {use: redis}}\n",
    ],
)
def test_own_recipes_are_found_whatever_else_the_stack_says(
    tmp_path: Path, stack: str
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/one.yaml").write_text("about: Mine\nimages: [a]\nimage: a:1\n")
    (tmp_path / "stack.yaml").write_text(stack)

    assert ("one", "Mine") in list_recipes(tmp_path / "stack.yaml")
    assert describe_recipe("one", tmp_path / "stack.yaml")[0]["image"] == "a:1"


@pytest.mark.parametrize("stack", ["a: [", "", "- a\n", "recipes: ./gone\n"])
def test_a_stack_that_cannot_be_read_does_not_hide_the_shipped_ones(
    tmp_path: Path, stack: str
) -> None:
    (tmp_path / "stack.yaml").write_text(stack)

    assert len(list_recipes(tmp_path / "stack.yaml")) == len(list_recipe_files())


@pytest.mark.parametrize("text", ["- a\n", "a: [\n", "about: [x\n", "", "text"])
def test_an_own_recipe_that_cannot_be_read_is_no_traceback(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/bad.yaml").write_text(text)
    (tmp_path / "stack.yaml").write_text("recipes: ./mine\nservices: {a: {use: bad}}\n")

    assert "redis" in dict(list_recipes(tmp_path / "stack.yaml"))


def test_a_recipe_is_shown_as_data_and_as_text(tmp_path: Path) -> None:
    data, text = describe_recipe("postgres", tmp_path / "stack.yaml")

    assert data["name"] == "postgres"
    assert data["about"] in text


@pytest.mark.parametrize(
    ("name", "help"),
    [
        ("redi", "did you mean `redis`?"),
        ("zzz", "there are clickhouse, elasticsearch, "),
    ],
)
def test_a_recipe_that_is_not_there_is_reported_with_the_names(
    tmp_path: Path, name: str, help: str
) -> None:
    with pytest.raises(UsageError) as raised:
        describe_recipe(name, tmp_path / "stack.yaml")

    assert raised.value.message == f"there is no recipe `{name}`"
    assert raised.value.help.startswith(help)
