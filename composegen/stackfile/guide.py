"""What composegen knows about itself: recipes and the pages of problems."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from composegen.errors import FileRefused, Level, ProblemsFound, UsageError
from composegen.images.facts import list_recipe_files
from composegen.paths import is_file
from composegen.resources import find_templates
from composegen.stackfile.catalogue import LEVELS, PAGES
from composegen.stackfile.nodes import Source, read_bytes
from composegen.stackfile.problems import Problems
from composegen.stackfile.tree import to_plain
from composegen.system.files import read_small_text
from composegen.text import suggest


def list_problems() -> Iterator[tuple[str, str, str]]:
    """Level, name and title of every problem, sorted by name."""
    for name in PAGES:
        yield (
            LEVELS.get(name, Level.ERROR).value,
            name,
            read_problem_page(name).partition("\n")[0].lstrip("# "),
        )


def read_problem_page(name: str) -> str:
    """The page of a problem; raises UsageError where there is none."""
    page = (
        read_small_text(find_templates() / "problems" / f"{name}.md")
        if name in PAGES
        else None
    )
    if page is None:
        raise UsageError(
            f"there is no problem called `{name}`",
            help=suggest(name, PAGES, "composegen explain lists them"),
        )
    return page


def _find_files(stack_file: Path) -> dict[str, Path]:
    """The shipped recipes and, where a readable stack names a folder, its own."""
    files = dict(list_recipe_files())
    if is_file(stack_file):
        from composegen.stackfile.load import find_own_recipes

        try:
            files |= find_own_recipes(stack_file)
        except (FileRefused, ProblemsFound):
            return files
    return files


def list_recipes(stack_file: Path) -> list[tuple[str, str]]:
    """Name and purpose of every recipe."""
    return [
        (name, str(_read(path).get("about", "")))
        for name, path in sorted(_find_files(stack_file).items())
    ]


def _read(path: Path) -> dict[str, Any]:
    """What can be read of a recipe; ``check`` says what is wrong with it."""
    try:
        source = Source(path.name, read_bytes(path, path.name), Problems())
    except FileRefused:
        return {}
    recipe = to_plain(source.root) if source.root is not None else {}
    return dict(recipe) if isinstance(recipe, dict) else {}


def describe_recipe(name: str, stack_file: Path) -> tuple[dict[str, Any], str]:
    """A recipe as data and as the text of its file; UsageError where there is none."""
    files = _find_files(stack_file)
    if name not in files:
        raise UsageError(
            f"there is no recipe `{name}`",
            help=suggest(name, files, f"there are {', '.join(files)}"),
        )
    text = read_small_text(files[name]) or ""
    return {"name": name, **_read(files[name])}, text
