"""The module of what is known about images is what the data files say."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from composegen.images import shipped
from composegen.images.facts import list_recipe_files, read_recipe
from composegen.resources import find_templates

ROOT = Path(__file__).parents[2]


def test_the_committed_module_is_what_the_generator_writes() -> None:
    answer = subprocess.run(
        [sys.executable, ROOT / "scripts" / "write_facts.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr


def read_texts(path: Path) -> object:
    return yaml.load(path.read_bytes(), Loader=yaml.BaseLoader)


def test_images_are_those_of_the_table() -> None:
    assert read_texts(find_templates() / "images.yaml") == shipped.IMAGES


@pytest.mark.parametrize("name", list_recipe_files())
def test_a_recipe_is_that_of_its_file(name: str) -> None:
    assert read_recipe(name) == read_texts(list_recipe_files()[name])


def test_every_file_of_a_recipe_is_known() -> None:
    files = sorted((find_templates() / "recipes").glob("*.yaml"))
    assert list(list_recipe_files().values()) == files
