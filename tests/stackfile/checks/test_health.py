"""Health checks: a port to ask on, a tool that asks, time enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from composegen.errors import ProblemsFound
from composegen.stackfile.load import load_stack
from tests.stacks import (
    find,
    list_names,
    list_places,
    load_services,
    make_stack,
)


@pytest.mark.parametrize(
    ("health", "names"),
    [
        ("{http: /, boot: 1s, timeout: 2s}", ["boot-too-short"]),
        ("{http: /, boot: 1s}", ["boot-too-short"]),
        ("{http: /, timeout: 61s}", ["boot-too-short"]),
        ("{command: [a], boot: 500ms}", ["boot-too-short"]),
        ("{http: /, boot: 2s, timeout: 2s}", []),
        ("{http: /, boot: 3s}", []),
    ],
)
def test_booting_takes_longer_than_a_probe(health: str, names: list[str]) -> None:
    text = make_stack(app=f"image: python:3.13-slim\nport: 80\nhealth: {health}")

    assert list_names(text) == names


@pytest.mark.parametrize("health", ["/", "{tcp: true}"])
def test_a_probe_needs_a_port(health: str) -> None:
    text = make_stack(app=f"image: python:3.13-slim\nhealth: {health}")

    assert list_places(text) == [("no-port", 4, 5)]


@pytest.mark.parametrize(
    "keys",
    [
        "health: /\nport: 80",
        "health: /\npublish: 80",
        "health: {http: /, port: 80}",
        "health: {command: [a]}",
        "health: image",
        "health: {none: why}",
    ],
)
def test_a_port_is_known_or_not_needed(keys: str) -> None:
    assert list_names(make_stack(app=f"image: python:3.13-slim\n{keys}")) == []


def test_publishing_true_needs_a_port() -> None:
    text = make_stack(app="image: python:3.13-slim\nhealth: image\npublish: true")

    assert list_places(text) == [("no-port", 5, 5)]


@pytest.mark.parametrize("keys", ["job: true", "health: image", "health: {none: why}"])
def test_a_service_without_a_port_may_publish_nothing(keys: str) -> None:
    names = list_names(make_stack(app=f"image: python:3.13-slim\n{keys}"))

    assert "no-port" not in names


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        ("publish: ['53:53/udp']\nhealth: {tcp: true}", ["udp-health"]),
        ("publish: ['53:53/udp']\nhealth: /", ["udp-health"]),
        ("publish: ['53:53/udp']\nhealth: {http: /, port: 53}", ["udp-health"]),
        ("publish: ['53:53/udp', '53:53']\nhealth: {tcp: true}", []),
        ("publish: ['53:53/udp']\nhealth: {http: /, port: 8053}", []),
        ("publish: ['53:53/udp']\nhealth: {command: [a]}", []),
        ("publish: ['53:53/udp', '80:80']\nport: 80\nhealth: /", []),
    ],
)
def test_a_udp_port_cannot_be_asked(keys: str, names: list[str]) -> None:
    assert list_names(make_stack(app=f"image: python:3.13-slim\n{keys}")) == names


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        ("image: example.com/app:1\nhealth: /", ["no-probe-tool"]),
        ("image: example.com/app:1\nhealth: {tcp: true}", ["no-probe-tool"]),
        ("image: prom/prometheus:v3-distroless\nhealth: /", ["no-probe-tool"]),
        ("image: example.com/app:1\nhealth: {http: /, tool: curl}", []),
        ("image: example.com/app:1\nhealth: {command: [a]}", []),
        ("image: example.com/app:1\nhealth: image", []),
        ("image: node:22-slim\nhealth: /", []),
        ("image: node:22-alpine\nhealth: {tcp: true}", []),
        ("image: mcr.microsoft.com/dotnet/aspnet:9.0\nhealth: /", []),
    ],
)
def test_something_in_the_image_must_ask(keys: str, names: list[str]) -> None:
    assert list_names(make_stack(app=f"port: 80\n{keys}")) == names


@pytest.mark.parametrize(
    ("dockerfile", "build", "names"),
    [
        ("FROM python:3.13-slim\n", ".", []),
        ("FROM gcr.io/distroless/static\n", ".", ["no-probe-tool"]),
        ("FROM golang:1.25 AS build\nFROM scratch\n", ".", ["no-probe-tool"]),
        ("FROM golang:1.25 AS build\nFROM alpine:3\n", ".", []),
        ("FROM node:22 AS a\nFROM scratch\n", "{context: ., target: a}", []),
        ("FROM node:22 AS a\nFROM a\n", ".", []),
        ("ARG V=22\nFROM node:${V}\n", ".", []),
        ("ARG BASE\nFROM $BASE\n", ".", ["no-probe-tool"]),
        ("FROM node:22\n", "{context: ., dockerfile: Other}", ["missing-file"]),
    ],
)
def test_the_last_or_targeted_stage_must_ask(
    dockerfile: str, build: str, names: list[str]
) -> None:
    text = make_stack(app=f"build: {build}\nport: 80\nhealth: /")

    assert list_names(text, {"Dockerfile": dockerfile}) == names


def test_what_is_in_a_dockerfile_that_is_not_there_is_not_guessed() -> None:
    text = make_stack(app="build: ./app\nport: 80\nhealth: /")

    assert list_names(text) == ["missing-file"]


# What is known of the image


def explain(keys: str, files: dict[str, str]) -> str:
    text = make_stack(app=f"{keys}\nport: 80\nhealth: /\n")
    return find("no-probe-tool", text, files).message.partition("its image: ")[2]


@pytest.mark.parametrize(
    ("dockerfile", "known"),
    [
        ("FROM acme/base:1", "there are no facts about its base image `acme/base:1`"),
        (
            "ARG B=acme/x:2\nFROM $B AS a\nFROM a",
            "there are no facts about its base image `acme/x:2`",
        ),
        (
            "ARG B\nFROM $B",
            "its Dockerfile does not say which image it begins with",
        ),
        (
            "FROM gcr.io/distroless/static",
            "its base image `gcr.io/distroless/static` has no such tool",
        ),
    ],
)
def test_the_base_that_was_read_is_named(dockerfile: str, known: str) -> None:
    assert explain("build: .", {"Dockerfile": dockerfile}) == known


def test_the_image_about_which_nothing_is_known_is_named() -> None:
    known = "there are no facts about the image `acme/web:1`"
    assert explain("image: acme/web:1", {}) == known


def test_a_base_beyond_the_folder_is_not_shown(tmp_path: Path) -> None:
    folder = tmp_path / "stack"
    folder.mkdir()
    (tmp_path / "Dockerfile").write_text("FROM acme/secret:1\n")
    (folder / "Dockerfile").symlink_to("../Dockerfile")
    text = make_stack(
        link="build: .\nport: 80\nhealth: /\n", up="build: ..\nport: 80\nhealth: /\n"
    )
    (folder / "stack.yaml").write_text(text)

    with pytest.raises(ProblemsFound) as raised:
        load_stack(folder / "stack.yaml", "stack.yaml")

    assert len(raised.value.problems) == 2
    assert "secret" not in str(raised.value)


def test_a_dockerfile_that_does_not_exist_is_the_problem() -> None:
    text = make_stack(app="build: ./web\nport: 80\nhealth: /\n")

    assert list_places(text) == [("missing-file", 3, 12)]
    assert list_places(text, {"web/x": ""}) == [("missing-file", 3, 12)]


@pytest.mark.parametrize(
    ("keys", "dockerfile", "tools"),
    [
        ("build: .", 'FROM acme/base:1\nCMD ["python", "x"]', ("python",)),
        ("build: .", "FROM acme/base:1\nRUN pip install x", ("python3",)),
        ("build: .", "FROM python:3.13-slim\nRUN npm ci", ("python", "node")),
        ("image: acme/base:1\ncommand: [node, x.js]", "", ("node",)),
        ("image: acme/base:1\nentrypoint: node x.js", "", ("node",)),
    ],
)
def test_what_is_called_in_the_image_can_run_the_probe(
    keys: str, dockerfile: str, tools: tuple[str, ...]
) -> None:
    text = make_stack(app=f"{keys}\nport: 80\nhealth: /\n")
    health = load_services(text, {"Dockerfile": dockerfile})["app"].health

    assert health is not None
    assert health.tools == tools


# From outside

OUTSIDE = "image: example/app:1\nport: 80\nhealth: {http: /, from: outside}\n"


def test_an_image_without_tools_is_asked_from_outside() -> None:
    assert list_names(make_stack(app=OUTSIDE)) == []
    inside = make_stack(app=OUTSIDE.replace(", from: outside", ""))
    assert find("no-probe-tool", inside).help.endswith("health: {.., from: outside}")


@pytest.mark.parametrize(
    "keys",
    [
        "image: python:3.13-slim\nhealth: {command: [a], from: outside}",
        "image: python:3.13-slim\nhealth: {image: true, from: outside}",
        "image: python:3.13-slim\nhealth: {none: why, from: outside}",
        "use: redis\nhealth: {from: outside}",
        f"{OUTSIDE}compose: {{network_mode: host}}",
    ],
)
def test_a_check_from_outside_asks_a_port_by_a_name(keys: str) -> None:
    assert list_names(make_stack(app=keys)) == ["outside-health"]


def test_a_check_from_outside_needs_a_port() -> None:
    assert list_names(make_stack(app=OUTSIDE.replace("port: 80\n", ""))) == ["no-port"]


def test_no_service_has_the_name_of_a_helper() -> None:
    other = "image: python:3.13-slim\nport: 80\nhealth: /\n"
    problem = find("name-taken", make_stack(app=OUTSIDE, app_health=other))

    assert str(problem.location) == "stack.yaml:6:3"
    inside = OUTSIDE.replace("example/app:1", "python:3.13-slim")
    inside = inside.replace(", from: outside", "")
    assert list_names(make_stack(app=inside, app_health=other)) == []
