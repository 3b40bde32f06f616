"""The function that fills the template writes what Jinja writes from the template."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from composegen.errors import ComposegenError
from composegen.model import DEFAULT_OUTPUT
from composegen.planning.plan import make_plan
from composegen.planning.selection import Selection
from composegen.records import record
from composegen.stackfile.load import load_stack
from composegen.targets.compose.filled import fill
from composegen.targets.compose.render import make_context
from composegen.targets.files import Options
from composegen.targets.templates import fill_templates
from tests.hostile_values import CONTROLS, VALUES

ROOT = Path(__file__).parents[3]
WORDS = (*VALUES, *CONTROLS, 1, True, None, 1.5, "a b")
STACKS = sorted((ROOT / "examples").rglob("stack.yaml"))


def fill_with_jinja(context: dict[str, Any]) -> str:
    ((name, text),) = fill_templates("compose", context)
    assert name == DEFAULT_OUTPUT
    return text


def assert_same(context: dict[str, Any]) -> None:
    assert fill(context).rstrip("\n") + "\n" == fill_with_jinja(context)


def test_the_committed_module_is_what_the_generator_writes() -> None:
    answer = subprocess.run(
        [sys.executable, ROOT / "scripts" / "write_templates.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.parent.name)
def test_an_example_is_filled_as_by_jinja(path: Path) -> None:
    stack = load_stack(path, str(path)).stack
    assert_same(make_context(make_plan(stack, Selection()), Options()))
    for name in stack.services:
        with suppress(ComposegenError):  # one that is required cannot be excluded
            plan = make_plan(stack, Selection(removed=(name,)))
            assert_same(make_context(plan, Options()))


@record(kw_only=False)
class Out:
    service: str
    reason: str
    fallbacks: tuple[Any, ...] = ()


@record(kw_only=False)
class Setting:
    key: str
    value: Any
    comment: str = ""


@record(kw_only=False)
class Block:
    name: str
    settings: tuple[Setting, ...]
    comments: tuple[str, ...] = ()
    has_defaults: bool = True


def make_every_part(word: Any) -> dict[str, Any]:
    """A context that reaches every line of the template, with a word in each place."""
    text = str(word)
    values = {"a": word, text: [word, {text: word}], "empty": {}, "none": []}
    shapes = (word, [word], {text: word}, [], {}, "", 0, None, True, (word, word))
    kept = ("command", "healthcheck", "networks", "environment", text)
    settings = tuple(
        Setting(key, shape, comment)
        for key in kept
        for shape in shapes
        for comment in ("", text)
        if key != "healthcheck" or isinstance(shape, dict) or not shape
    )
    return {
        "source": text,
        "flags": text,
        "plain_use": text,
        "excluded": [Out(text, text, (Out(text, text),)), Out(text, text)],
        "optional_lines": [text, "second"],
        "secret_lines": [text, "second"],
        "name": text,
        "extensions": {f"x-{text}": word, "x-map": values},
        "anchor": f"x-{text}",
        "defaults": settings,
        "services": (
            Block(text, settings, (text, "second")),
            Block("bare", (), has_defaults=False),
        ),
        "networks": values,
        "volumes": {text: None},
        "secrets": {},
        "others": values,
    }


@pytest.mark.parametrize("word", WORDS, ids=repr)
def test_every_part_is_filled_as_by_jinja(word: Any) -> None:
    assert_same(make_every_part(word))


def test_parts_that_are_empty_are_filled_as_by_jinja() -> None:
    every = make_every_part("a")
    empty = {name: type(value)() for name, value in every.items()}
    assert_same({**empty, "anchor": "x-defaults", "name": "app"})
    assert_same(empty)
