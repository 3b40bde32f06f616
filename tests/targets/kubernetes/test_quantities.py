"""Numbers mean on a cluster what they mean in Compose."""

from __future__ import annotations

import pytest

from composegen.model import Resources
from composegen.targets.kubernetes.quantities import (
    write_cpus,
    write_memory,
    write_resources,
    write_seconds,
)
from composegen.values import parse_size

# A unit of Kubernetes -> its bytes, as its documentation defines them.
UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def read_memory(text: str) -> int:
    unit = text[-2:]
    return int(text[:-2]) * UNITS[unit] if unit in UNITS else int(text)


@pytest.mark.parametrize(
    ("compose", "kubernetes"),
    [
        ("2G", "2Gi"),
        ("2gb", "2Gi"),
        ("1536m", "1536Mi"),
        ("1.5G", "1536Mi"),
        ("64kb", "64Ki"),
        ("1000", "1000"),
        ("3T", "3Ti"),
    ],
)
def test_a_size_of_compose_keeps_its_bytes(compose: str, kubernetes: str) -> None:
    assert write_memory(parse_size(compose)) == kubernetes
    assert read_memory(kubernetes) == parse_size(compose)


@pytest.mark.parametrize(
    ("cpus", "text"),
    [(2, "2"), (0.5, "500m"), (1.25, "1250m"), (0.01, "10m"), (0.0001, "1m")],
)
def test_processors_are_whole_or_thousandths(cpus: float, text: str) -> None:
    assert write_cpus(cpus) == text


@pytest.mark.parametrize(("seconds", "whole"), [(0.3, 1), (1, 1), (1.5, 2), (90, 90)])
def test_a_probe_takes_whole_seconds_of_at_least_one(
    seconds: float, whole: int
) -> None:
    assert write_seconds(seconds) == whole


def test_a_limit_is_no_request() -> None:
    """Without a request it would be one: two processors held no second service."""
    assert write_resources(Resources()) == {
        "requests": {"cpu": "10m", "memory": "32Mi"},
        "limits": {"cpu": "2", "memory": "2Gi"},
    }


def test_a_request_is_never_above_its_limit() -> None:
    small = write_resources(Resources(cpus="0.005", memory="16M"))

    assert small["requests"] == small["limits"] == {"cpu": "5m", "memory": "16Mi"}


def test_a_limit_that_is_not_there_leaves_its_request() -> None:
    assert write_resources(Resources(cpus="", memory="")) == {
        "requests": {"cpu": "10m", "memory": "32Mi"}
    }
