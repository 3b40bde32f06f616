"""Variables: one origin each, what fills them in, what an image wants."""

from __future__ import annotations

import pytest

from composegen.errors import Level
from tests.stackfile.checks.checking import CACHE, DB, make_optional
from tests.stacks import APP, find, list_names, list_places, make_app, make_stack

# Variables


@pytest.mark.parametrize(
    ("keys", "first", "place"),
    [
        ("environment: {URL: a}\nneeds: {cache: URL}", "6:19", (7, 20)),
        ("environment: {URL: a}\nneeds: {cache: {URL: '{url}'}}", "6:19", (7, 21)),
        ("needs:\n  cache: URL\n  other: URL", "7:14", (8, 14)),
        ("environment: {KEY_FILE: a}\nsecrets: [key]", "6:19", (7, 15)),
        ("secrets: [url]\nneeds: {cache: URL_FILE}", "6:15", (7, 20)),
        ("secrets: {a: X, b: X}", "6:15", (6, 21)),
        ("environment: [URL=a]\nneeds: {cache: URL}", "6:19", (7, 20)),
    ],
)
def test_a_variable_has_one_origin(
    keys: str, first: str, place: tuple[int, int]
) -> None:
    text = make_stack(app=APP + keys, cache=CACHE, other=CACHE)
    problem = find("same-variable", text)

    assert (problem.location.line, problem.location.column) == place
    assert f"first at stack.yaml:{first})" in problem.message


def test_the_port_of_a_local_command_is_filled_in_too_early() -> None:
    text = make_app("local: {command: 'serve --port $PORT'}")

    assert find("early-variable", text).help == "for the shell that runs it: $$PORT"
    assert list_names(make_app("local: {command: 'serve --port $$PORT'}")) == []


def test_a_variable_of_two_services_is_two_variables() -> None:
    keys = APP + "needs: {cache: URL}"

    assert list_names(make_stack(one=keys, two=keys, cache=CACHE)) == []


def test_a_secret_s_variable_may_be_set_to_its_own_path() -> None:
    keys = "environment: {KEY_FILE: /run/secrets/key}\nsecrets: [key]"

    assert list_names(make_app(keys)) == []


def test_otherwise_may_replace_what_environment_says() -> None:
    text = make_stack(
        app=APP + "environment: {STORE: redis}\n" + make_optional("{STORE: memory}"),
        cache=CACHE,
    )

    assert list_names(text) == []


def test_otherwise_may_set_what_its_own_need_would_have_wired() -> None:
    text = make_stack(app=APP + make_optional("{CACHE: 'none'}"), cache=CACHE)

    assert list_names(text) == []


def test_otherwise_may_not_set_what_another_need_wires() -> None:
    text = make_stack(
        app=APP + make_optional("{OTHER: a}", "{}"), cache=CACHE, other=CACHE
    )

    assert list_names(text) == ["same-variable"]


def test_otherwise_may_not_set_what_a_secret_sets() -> None:
    text = make_stack(
        app=APP + "secrets: [key]\n" + make_optional("{KEY_FILE: a}"), cache=CACHE
    )

    assert list_names(text) == ["same-variable"]


def test_two_fallbacks_agree_on_a_variable() -> None:
    same = make_stack(
        app=APP + make_optional("{A: b}", "{A: b}"), cache=CACHE, other=CACHE
    )
    different = make_stack(
        app=APP + make_optional("{A: b}", "{A: c}"), cache=CACHE, other=CACHE
    )

    assert list_names(same) == []
    assert list_names(different) == ["same-variable"]


def test_an_env_file_that_wires_what_may_be_excluded_is_a_warning() -> None:
    text = make_stack(
        app=APP + "env_file: app.env\n" + make_optional("{}"), cache=CACHE
    )

    assert list_places(text, {"app.env": "CACHE=redis://x\n"}) == [
        ("env-file-wires", 6, 5)
    ]


@pytest.mark.parametrize(
    "content", ["OTHER=a\n", "#CACHE=a\n", "", "MY_CACHE=a\n", "cache=a\n"]
)
def test_an_env_file_with_other_variables_is_fine(content: str) -> None:
    text = make_stack(
        app=APP + "env_file: app.env\n" + make_optional("{}"), cache=CACHE
    )

    assert list_names(text, {"app.env": content}) == []


def test_an_env_file_may_set_what_is_always_wired() -> None:
    text = make_stack(app=APP + "env_file: a.env\nneeds: {cache: URL}", cache=CACHE)

    assert "env-file-wires" not in list_names(text, {"a.env": "URL=x\n"})


def test_every_env_file_is_looked_at() -> None:
    text = make_stack(
        app=APP + "env_file: [a.env, {path: b.env}]\n" + make_optional("{}"),
        cache=CACHE,
    )

    assert list_names(text, {"a.env": "", "b.env": "export CACHE=a\n"}) == [
        "env-file-wires"
    ]


@pytest.mark.parametrize(
    "keys",
    [
        "command: echo $THEME",
        "command: [echo, '${THEME}']",
        "entrypoint: [sh, -c, 'echo $THEME']",
        "local: {command: 'echo $THEME'}",
    ],
)
def test_a_variable_of_the_container_in_a_command_is_filled_in_too_early(
    keys: str,
) -> None:
    text = make_app(f"environment: {{THEME: dark}}\n{keys}")

    assert "$$THEME" in find("early-variable", text).help


@pytest.mark.parametrize(
    "keys",
    ["command: echo $$THEME", "command: echo $HOME", "command: echo ${THEME:-light}"],
)
def test_other_variables_in_a_command_are_fine(keys: str) -> None:
    assert list_names(make_app(f"environment: {{THEME: dark}}\n{keys}")) == []


# Placeholders


@pytest.mark.parametrize(
    ("template", "target", "help"),
    [
        ("{user}", CACHE, "only a recipe knows"),
        ("{password}", CACHE, "only a recipe knows"),
        ("{database}", APP, "only a recipe knows"),
        ("{port}", "image: python:3.13-slim\nhealth: {command: [a]}", "port: 8080"),
        ("{url}", "image: python:3.13-slim\nhealth: {command: [a]}", "port: 8080"),
        ("{public_url}", CACHE, "publish: true"),
        (
            "{password}",
            "use: postgres\nenvironment: {POSTGRES_HOST_AUTH_METHOD: trust}",
            "set POSTGRES_PASSWORD",
        ),
        (
            "{password_file}",
            "use: postgres\nenvironment: {POSTGRES_PASSWORD: '${P}'}",
            "secrets: {other-password: POSTGRES_PASSWORD_FILE}",
        ),
        (
            "{database}",
            "use: mariadb\nsecrets: {p: MARIADB_ROOT_PASSWORD_FILE}",
            "set MARIADB_DATABASE",
        ),
    ],
)
def test_what_is_not_known_is_an_error_with_its_fix(
    template: str, target: str, help: str
) -> None:
    text = make_stack(app=APP + f"needs: {{other: {{A: '{template}'}}}}", other=target)
    problem = find("placeholder-unknown", text)

    assert help in problem.help
    assert str(problem.location) == "stack.yaml:6:21"


@pytest.mark.parametrize(
    ("template", "target"),
    [
        ("{host}:{port}", CACHE),
        ("{service}", APP),
        ("{url}", APP),
        ("{url}", CACHE),
        ("{public_url}", CACHE + "\npublish: 6379"),
        ("{user} {database}", DB),
        ("{password_file} {url_file}", DB),
        ("{user}", "use: mariadb\nsecrets: {p: MARIADB_ROOT_PASSWORD_FILE}"),
    ],
)
def test_what_is_known_is_filled_in(template: str, target: str) -> None:
    text = make_stack(app=APP + f"needs: {{other: {{A: '{template}'}}}}", other=target)

    assert list_names(text) == []


@pytest.mark.parametrize("needs", ["URL", "{URL: '{url}'}", "{P: '{password}'}"])
def test_a_password_that_becomes_visible_is_a_warning(needs: str) -> None:
    text = make_stack(app=APP + f"needs: {{db: {needs}}}", db=DB)
    problem = find("visible-password", text)

    assert problem.level is Level.WARNING
    assert "_FILE" in problem.help
    assert list_names(text) == ["visible-password"]


@pytest.mark.parametrize(
    "needs", ["URL_FILE", "{P: '{password_file}'}", "{H: '{host}'}"]
)
def test_a_path_or_an_address_shows_no_password(needs: str) -> None:
    assert list_names(make_stack(app=APP + f"needs: {{db: {needs}}}", db=DB)) == []


# What an image does not start without


@pytest.mark.parametrize("recipe", ["postgres", "mariadb", "mysql"])
def test_a_database_gets_a_password(recipe: str) -> None:
    problem = find("missing-setting", make_stack(db=f"use: {recipe}"))

    assert "secrets: {db-password: " in problem.help
    assert "generate: true" in problem.help


@pytest.mark.parametrize(
    "keys",
    [
        "secrets: {p: POSTGRES_PASSWORD_FILE}",
        "environment: {POSTGRES_PASSWORD: '${P:?}'}",
        "environment: {POSTGRES_HOST_AUTH_METHOD: trust}",
        "env_file: db.env",
    ],
)
def test_a_database_that_gets_its_password_is_fine(keys: str) -> None:
    assert "missing-setting" not in list_names(make_stack(db=f"use: postgres\n{keys}"))


@pytest.mark.parametrize("recipe", ["redis", "nginx", "mongo", "valkey"])
def test_other_recipes_start_with_nothing(recipe: str) -> None:
    assert list_names(make_stack(a=f"use: {recipe}")) == []
