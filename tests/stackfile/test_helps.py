"""Every problem has a help: of values of every wrong type, and of every page."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from composegen.stackfile import reader
from composegen.stackfile.hints.types import suggest_type
from composegen.stackfile.keys.key import Schema
from composegen.stackfile.keys.service import KEYS
from composegen.stackfile.keys.top import KEYS as TOP_KEYS
from tests.stackfile.test_problems import NAMES, read_page
from tests.stacks import check, find

VALUES = (
    *("", "x y", "5", "true", '"a\\nb"', "${V}"),
    *("[]", "[~]", "[[a]]", "[x y]", "{}", "{a: ~}", "{a: [b]}", "{a: {b: c}}"),
)
TYPED = {
    *("add_type", "read_items", "read_known", "read_line", "read_pairs"),
    *("read_parsed", "read_text", "read_texts"),
}
"""The methods of a reader that are told which type is wanted."""

Keys = tuple[str | int, ...]


def list_paths(schema: Schema, path: Keys) -> Iterator[Keys]:
    """The paths of a key's values, 0 for an item of a list."""
    yield path
    for each in (schema, *schema.get("anyOf", ())):
        for key, inner in each.get("properties", {}).items():
            yield from list_paths(inner, (*path, key))
        more = each.get("additionalProperties")
        if isinstance(more, dict) and more:
            yield from list_paths(more, (*path, "zz"))
        if isinstance(each.get("items"), dict):
            yield from list_paths(each["items"], (*path, 0))


def write_value(path: Keys, value: str) -> str:
    """A value at a path, in flow style."""
    for part in reversed(path):
        value = f"[{value}]" if part == 0 else f"{{{part}: {value}}}"
    return value


def list_stacks(name: str, value: str) -> Iterator[str]:
    """Stacks with a value at each path of a key of a service, or of the top level."""
    image = "" if name == "image" else "image: 'python:3.12-slim', "
    if name in KEYS:
        for path in dict.fromkeys(list_paths(KEYS[name].schema, ())):
            own = f"{image}{name}: {write_value(path, value)}"
            yield f"services:\n  b: {{use: redis}}\n  a: {{{own}}}\n"
    if name in TOP_KEYS:
        for path in dict.fromkeys(list_paths(TOP_KEYS[name].schema, ())):
            services = "" if name == "services" else "services: {b: {use: redis}}\n"
            yield f"{services}{name}: {write_value(path, value)}\n"


@pytest.mark.parametrize("name", dict.fromkeys([*KEYS, *TOP_KEYS]))
def test_whatever_is_written_for_a_key_each_problem_has_a_help(name: str) -> None:
    stacks = [text for value in VALUES for text in list_stacks(name, value)]

    found = [(text, problem) for text in stacks for problem in check(text)]

    assert found
    assert [(text, str(each)) for text, each in found if not each.help.strip()] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_problem_of_every_page_has_a_help(name: str) -> None:
    files = dict(read_page(name).example)
    stack = files.pop("stack.yaml")

    assert [str(each) for each in check(stack, files) if not each.help.strip()] == []


def list_wanted() -> Iterator[str]:
    """Every type that a reader is told to want, as it is written in the sources."""
    for path in Path(reader.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or len(node.args) < 2:
                continue
            wanted = node.args[1]
            is_typed = isinstance(node.func, ast.Attribute) and node.func.attr in TYPED
            if is_typed and isinstance(wanted, ast.Constant):
                yield str(wanted.value)


@pytest.mark.parametrize("wanted", sorted(set(list_wanted())))
def test_an_example_is_known_of_every_type_that_is_wanted(wanted: str) -> None:
    assert suggest_type(wanted, None) != f"write {wanted}"


@pytest.mark.parametrize(
    ("keys", "help"),
    [
        ("cap_add: NET_ADMIN", "write a list: [NET_ADMIN]"),
        ("cap_add: NET ADMIN", 'write a list: ["NET ADMIN"]'),
        ("stop_grace_period: [30s]", "write it without a list: 30s"),
        ("stop_grace_period: {}", "for example: 30s"),
        ("replicas: few", "for example: 2"),
        ("tty: [a, b]", "for example: true"),
        ("health: {http: }", "write one or remove it; for example: /health"),
    ],
)
def test_the_help_is_close_to_what_was_written(keys: str, help: str) -> None:
    problems: Any = check(f"services:\n  a:\n    image: python:3.13-slim\n    {keys}\n")
    assert help in [each.help for each in problems]


@pytest.mark.parametrize(
    ("needs", "choice"),
    [
        ("{one_of: [a, b]}", "store"),
        ("[{one_of: [a, b]}]", "store"),
        ("{cache: {one_of: [a, b]}}", "cache"),
    ],
)
def test_a_choice_within_needs_is_shown_as_a_service(needs: str, choice: str) -> None:
    stack = "services:\n  a: {use: nginx}\n  b: {use: nginx}\n  web: {use: nginx, "
    problem = find("bad-choice", f"{stack}needs: {needs}}}\n")

    assert problem.help.splitlines()[1:] == [
        "services:",
        f"  {choice}: {{one_of: [a, b]}}",
        f"needs: [{choice}]",
    ]
