"""The top level of a stack file: its keys, its services' names, what it declares."""

from __future__ import annotations

import pytest

from composegen.model import Secret, SecretKind
from tests.stacks import find, list_names, list_places, load_only, make_app

# The file


@pytest.mark.parametrize(
    "text", ["- web\n- db\n", "web\n", "42\n", '"services: web"\n']
)
def test_a_list_or_a_text_at_the_top_is_no_stack(text: str) -> None:
    problem = find("wrong-type", text)

    assert problem.message.endswith("is not a mapping")
    assert "services:" in problem.help
    assert (problem.location.line, problem.location.column) == (1, 1)


@pytest.mark.parametrize("text", ["name: shop\n", "{}\n", "services: {}\n"])
def test_a_stack_has_services(text: str) -> None:
    assert list_names(text) == ["no-services"]


@pytest.mark.parametrize(
    ("services", "name"),
    [("", "null-value"), ("[web]", "wrong-type"), ("web", "wrong-type")],
)
def test_services_are_a_mapping(services: str, name: str) -> None:
    assert list_names(f"services: {services}\n") == [name]


# The top level


@pytest.mark.parametrize("name", ["shop", "my_shop-2", "0", "a" * 63])
def test_a_stack_has_a_name(name: str) -> None:
    assert load_only(f"name: {name}\nservices: {{web: {{use: nginx}}}}").name == name


@pytest.mark.parametrize("name", ["Shop", "my shop", "-a", "ä", "a" * 64, '""', "a.b"])
def test_a_name_that_compose_would_change_is_refused(name: str) -> None:
    assert list_places(f"services: {{web: {{use: nginx}}}}\nname: {name}\n") == [
        ("bad-name", 2, 7)
    ]


@pytest.mark.parametrize(
    ("key", "near"),
    [("service", "services"), ("secret", "secrets"), ("volume", "volumes")],
)
def test_an_unknown_key_at_the_top_has_a_near_name(key: str, near: str) -> None:
    problem = find("unknown-key", f"services: {{web: {{use: nginx}}}}\n{key}: {{}}\n")

    assert problem.help == f"did you mean `{near}`?"
    assert problem.location.line == 2


@pytest.mark.parametrize("key", ["version", "configs", "include"])
def test_a_key_of_compose_at_the_top_is_reported_with_its_fix(key: str) -> None:
    problem = find("compose-key", f"{key}: []\nservices: {{web: {{use: nginx}}}}\n")

    assert problem.help
    assert str(problem.location) == "stack.yaml:1:1"


def test_a_key_that_begins_with_x_is_passed_on() -> None:
    stack = load_only("x-team: {name: shop, size: 3}\nservices: {web: {use: nginx}}")

    assert stack.extensions == {"x-team": {"name": "shop", "size": 3}}


def test_a_key_that_only_holds_an_anchor_is_not_passed_on() -> None:
    stack = load_only("x-web: &web {use: nginx}\nservices: {web: *web}")

    assert stack.extensions == {}


@pytest.mark.parametrize("key", ["services", "secrets", "name", "version"])
def test_the_raw_settings_at_the_top_may_not_hold(key: str) -> None:
    text = f"services: {{web: {{use: nginx}}}}\ncompose: {{{key}: a}}\n"

    assert list_places(text) == [("computed-key", 2, 11)]


def test_raw_settings_at_the_top_are_kept() -> None:
    stack = load_only(
        "services: {web: {use: nginx}}\ncompose: {networks: {proxy: {external: true}}}"
    )

    assert stack.compose == {"networks": {"proxy": {"external": True}}}


# Names


@pytest.mark.parametrize("name", ["a", "web", "web-2", "a-", "a" * 63])
def test_a_service_has_a_name(name: str) -> None:
    assert list_names(f"services:\n  {name}: {{use: nginx}}\n") == []


@pytest.mark.parametrize(
    "name",
    [
        "-web",
        "_web",
        "a b",
        "a" * 64,
        "wéb",
        "default",
        "host",
        "none",
    ],
)
def test_a_service_cannot_be_called(name: str) -> None:
    assert list_places(f"services:\n  {name}: {{use: nginx}}\n") == [("bad-name", 2, 3)]


def test_a_name_that_could_be_fixed_is_fixed() -> None:
    problem = find("bad-name", "services: {Web Shop/1: {use: nginx}}")

    assert "did you mean `Web-Shop-1`?" in problem.help


@pytest.mark.parametrize("name", ["Web", "web_1", "web.1", "1web", "My_Web.v1-"])
def test_a_service_can_have_every_name_of_compose(name: str) -> None:
    assert list_places(f"services:\n  {name}: {{use: nginx}}\n") == []


# Secrets


@pytest.mark.parametrize(
    ("declared", "secret"),
    [
        ("{env: API_KEY}", Secret(name="key", kind=SecretKind.ENV, source="API_KEY")),
        ("{file: ./k.txt}", Secret(name="key", kind=SecretKind.FILE, source="./k.txt")),
        ("{generate: true}", Secret(name="key", kind=SecretKind.GENERATE)),
        ("", Secret(name="key", kind=SecretKind.ENV, source="key")),
        ("~", Secret(name="key", kind=SecretKind.ENV, source="key")),
    ],
)
def test_a_secret_is_declared(declared: str, secret: Secret) -> None:
    text = make_app("secrets: [key]") + f"secrets: {{key: {declared}}}\n"

    assert load_only(text).secrets == {"key": secret}


def test_a_secret_of_compose_is_reported_with_its_word_here() -> None:
    text = make_app("secrets: [key]") + "secrets: {key: {environment: JWT}}\n"

    assert list_names(text) == ["compose-key"]
    assert find("compose-key", text).help == "{env: JWT}"


def test_an_undeclared_secret_comes_from_the_variable_of_its_name() -> None:
    stack = load_only(make_app("secrets: [GROQ_API_KEY]"))

    assert stack.secrets["GROQ_API_KEY"].source == "GROQ_API_KEY"


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        ("{env: A, file: b}", "wrong-type"),
        ("{}", "wrong-type"),
        ("{generate: false}", "wrong-type"),
        ("{generate: yes}", "wrong-type"),
        ("{env: 1A}", "bad-name"),
        ("{env: A-B}", "bad-name"),
        ("{env: }", "null-value"),
        ("{file: ''}", "wrong-type"),
        ("{external: true}", "compose-key"),
        ("{environment: JWT}", "compose-key"),
        ("API_KEY", "wrong-type"),
    ],
)
def test_a_secret_is_declared_in_no_other_way(declared: str, name: str) -> None:
    text = make_app("secrets: [key]") + f"secrets: {{key: {declared}}}\n"

    assert name in list_names(text)


# Null


@pytest.mark.parametrize("name", ["a", "a/b", "-data", "dä", '""'])
def test_a_declared_volume_cannot_be_called(name: str) -> None:
    assert list_names(make_app() + f"volumes: {{{name}: {{}}}}\n") == ["bad-name"]


@pytest.mark.parametrize("options", ["local", "[local]", "true"])
def test_a_volume_has_options_or_none(options: str) -> None:
    text = make_app("volumes: [data:/data]") + f"volumes: {{data: {options}}}\n"

    assert list_names(text) == ["wrong-type"]


def test_null_is_no_options_of_a_volume() -> None:
    stack = load_only(make_app("volumes: [data:/data]") + "volumes: {data: }\n")

    assert stack.volumes == {"data": None}


@pytest.mark.parametrize("key", ["name", "services", "recipes"])
def test_null_is_an_error_at_the_top(key: str) -> None:
    text = f"{key}:\n" + ("" if key == "services" else make_app())

    assert list_places(text)[0][0] == "null-value"
