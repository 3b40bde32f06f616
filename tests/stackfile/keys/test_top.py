"""The table of the top level's keys: a new key is one entry of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from composegen.model import Resources
from composegen.stackfile.file import read_file
from composegen.stackfile.keys import compose, shapes
from composegen.stackfile.keys.key import Key
from composegen.stackfile.keys.top import TOP_KEYS
from composegen.stackfile.schema import make_schema
from composegen.stackfile.toplevel import parse_parts
from tests.stacks import (
    find,
    list_names,
    list_places,
    load_only,
    load_services,
    make_app,
)


@pytest.fixture
def mascot(monkeypatch: pytest.MonkeyPatch) -> Key:
    """A key that is in the table and nowhere else."""
    key = Key("mascot", compose.read_texts, shapes.TEXTS)
    monkeypatch.setitem(TOP_KEYS, key.name, key)
    return key


@pytest.mark.usefixtures("mascot")
def test_a_key_of_the_table_is_read(tmp_path: Path) -> None:
    path = tmp_path / "stack.yaml"
    path.write_text(f"{make_app()}mascot: [dog]\n")

    assert parse_parts(read_file(path, "stack.yaml")).top["mascot"] == ["dog"]
    assert list_names(f"{make_app()}mascot: dog\n") == ["wrong-type"]


def test_a_key_of_the_table_is_in_the_schema(mascot: Key) -> None:
    assert make_schema()["properties"]["mascot"] == mascot.schema


@pytest.mark.usefixtures("mascot")
def test_a_key_of_the_table_is_suggested() -> None:
    assert find("unknown-key", f"{make_app()}mascott: [dog]\n").help == (
        "did you mean `mascot`?"
    )


# Resources


def load_resources(top: str, own: str = "") -> Resources:
    text = make_app(own) + f"resources: {top}\n"
    return load_services(text)["app"].resources


def test_resources_of_the_top_level_are_those_of_every_service() -> None:
    both = load_resources("{cpus: 1, pids: 9}", "resources: {pids: 7}")

    assert (both.cpus, both.memory, both.pids) == ("1", "2G", 7)
    assert both.written == {"cpus", "pids"}


def test_a_service_may_have_a_limit_where_no_other_has() -> None:
    limits = load_resources("none", "resources: {memory: 1G}")

    assert (limits.cpus, limits.memory, limits.pids) == ("", "1G", 0)


def test_the_stack_knows_the_limits_of_the_top_level() -> None:
    assert load_only(f"{make_app()}resources: {{cpus: none}}\n").resources == (
        Resources(cpus="", written=frozenset({"cpus"}))
    )


@pytest.mark.parametrize(
    ("keys", "name", "column"),
    [
        ("resources: all", "wrong-type", 12),
        ("resources: {cpus: a lot}", "wrong-type", 19),
        ("resources: {memory: 1}", "bad-size", 21),
        ("resources: {disk: 1G}", "unknown-key", 13),
        ("compose: {volumes: null}", "computed-key", 11),
        ("compose: {networks: }", "computed-key", 11),
    ],
)
def test_what_the_top_level_does_not_take(keys: str, name: str, column: int) -> None:
    assert list_places(f"{make_app()}{keys}\n") == [(name, 6, column)]


# A word that is mistyped


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("helth: /", ["unknown-key"]),
        ("health: helth", ["bad-health"]),
        ("health: {htp: /}", ["unknown-key"]),
        ("healthcheck: {test: [CMD, a]}", ["compose-key"]),
        ("healthchek: {test: [CMD, a]}", ["unknown-key"]),
    ],
)
def test_a_mistyped_health_is_one_error(typed: str, names: list[str]) -> None:
    text = "services:\n" + "".join(
        f"  {name}: {{image: 'python:3.13-slim', port: 80, health: /, needs: [db]}}\n"
        for name in ("a", "b")
    )
    db = f"  db:\n    image: python:3.13-slim\n    port: 80\n    {typed}\n"

    assert list_names(text + db) == names


def test_a_mistyped_port_is_one_error() -> None:
    text = "services: {web: {image: 'python:3.13-slim', prot: 80, health: /}}"

    assert list_names(text) == ["unknown-key"]


# Output


def test_the_rendered_file_has_its_usual_name_or_the_one_that_is_given() -> None:
    assert load_only(make_app()).output == "compose.yaml"
    assert load_only(f"{make_app()}output: compose.gated.yaml\n").output == (
        "compose.gated.yaml"
    )


@pytest.mark.parametrize(
    "name",
    [
        "../compose.yaml",
        "/tmp/compose.yaml",
        "deploy/compose.yaml",
        ".compose.yaml",
        "compose.json",
        "stack.yaml",
    ],
)
def test_the_rendered_file_lies_next_to_the_stack_file(name: str) -> None:
    text = f"{make_app()}output: {name}\n"

    assert list_names(text) == ["bad-name"]


def test_the_name_of_the_rendered_file_holds_no_variable() -> None:
    text = f'{make_app()}output: "${{NAME}}.yaml"\n'

    assert list_names(text) == ["variable-here"]
