"""Images: named, versioned, known; what is relaxed has a reason."""

from __future__ import annotations

import pytest

from composegen.errors import Level
from tests.stackfile.checks.checking import list_all
from tests.stacks import check, find, list_names, list_places, make_app, make_stack

# Images


def test_a_service_has_an_image() -> None:
    text = make_stack(app="port: 80\nhealth: {command: [a]}")

    assert list_places(text) == [("no-image", 2, 3)]


def test_a_recipe_whose_image_is_removed_has_none() -> None:
    assert list_names(make_stack(a="use: redis\nimage: \n")) == ["no-image"]


@pytest.mark.parametrize(
    "image",
    [
        "redis",
        "redis:latest",
        "docker.io/redis",
        "localhost:5000/redis",
        "docker.io/library/redis:latest",
    ],
)
def test_an_image_without_a_version_is_a_warning(image: str) -> None:
    text = make_stack(cache=f"use: redis\nimage: {image}")

    assert list_places(text) == [("latest-image", 4, 5)]


@pytest.mark.parametrize(
    "image",
    [
        "redis:8",
        "redis:8-alpine",
        "localhost:5000/redis:8",
        "redis:${TAG}",
        f"redis@sha256:{'a' * 64}",
        f"redis:latest@sha256:{'a' * 64}",
        "redis:${TAG:-8}",
        "${REGISTRY}/redis:8",
        "docker.io/library/redis:8",
        "example.com/library/redis:8",
    ],
)
def test_an_image_with_a_version_is_fine(image: str) -> None:
    assert list_names(make_stack(cache=f"use: redis\nimage: {image}")) == []


@pytest.mark.parametrize(
    "image", ["bitnami/redis:8", "valkey/valkey:8", "redis/redis-stack:7"]
)
def test_a_recipe_under_a_foreign_image_is_a_warning(image: str) -> None:
    text = make_stack(cache=f"use: redis\nimage: {image}\nvolumes: [d1:/d]")

    assert list_places(text) == [("foreign-image", 4, 5)]
    assert find("foreign-image", text).level is Level.WARNING


def test_a_recipe_over_a_foreign_base_is_a_warning() -> None:
    text = make_stack(cache="use: redis\nbuild: .")

    assert list_names(text, {"Dockerfile": "FROM redis:8-alpine\n"}) == []
    found = list_names(text, {"Dockerfile": "FROM debian:13\n"})
    assert sorted(found) == ["foreign-image", "unknown-data-folder"]


def test_an_image_that_nothing_is_known_about_is_noted() -> None:
    text = make_stack(app="image: example.com/a:1\nport: 80\nhealth: {command: [a]}")
    problem = find("unknown-image", text)

    assert problem.level is Level.NOTE
    assert "relax: " in problem.help


@pytest.mark.parametrize("keys", ["relax: why", "use: redis"])
def test_an_image_that_is_relaxed_or_has_a_recipe_is_not_noted(keys: str) -> None:
    text = make_stack(app=f"image: example.com/a:1\nhealth: {{command: [a]}}\n{keys}")

    assert "unknown-image" not in list_all(text)


def test_a_tag_that_is_a_variable_is_noted() -> None:
    assert list_all(make_stack(a="use: redis\nimage: redis:${T:-8}")) == ["assumed-tag"]
    assert list_all(make_stack(a="use: redis\nimage: redis:8")) == []


# Reasons


@pytest.mark.parametrize(
    "relax", ["relax: {init: }", "relax: ''", "relax: {init: '  '}"]
)
def test_a_service_that_is_relaxed_says_why(relax: str) -> None:
    text = make_app(relax)

    assert set(list_names(text)) == {"no-reason"}
    assert {problem.location.line for problem in check(text)} == {6}


@pytest.mark.parametrize("relax", ["relax: {init: }", "relax: ''", "relax: {init: ''}"])
def test_a_stack_that_is_relaxed_says_why_once(relax: str) -> None:
    text = f"{relax}\n" + make_stack(one="use: nginx", two="use: nginx")

    assert list_names(text) == ["no-reason"]
    assert {problem.location.line for problem in check(text)} == {1}


@pytest.mark.parametrize("relax", ["relax: {init: s6}", "relax: a first try"])
def test_a_reason_is_enough(relax: str) -> None:
    assert list_names(make_app(relax)) == []
    assert list_names(f"{relax}\n" + make_app()) == []


def test_relaxing_without_a_reason_is_reported_once_each() -> None:
    assert list_names(make_app("relax: {init: , read_only: why, cap_drop: }")) == [
        "no-reason",
        "no-reason",
    ]
    assert list_names(make_app("relax: ''")) == ["no-reason"]


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ("image: python:3.13-slim\ncompose: {image: null}", "image"),
        ("build: {dockerfile_inline: FROM a:1}\ncompose: {build: null}", "build"),
        ("image: a:1\nbuild: .\ncompose: {build: null, image: null}", "image"),
    ],
)
def test_what_to_run_cannot_be_removed(keys: str, key: str) -> None:
    text = make_stack(app=f"{keys}\nhealth: {{none: why}}\n")

    assert find("no-image", text).message == (
        f"without `{key}`, `app` has nothing to run"
    )


def test_one_of_image_and_build_can_be_removed() -> None:
    text = make_stack(
        app="image: a:1\nbuild: .\nhealth: {none: why}\ncompose: {image: null}\n"
    )

    assert "no-image" not in list_names(text)


@pytest.mark.parametrize(
    ("image", "example"),
    [("redis", "redis:8-alpine"), ("example/app", "postgres:18-alpine")],
)
def test_a_version_is_shown_on_the_image_that_lacks_one(
    image: str, example: str
) -> None:
    help = find("latest-image", make_stack(a=f"image: {image}\nport: 80")).help

    assert help == f"name a version, as in {example}"
