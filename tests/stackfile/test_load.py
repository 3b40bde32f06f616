"""A stack file becomes a Stack, or every problem of it comes together."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from composegen.errors import FileRefused, Level, ProblemsFound
from composegen.stackfile.load import find_output, find_own_recipes, load_stack
from tests.stackfile.loading import list_app_names
from tests.stacks import (
    find,
    list_names,
    list_places,
    load,
    load_app,
    load_only,
    make_app,
    make_stack,
    write_files,
)

# The file


def test_the_smallest_stack_is_one_service() -> None:
    stack = load_only("services: {web: {use: nginx}}")

    assert stack.name == ""
    assert list(stack.services) == ["web"]


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused):
        load_stack(tmp_path / "stack.yaml")


def test_problems_name_the_file_as_it_was_given(tmp_path: Path) -> None:
    write_files(tmp_path, {"stack.yaml": "name: a\n"})

    with pytest.raises(ProblemsFound) as raised:
        load_stack(tmp_path / "stack.yaml", "../shop/stack.yaml")

    assert str(raised.value.problems[0].location) == "../shop/stack.yaml:1:1"


def test_problems_come_together_sorted_by_line() -> None:
    text = """\
        name: My Shop
        services:
          web:
            use: nginx
            publish: 99999
            tty: yes
          d b:
            use: postgers
            stop_grace_period: 30
        volumes: [data]
    """

    assert list_places(text) == [
        ("bad-name", 1, 7),
        ("bad-port", 5, 14),
        ("wrong-type", 6, 10),
        ("bad-name", 7, 3),
        ("unknown-recipe", 8, 10),
        ("bad-duration", 9, 24),
        ("wrong-type", 10, 10),
    ]


def test_what_cannot_be_read_is_not_judged_further() -> None:
    assert list_app_names("publish: 99999") == ["bad-port"]
    assert list_names(make_stack(web="use: nginx\nhealth: wrong")) == ["bad-health"]


def test_a_broken_service_does_not_hide_problems_of_others() -> None:
    text = make_stack(one="use: nginx\npublish: x", two="use: nginx\nneeds: [three]")

    assert list_places(text) == [("bad-port", 4, 14), ("unknown-service", 7, 13)]


def test_warnings_do_not_stop_a_stack() -> None:
    loaded = load(make_stack(web="use: nginx\npublish: '0.0.0.0:8080'"))

    assert [problem.level for problem in loaded.problems] == [Level.WARNING]
    assert list(loaded.stack.services) == ["web"]


# Recipes


def test_own_recipes_are_found_in_spite_of_other_problems(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {"stack.yaml": "recipes: ./r\nservices: {A: {}}\n", "r/a.yaml": "about: a\n"},
    )

    assert find_own_recipes(tmp_path / "stack.yaml") == {"a": tmp_path / "r" / "a.yaml"}


# What is hostile


LONG = "a" * 5000
NINES = "9" * 5000


@pytest.mark.parametrize(
    "keys",
    [
        f"build: {LONG}",
        f"build: {{context: ., dockerfile: {LONG}}}",
        f"env_file: {LONG}",
        f"volumes: ['./{LONG}:/a:ro']",
        "build: '//'",
        'build: "a\\nb"',
    ],
)
def test_a_path_that_cannot_be_is_like_one_that_is_not_there(keys: str) -> None:
    text = make_stack(app=f"image: python:3.13-slim\nhealth: image\n{keys}")

    assert list_names(text) == []


@pytest.mark.parametrize("folder", [LONG, '"a\\nb"', "/dev/null"])
def test_a_folder_of_recipes_that_cannot_be_is_not_there(folder: str) -> None:
    assert list_names(f"recipes: {folder}\n" + make_app()) == ["missing-file"]


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        (f"shm_size: {NINES}", "bad-size"),
        (f"resources: {{memory: {NINES}g}}", "bad-size"),
        (f"resources: {{cpus: {NINES}}}", "wrong-type"),
        (f"replicas: {NINES}", "wrong-type"),
        (f"stop_grace_period: {NINES}s", "bad-duration"),
        (f"publish: {NINES}", "bad-port"),
        (f"publish: '{NINES}-1'", "bad-port"),
        (f"publish: '${{A:-{NINES}}}'", "bad-port"),
        (f"ulimits: {{nofile: {NINES}}}", "wrong-type"),
        (f"secrets: [{LONG}]", "bad-name"),
    ],
)
def test_a_number_of_five_thousand_digits_is_refused_in_words(
    keys: str, name: str
) -> None:
    problem = find(name, make_app(keys))

    assert "limit (4300 digits)" not in problem.help
    assert len(problem.message) < 200


def test_thousands_of_nested_variables_are_refused_at_once() -> None:
    value = "${A:-" * 5000 + "}" * 5000
    begin = time.process_time()

    assert list_app_names(f'environment: {{A: "{value}"}}') == ["bad-variable"]
    assert list_app_names(f'publish: "{value}"') == ["bad-variable"]
    assert time.process_time() - begin < 2


def test_a_few_nested_variables_are_fine() -> None:
    value = "${A:-" * 10 + "}" * 10

    assert load_app(f'environment: {{A: "{value}"}}').environment == {"A": value}


def test_thousands_of_broken_services_are_reported_soon() -> None:
    lines = [f"  a{number}: {{use: nginx, x: 1}}\n" for number in range(4000)]
    begin = time.process_time()

    names = list_names("services:\n" + "".join(lines))

    assert time.process_time() - begin < 2.5
    assert names == ["unknown-key"] * 4000


def test_thousands_of_keys_without_a_value_are_read_soon() -> None:
    keys = ", ".join(f"k{number}" for number in range(20_000))
    begin = time.process_time()

    assert list_names(f"x-a: {{{keys}}}\n{make_app()}") == []
    assert time.process_time() - begin < 2.5


# What follows from another problem


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("", "null-value"),
        ("nginx", "wrong-type"),
        ("[nginx]", "wrong-type"),
        ("{imagee: 'python:3.13', port: 80, health: /}", "unknown-key"),
        ("{image: , port: 80, health: /}", "null-value"),
        ("{image: [a], port: 80, health: /}", "wrong-type"),
        ("{use: zzzz, needs: [b], publish: true}", "unknown-recipe"),
    ],
)
def test_what_follows_from_a_problem_is_not_reported_too(
    service: str, name: str
) -> None:
    text = f"services:\n  a: {service}\n  b: {{use: nginx}}\n"

    assert list_names(text) == [name]


# Output


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("output: a.yaml\nservices: {}\n", "a.yaml"),
        ("services: {}\noutput: a.yaml\n", "a.yaml"),
        ("services: {}\n", "compose.yaml"),
        ("services: {output: a.yaml}\n", "compose.yaml"),
        ("output: ../a.yaml\n", "compose.yaml"),
        ("output: {\n", "compose.yaml"),
        ("[output]\n", "compose.yaml"),
    ],
)
def test_the_output_is_found_before_the_stack_is_loaded(
    text: str, output: str, tmp_path: Path
) -> None:
    write_files(tmp_path, {"stack.yaml": text})

    assert find_output(tmp_path / "stack.yaml") == output


def test_the_output_of_no_file_is_the_usual_one(tmp_path: Path) -> None:
    assert find_output(tmp_path / "stack.yaml") == "compose.yaml"
