"""Which value counts: the recipe's, one's own, a wire, a raw setting."""

from __future__ import annotations

from textwrap import dedent, indent

import pytest

from composegen.model import Mount
from composegen.needs import Condition
from composegen.ports import Port
from tests.stackfile.loading import list_app_names, load_need, load_step, render_service
from tests.stacks import (
    Files,
    find,
    list_names,
    load_app,
    load_only,
    load_services,
    make_app,
    make_stack,
)

# Publish


def test_the_port_is_the_first_published_one_where_it_is_left_out() -> None:
    one = load_services(make_stack(app="image: python:3.13\nhealth: /\npublish: 3000"))
    two = load_services(
        make_stack(app="image: python:3.13\nhealth: /\npublish: ['80:9000', 8001]")
    )

    assert one["app"].port == 3000
    assert two["app"].port == 9000


def test_a_range_listens_on_the_same_range() -> None:
    text = make_stack(app="image: python:3.13\nhealth: /\npublish: [9000-9002]")

    app = load_services(text)["app"]

    assert app.port == 9000
    assert app.publish == (Port(published="9000-9002", target="9000-9002"),)


def test_a_default_says_what_a_published_variable_listens_on() -> None:
    text = make_stack(app="image: python:3.13\nhealth: /\npublish: ${P:-3000}")

    app = load_services(text)["app"]

    assert app.port == 3000
    assert app.publish == (Port(published="${P:-3000}", target="3000"),)


# Needs


def test_a_job_is_waited_for_until_it_has_finished() -> None:
    need = load_need("needs: [cache]", "image: python:3.13-slim\njob: true")

    assert need.until is Condition.FINISHED


# Keys of Compose that are taken as they are


STAGES = {"Dockerfile": "FROM python:3.13-slim AS base\nFROM base AS prod\n"}


@pytest.mark.parametrize("target", ["production", "2", "bas"])
def test_a_target_is_a_stage_of_the_dockerfile(target: str) -> None:
    keys = f"build: {{context: ., target: '{target}'}}\nport: 8000\nhealth: /\n"
    problem = find("unknown-target", make_stack(app=keys), STAGES)

    assert str(problem.location) == "stack.yaml:3:33"
    assert list_names(make_stack(app=keys), STAGES) == ["unknown-target"]


@pytest.mark.parametrize("target", ["base", "PROD", "1", "${TARGET:-prod}"])
def test_a_target_that_there_may_be_is_no_problem(target: str) -> None:
    keys = f"build: {{context: ., target: '{target}'}}\nhealth: {{command: [x]}}\n"

    assert list_names(make_stack(app=keys), STAGES) == []
    assert list_names(make_stack(app=keys), {"Dockerfile": "# nothing\n"}) == []


# Null


@pytest.mark.parametrize(
    "keys",
    [
        *("environment: ", "publish: ", "tty: null", "command: ~", "volumes: "),
        *("labels: {a: }", "volumes: [null]", "command: [a, ~]", "secrets: [null]"),
        *("resources: {cpus: }", "local: {command: [a], env: {A: }}", "needs: [null]"),
        *("build: {context: }", "cap_add: [~]", "local: {command: }", "env_file: [~]"),
    ],
)
def test_null_is_an_error_where_it_removes_nothing(keys: str) -> None:
    assert set(list_app_names(keys)) == {"null-value"}


def test_a_quoted_null_is_a_text() -> None:
    assert load_app("environment: {A: 'null', B: '~'}").environment == {
        "A": "null",
        "B": "~",
    }


def test_null_removes_what_a_recipe_brought() -> None:
    services = load_services(
        make_stack(
            one="use: redis\nvolumes: \nport: \nhealth: {command: [a]}",
            two="use: redis\nhealth: \n",
        )
    )

    assert services["one"].volumes == ()
    assert services["one"].port is None
    assert services["two"].health is None


def test_null_is_passed_on_in_raw_settings() -> None:
    stack = load_only(
        make_app("compose: {x-a: , x-b: {c: null}}") + "compose: {x-d: }\nx-e: {f: ~}\n"
    )

    assert stack.services["app"].compose == {"x-a": None, "x-b": {"c": None}}
    assert stack.compose == {"x-d": None}
    assert stack.extensions == {"x-e": {"f": None}}


# Precedence: recipe, own keys, wires, raw settings


RECIPE: Files = {
    "recipes/base.yaml": """\
about: a base
images: [python]
image: python:3.13-slim
port: 8000
health: {http: /health, boot: 2m, interval: 7s}
volumes: [data:/data]
environment: {A: recipe, B: recipe}
labels: {a: recipe, b: recipe}
local: {command: [recipe], dir: ./recipe, env: {A: recipe, B: recipe}}
tools: [python]
"""
}


def load_base(keys: str = "") -> tuple[str, Files]:
    own = indent(dedent(keys), "    ")
    return f"recipes: ./recipes\nservices:\n  app:\n    use: base\n{own}", RECIPE


def test_a_recipe_brings_what_it_says() -> None:
    app = load_services(*load_base())["app"]

    assert (app.recipe, app.image, app.port) == ("base", "python:3.13-slim", 8000)
    assert app.environment == {"A": "recipe", "B": "recipe"}
    assert app.volumes == (Mount(source="app-data", target="/data"),)


def test_a_build_takes_the_place_of_the_recipe_s_image() -> None:
    text, _ = load_base("build: .\n")
    files = {**RECIPE, "Dockerfile": "FROM python:3.13-slim\n"}
    app = load_services(text, files)["app"]

    assert app.image == ""
    assert app.build is not None


def test_tmpfs_merges_by_path() -> None:
    text = make_app("tmpfs: ['/tmp:size=64m', /run]")

    assert render_service(text)["tmpfs"] == ["/tmp:size=64m", "/run"]


def test_secrets_under_a_merge_key_are_replaced_whole() -> None:
    text = "x-a: &a {secrets: {one: ONE_FILE}}\n" + make_app(
        "<<: *a\nsecrets: {two: TWO_FILE}"
    )

    names = [use.name for use in load_only(text).services["app"].secrets]

    assert names == ["two"]  # a merge key of YAML replaces; only recipes merge


def test_a_wire_comes_after_one_s_own_variables() -> None:
    text = make_app("environment: {A: own}\nneeds: {cache: REDIS_URL}")
    step = load_step(text + "  cache: {use: redis}\n")

    assert step.environment == {"A": "own", "REDIS_URL": "redis://cache:6379/0"}


def test_otherwise_may_override_environment() -> None:
    text = make_app(
        "environment: {STORE: redis}\n"
        "needs: {cache: {env: {U: '{url}'}, otherwise: {env: {STORE: memory}}}}"
    )
    text += "  cache: {use: redis}\n"

    assert load_step(text).environment == {
        "STORE": "redis",
        "U": "redis://cache:6379/0",
    }
    assert load_step(text, without=("cache",)).environment == {"STORE": "memory"}


def test_otherwise_may_change_the_number_of_replicas() -> None:
    text = make_app("replicas: 3\nneeds: {cache: {otherwise: {replicas: 1}}}")
    text += "  cache: {use: redis}\n"

    assert load_step(text).replicas == 3
    assert load_step(text, without=("cache",)).replicas == 1


def test_raw_settings_come_last() -> None:
    text = make_app(
        "environment: {A: own, B: own}\nneeds: {cache: REDIS_URL}\n"
        "compose: {environment: {B: raw, REDIS_URL: raw}, cap_add: [NET_RAW], "
        "command: [raw]}\ncommand: [own]\n"
    )
    service = render_service(text + "  cache: {use: redis}\n")

    assert service["environment"] == {"A": "own", "B": "raw", "REDIS_URL": "raw"}
    assert service["cap_add"] == ["NET_RAW"]
    assert service["command"] == ["raw"]


def test_checks_look_at_the_result() -> None:
    text, files = load_base("image: bitnami/python:3\n")

    assert list_names(text, files) == ["foreign-image"]
