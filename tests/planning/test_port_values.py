"""What variables hold where a port must be, with the variable and the service."""

from __future__ import annotations

import pytest

from composegen.planning.port_values import list_bad_ports
from composegen.workspace.dotenv import fill_variables
from tests.stacks import load_only, make_stack

APP = "image: python:3.13-slim\nhealth: {none: x}\n"


def look(keys: str, **values: str) -> list[str]:
    """What is said of a service with these keys."""
    stack = load_only(make_stack(app=f"{APP}{keys}"))
    services = stack.services.values()
    found = list_bad_ports(stack, services, lambda text: fill_variables(text, values))
    return [str(each) for each in found]


@pytest.mark.parametrize("value", ["abc", "70000", "80-", "8080:80", "127.0.0.1:80"])
def test_a_value_that_is_no_port_is_reported_with_its_variable(value: str) -> None:
    [said] = look("publish: '${HTTP_PORT:-8080}:80'", HTTP_PORT=value)

    assert said.startswith("stack.yaml:5:5: error[bad-port]: `app` publishes ")
    assert f"`${{HTTP_PORT:-8080}}`, and HTTP_PORT makes that `{value}`: " in said


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        ("publish: '80:${A:-80}'", "A"),
        ("publish: '${B:-127.0.0.1}:80:80'", "B"),
        ("publish: 8080\nport: ${C:-80}", "C"),
        ("publish: '${X:-1}${D:-80}:80'", "D"),
    ],
)
def test_every_place_of_a_port_is_judged(keys: str, name: str) -> None:
    [said] = look(keys, **{name: "abc"})

    assert f"and {name} makes that" in said


@pytest.mark.parametrize(
    "values", [{}, {"P": ""}, {"P": "9000"}, {"P": "0"}, {"P": "9000-9001"}]
)
def test_what_compose_takes_is_fine(values: dict[str, str]) -> None:
    assert look("publish: '${P:-8000-8001}:80-81'", **values) == []


def test_a_required_variable_that_is_not_set_is_another_problem() -> None:
    assert look("publish: '${P:?set it}:80'") == []
