"""The key `health`: how a service is asked whether it is ready."""

from __future__ import annotations

import pytest

from composegen.health import Health, HealthKind
from composegen.values import Duration
from tests.stackfile.loading import load_health
from tests.stacks import find, list_names, load_services, make_stack


def list_health_names(health: str) -> list[str]:
    return list_names(
        make_stack(app=f"image: python:3.13-slim\nport: 8000\nhealth: {health}\n")
    )


def test_a_health_check_has_defaults() -> None:
    assert load_health("/health") == Health(
        kind=HealthKind.HTTP,
        path="/health",
        port=8000,
        boot=Duration("60s", 60),
        interval=Duration("10s", 10),
        timeout=Duration("2s", 2),
        retries=3,
        tools=("python",),
    )


@pytest.mark.parametrize(
    ("health", "kind"),
    [
        ("/", HealthKind.HTTP),
        ("image", HealthKind.IMAGE),
        ("{http: '/a?b=c&d'}", HealthKind.HTTP),
        ("{tcp: true}", HealthKind.TCP),
        ("{command: [a, b]}", HealthKind.COMMAND),
        ("{command: a | b}", HealthKind.COMMAND),
        ("{image: true}", HealthKind.IMAGE),
        ("{none: it cannot be asked}", HealthKind.NONE),
    ],
)
def test_health_asks(health: str, kind: HealthKind) -> None:
    assert load_health(health).kind is kind


def test_a_health_command_is_words_or_a_text_for_a_shell() -> None:
    assert load_health("{command: [a, 'b c']}").command == ("a", "b c")
    assert load_health("{command: a | b}").command == "a | b"


def test_every_setting_of_health_is_read() -> None:
    health = load_health(
        "{http: /a, port: 81, boot: 2m, interval: 5s, timeout: 1s, retries: 9, "
        "host: example.com, tool: curl}"
    )

    assert health == Health(
        kind=HealthKind.HTTP,
        path="/a",
        port=81,
        boot=Duration("2m", 120),
        interval=Duration("5s", 5),
        timeout=Duration("1s", 1),
        retries=9,
        host="example.com",
        tools=("curl",),
    )


@pytest.mark.parametrize("tool", "python3 python node wget curl bash php".split())
def test_a_tool_can_ask(tool: str) -> None:
    assert load_health(f"{{http: /, tool: {tool}}}").tools == (tool,)


@pytest.mark.parametrize(
    ("health", "name"),
    [
        ("health", "bad-health"),
        ("http://localhost/", "bad-health"),
        ("true", "bad-health"),
        ('""', "bad-health"),
        ("{http: health}", "bad-health"),
        ("{http: '/a b'}", "bad-health"),
        ("{command: []}", "bad-health"),
        ("{command: ''}", "bad-health"),
        ("{tcp: false}", "wrong-type"),
        ("{image: yes}", "wrong-type"),
        ("{http: /, tcp: true}", "health-twice"),
        ("{none: why, command: [a]}", "health-twice"),
        ("{http: /, tool: ruby}", "bad-tool"),
        ("{http: /, port: 0}", "bad-port"),
        ("{http: /, boot: 30}", "bad-duration"),
        ("{http: /, retries: 0}", "wrong-type"),
        ("{http: /, host: 'a b'}", "bad-name"),
        ("{boot: 30s}", "no-health"),
        ("{http: }", "null-value"),
        ("{http: [a]}", "wrong-type"),
        ("[a]", "wrong-type"),
    ],
)
def test_health_is_nothing_else(health: str, name: str) -> None:
    assert list_health_names(health) == [name]


def test_a_tool_that_is_nearly_known_has_a_near_name() -> None:
    text = make_stack(app="image: a:1\nport: 80\nhealth: {http: /, tool: pyton}")

    assert find("bad-tool", text).help.startswith("did you mean `python`? one of")


def test_a_line_end_cannot_slip_into_a_path_or_a_host() -> None:
    assert list_health_names('{http: "/a\\nb"}') == ["bad-health"]
    assert list_health_names('{http: /, host: "a\\r\\nX: b"}') == ["bad-name"]


@pytest.mark.parametrize("health", ["none", "{none: }", "{none: ''}", "{none: '  '}"])
def test_an_empty_reason_is_a_warning(health: str) -> None:
    assert list_health_names(health) == ["no-reason"]


# From where


@pytest.mark.parametrize(
    ("text", "is_outside"),
    [
        ("{http: /, port: 80, from: outside}", True),
        ("{tcp: true, port: 80, from: outside}", True),
        ("{http: /, port: 80, from: inside}", False),
        ("{http: /, port: 80}", False),
    ],
)
def test_a_check_asks_from_inside_unless_it_is_said(
    text: str, is_outside: bool
) -> None:
    stack = make_stack(app=f"image: python:3.13-slim\nhealth: {text}")

    health = load_services(stack)["app"].health
    assert health is not None
    assert health.is_outside is is_outside


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("{http: /, from: outsid}", "wrong-type"),
        ("{http: /, from: [outside]}", "wrong-type"),
        ("{http: /, from: '${FROM}'}", "variable-here"),
        ("{http: /, from: outside, tool: curl}", "outside-health"),
    ],
)
def test_a_place_to_ask_from_is_one_of_two(text: str, name: str) -> None:
    find(name, make_stack(app=f"image: python:3.13-slim\nport: 80\nhealth: {text}"))
