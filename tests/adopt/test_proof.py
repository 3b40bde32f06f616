"""Two models are compared key by key, and a weaker edge counts as a difference."""

from __future__ import annotations

from typing import Any

import pytest

from composegen.adopt.proof import compare_models, compare_started, join_models
from composegen.adopt.report import Gate

HEALTHY = "service_healthy"


def compare(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """The keys in which one service differs."""
    before, after = {"services": {"a": old}}, {"services": {"a": new}}
    return [each.key for each in compare_models(before, after)]


@pytest.mark.parametrize("key", ["mem_reservation", "pid", "mem_limit"])
def test_a_key_that_is_lost_is_a_difference(key: str) -> None:
    assert compare({key: "1"}, {}) == [key]


def test_what_composegen_adds_to_every_service_is_none() -> None:
    assert compare({}, {"mem_limit": "1", "expose": ["80"], "profiles": ["b"]}) == []


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("service_healthy", "service_started", ["depends_on"]),
        ("service_started", "service_healthy", []),
        ("service_healthy", "service_healthy", []),
    ],
)
def test_an_edge_may_only_get_stronger(
    before: str, after: str, found: list[str]
) -> None:
    old, new = ({"depends_on": {"b": {"condition": each}}} for each in (before, after))
    assert compare(old, new) == found


def test_an_optional_edge_is_in_the_files_that_have_both_ends() -> None:
    edge = {"condition": "service_healthy", "required": False}
    files = [
        {"services": {"a": {"depends_on": {each: edge}}, each: {}}} for each in "bc"
    ]
    both = {"services": {"a": {"depends_on": {"b": edge, "c": edge}}, "b": {}, "c": {}}}

    assert list(compare_models(both, join_models(files, ()))) == []
    assert [each.what for each in compare_models(both, join_models(files[:1], ()))] == [
        "the edge to c is lost",
        "the service is missing",
    ]


@pytest.mark.parametrize(
    ("condition", "found"), [("service_started", ["depends_on"]), (HEALTHY, [])]
)
def test_an_optional_edge_between_alternatives_is_compared_as_the_stack_file_has_it(
    condition: str, found: list[str]
) -> None:
    edge = {"condition": HEALTHY, "required": False}
    both = {"services": {"a": {"depends_on": {"b": edge}}, "b": {}}}
    files = [{"services": {"a": {}}}, {"services": {"b": {}}}]

    joined = join_models(files, (), {"a": {"b": {**edge, "condition": condition}}})

    assert [each.key for each in compare_models(both, joined)] == found


def test_what_starts_on_one_side_only_is_a_difference() -> None:
    idle = {"a": {}, "b": {"deploy": {"replicas": 0}}, "c": {"scale": 0}, "d": {}}

    found = compare_started({"services": idle}, {"a", "c", "help"}, [HELPED])

    assert [(each.service, each.what) for each in found] == [
        ("d", "no longer started by default"),
        ("c", "started by default now"),
    ]


HELPED = Gate(source="x", target="a", before="", after="", through="help")


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ({}, {"host_ip": "127.0.0.1"}, ["ports.host_ip"]),
        ({"host_ip": "::"}, {"host_ip": "0.0.0.0"}, []),
        ({"mode": "host"}, {"mode": "ingress"}, ["ports.mode"]),
        ({"name": "web"}, {}, ["ports.name"]),
        ({"app_protocol": "http"}, {"app_protocol": "http"}, []),
    ],
)
def test_a_published_port_is_compared_with_all_its_parts(
    old: dict[str, str], new: dict[str, str], found: list[str]
) -> None:
    one, other = (
        {"ports": [{"target": 80, "published": "80", **each}]} for each in (old, new)
    )

    assert compare(one, other) == found
