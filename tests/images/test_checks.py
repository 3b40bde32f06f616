"""The check that is known for an image is a line that a stack file can have."""

from __future__ import annotations

import pytest

from composegen.images.checks import list_known_check, write_known_check
from composegen.images.facts import find_facts, read_images
from composegen.model import Facts
from tests.stacks import list_names, make_stack

CHECKED = {
    name: entry["images"][0]
    for name, entry in read_images().items()
    if entry.get("health")
}


def know(image: str) -> Facts:
    facts = find_facts(image)
    assert facts is not None
    return facts


@pytest.mark.parametrize("name", CHECKED)
def test_a_check_of_the_table_is_one_that_a_stack_file_can_have(name: str) -> None:
    image = f"{CHECKED[name]}:1"
    line = write_known_check(know(image), None)

    assert list_names(make_stack(one=f"image: {image}\n{line}")) == []


@pytest.mark.parametrize(
    ("image", "port", "line"),
    [
        ("prom/prometheus:v3", None, "health: {http: /-/ready, port: 9090}"),
        ("prom/prometheus:v3", 9090, "health: {http: /-/ready}"),
        ("prom/prometheus:v3", 80, "health: {http: /-/ready, port: 9090}"),
        ("apache/kafka:4.0.0", 9092, "health: {tcp: true, boot: 2m}"),
        ("nextcloud:31-fpm", None, "health: {tcp: true, port: 9000, boot: 5m}"),
        ("axllent/mailpit:v1.27", 1025, "health: image"),
        ("ollama/ollama:1", None, "health: {command: [ollama, list], timeout: 10s}"),
        (
            "grafana/loki:3.6.0",
            3100,
            "health: {http: /ready, boot: 2m, from: outside}",
        ),
        ("grafana/loki:3.5.1", 3100, "health: {http: /ready, boot: 2m}"),
    ],
)
def test_the_check_of_an_image_is_a_line_to_write(
    image: str, port: int | None, line: str
) -> None:
    assert write_known_check(know(image), port).startswith(f"{line}     #")


def test_a_recipe_brings_its_own_check_and_none_is_proposed() -> None:
    assert know("rabbitmq:4").health == {}
    assert list_known_check(know("otel/opentelemetry-collector:0.115.0")) == {}
