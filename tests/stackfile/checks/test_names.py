"""Names: of services among each other, of images, and aliases."""

from __future__ import annotations

import pytest

from composegen.errors import Level
from tests.rendering import read_services, render
from tests.stackfile.checks.checking import CACHE
from tests.stacks import APP, find, list_names, make_app, make_stack

BUILT = "build: {dockerfile_inline: 'FROM python:3.13-slim'}\nport: 80\nhealth: /\n"


def name(service: str, keys: str) -> str:
    return make_stack(x=keys).replace("  x:", f"  {service}:")


def test_names_that_differ_only_in_case_are_one() -> None:
    text = make_stack(web=APP, db=APP, Web=APP)
    problem = find("name-case", text)

    assert "(at stack.yaml:2:3)" in problem.message
    assert str(problem.location) == "stack.yaml:10:3"


@pytest.mark.parametrize(
    ("service", "names"),
    [
        *(
            (each, [])
            for each in ("web", "my_web", "my__web", "my.web", "my--web", "1")
        ),
        *((each, ["bad-name"]) for each in ("Web", "web-", "web.-x", "a___b", "a..b")),
    ],
)
def test_an_image_is_named_after_what_is_built(service: str, names: list[str]) -> None:
    assert list_names(name(service, BUILT)) == names
    assert list_names(name(service, BUILT + "image: web:dev\n")) == []
    assert list_names(name(service, APP)) == []


def test_an_alias_is_a_name_on_every_network() -> None:
    app = f"{APP}aliases: [Old.name, b]\nneeds: [cache]\n"
    services = read_services(make_stack(app=app, cache=CACHE))

    assert services["app"]["networks"] == {
        "default": {"aliases": ["Old.name", "b"]},
        "cache": {"aliases": ["Old.name", "b"]},
    }


@pytest.mark.parametrize(
    "keys",
    [
        "networks: {a: {aliases: [x], priority: 5}, b: }",
        "compose: {networks: {default: {aliases: [x]}}}",
    ],
)
def test_aliases_of_one_network_are_kept(keys: str) -> None:
    app = read_services(make_app(f"aliases: [y]\n{keys}"))["app"]["networks"]

    assert {*app} == ({"a", "b"} if "priority" in keys else {"default"})
    first, *rest = app.values()
    assert {*first["aliases"]} == {"x", "y"}
    assert first.get("priority") == (5 if "priority" in keys else None)
    assert rest in ([], [{"aliases": ["y"]}])


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        ("aliases: a", "wrong-type"),
        ("aliases: ['a b']", "bad-name"),
        ("aliases: ['${A}']", "variable-here"),
        ("aliases: [a]\ncompose: {network_mode: host}", "network-mode"),
        ("aliases: [a]\ncompose: {networks: ['${NET}']}", "variable-here"),
    ],
)
def test_what_is_no_alias_is_refused(keys: str, names: str) -> None:
    assert list_names(make_app(keys)) == [names]


@pytest.mark.parametrize(
    ("app", "other", "names"),
    [
        ("aliases: [Other]", "", ["name-taken"]),
        ("aliases: [other]\nnetworks: [a]", "networks: [b]", []),
        ("aliases: [app]", "", []),
    ],
)
def test_an_alias_is_not_the_name_of_another_service(
    app: str, other: str, names: list[str]
) -> None:
    text = make_stack(app=f"{APP}{app}", other=f"{APP}{other}")

    assert list_names(text) == names
    if names:
        assert find("name-taken", text).level is Level.WARNING


def test_every_name_is_rendered_as_it_is() -> None:
    services = ("My_Web.v1", "1", "007", "yes", "null", "1e3", "0x1F")
    text = "services:\n" + "".join(
        name(each, APP).removeprefix("services:\n") for each in services
    )

    assert set(read_services(text)) == {*services}
    assert "\n  My_Web.v1:\n" in render(text)
