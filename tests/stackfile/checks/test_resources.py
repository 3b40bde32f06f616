"""What is reserved is within the limits."""

from __future__ import annotations

import pytest

from tests.stacks import find, list_names, make_app


def reserve(what: str) -> str:
    return f"compose: {{deploy: {{resources: {{reservations: {{{what}}}}}}}}}"


@pytest.mark.parametrize(
    "keys",
    [
        reserve("memory: 3G"),
        reserve("cpus: '2.5'"),
        "compose: {mem_reservation: 3g}",
        "compose: {mem_limit: 1G, mem_reservation: 2G}",
        f"resources: {{memory: 256M}}\n{reserve('memory: 512M')}",
    ],
)
def test_a_reservation_above_the_limit_is_an_error(keys: str) -> None:
    assert list_names(make_app(keys)) == ["above-limit"]


@pytest.mark.parametrize(
    "keys",
    [
        reserve("memory: 2G"),
        reserve("memory: '${M}'"),
        "compose: {mem_limit: null, mem_reservation: 8G}",
        "compose: {mem_limit: 9G, mem_reservation: 8G}",
        f"resources: {{memory: none}}\n{reserve('memory: 8G')}",
        f"resources: {{cpus: 4}}\n{reserve('cpus: 3')}",
    ],
)
def test_a_reservation_within_the_limit_is_fine(keys: str) -> None:
    assert list_names(make_app(keys)) == []


def test_the_limit_is_named_and_the_reservation_is_pointed_at() -> None:
    problem = find("above-limit", make_app(reserve("memory: 3G")))

    assert problem.message == (
        "`app` reserves 3G of `memory`, but the default limit is 2G"
    )
    assert problem.help.endswith("resources: {memory: 3G}")
    assert problem.location.text[problem.location.column - 1 :].startswith("memory")
