"""The key `networks`, of a service and of the top level."""

from __future__ import annotations

import pytest

from tests.stacks import (
    APP,
    find,
    list_names,
    load_app,
    load_only,
    load_services,
    make_app,
    make_stack,
)

APP_9 = APP.replace("8000", "9000")


@pytest.mark.parametrize(
    ("text", "networks"),
    [
        ("[front, back]", {"front": None, "back": None}),
        ("{front: , back: {priority: 10}}", {"front": None, "back": {"priority": 10}}),
        (
            "{a.b_C-1: {aliases: [db.internal]}}",
            {"a.b_C-1": {"aliases": ["db.internal"]}},
        ),
        (
            "{a: {x-note: why, ipv4_address: '${IP}'}}",
            {"a": {"x-note": "why", "ipv4_address": "${IP}"}},
        ),
    ],
)
def test_networks_are_a_list_or_a_mapping(text: str, networks: object) -> None:
    assert load_app(f"networks: {text}").networks == networks


def test_networks_are_chosen_where_none_are_written() -> None:
    assert load_app().networks is None


@pytest.mark.parametrize(
    ("text", "name", "help"),
    [
        ("front", "wrong-type", "networks: [front]"),
        ("[]", "wrong-type", "network_mode: none"),
        ("{}", "wrong-type", "network_mode: none"),
        ("[front, front]", "duplicate-key", "keep one of the two"),
        ("[a b]", "bad-name", "letters, digits"),
        ("['${NET}']", "variable-here", ""),
        ("{front: yes}", "wrong-type", ""),
        ("{front: {alias: [a]}}", "unknown-key", "did you mean `aliases`?"),
        ("{front: {aliases: a}}", "wrong-type", ""),
    ],
)
def test_what_is_no_network_is_refused(text: str, name: str, help: str) -> None:
    assert help in find(name, make_app(f"networks: {text}")).help


def test_every_problem_of_a_list_is_noted() -> None:
    assert list_names(make_app("networks: [a b, c d, ok]")) == ["bad-name"] * 2


@pytest.mark.parametrize("text", ["{front: yes}", "{a b: }", "[front]"])
def test_options_at_the_top_are_mappings(text: str) -> None:
    assert list_names(make_app("networks: [front]") + f"networks: {text}\n")


def test_the_top_level_holds_options() -> None:
    stack = load_only(
        make_app("networks: [front, back]")
        + "networks: {front: {external: true, name: '${NET:-a}'}, back: }\n"
    )

    assert stack.networks == {
        "front": {"external": True, "name": "${NET:-a}"},
        "back": None,
    }


@pytest.mark.parametrize("mode", ["none", "host", "service:My_vpn.1"])
def test_there_are_three_network_modes(mode: str) -> None:
    text = make_stack(app=f"{APP}network_mode: {mode}", **{"My_vpn.1": APP_9})

    assert load_services(text.replace("My-vpn", "My_vpn"))["app"].network_mode == mode


@pytest.mark.parametrize(
    ("mode", "help"),
    [
        ("bridge", "remove it"),
        ("container:web", "network_mode: service:NAME"),
        ("'service:'", "none, host or service:NAME"),
        ("service", "none, host or service:NAME"),
    ],
)
def test_another_network_mode_is_refused(mode: str, help: str) -> None:
    assert help in find("network-mode", make_app(f"network_mode: {mode}")).help


@pytest.mark.parametrize("mode", ["none", "bridge", "'service:a'"])
def test_a_raw_network_mode_is_written_as_a_key(mode: str) -> None:
    problem = find("computed-key", make_app(f"compose: {{network_mode: {mode}}}"))

    assert "write it as a key:" in problem.help


def test_a_raw_mode_of_the_host_is_that_of_the_service() -> None:
    assert load_app("compose: {network_mode: host}").uses_host_network
