"""A need is a gate of `depends_on`."""

from __future__ import annotations

import pytest

from tests.rendering import read, read_services
from tests.stacks import APP, make_stack

CACHE = "use: redis\n"
JOB = "image: python:3.13-slim\ncommand: [python, -m, migrate]\njob: true\n"


def needing(need: str, target: str, **options: object) -> dict[str, object]:
    """What stands under ``depends_on`` in a service that needs ``target``."""
    stack = make_stack(app=f"{APP}needs: {{other: {{{need}}}}}\n", other=target)
    gates: dict[str, object] = read_services(stack, **options)["app"]["depends_on"]
    return gates


@pytest.mark.parametrize(
    ("need", "target", "condition"),
    [
        ("", APP, "service_healthy"),
        ("until: started", APP, "service_started"),
        ("", JOB, "service_completed_successfully"),
        ("until: finished", JOB, "service_completed_successfully"),
    ],
)
def test_a_required_need_is_a_gate(need: str, target: str, condition: str) -> None:
    assert needing(need, target) == {"other": {"condition": condition}}


@pytest.mark.parametrize(
    ("target", "condition"),
    [(APP, "service_healthy"), (JOB, "service_completed_successfully")],
)
def test_an_optional_need_is_a_gate_that_times_out(target: str, condition: str) -> None:
    assert needing("otherwise: {}", target) == {
        "other": {"condition": condition, "required": False}
    }


def test_an_excluded_need_has_no_gate_and_no_service() -> None:
    stack = make_stack(
        app=f"{APP}needs: {{cache: {{env: {{URL: '{{url}}'}}, otherwise: {{}}}}}}\n",
        cache=CACHE,
    )

    data = read(stack, removed=("cache",))

    assert set(data["services"]) == {"app"}
    assert "depends_on" not in data["services"]["app"]
    assert "environment" not in data["services"]["app"]
    assert not {"volumes", "networks", "secrets"} & set(data)


def test_gates_stand_in_the_order_of_the_needs() -> None:
    stack = make_stack(app=f"{APP}needs: [c, a, b]\n", a=APP, b=APP, c=APP)

    assert list(read_services(stack)["app"]["depends_on"]) == ["c", "a", "b"]
