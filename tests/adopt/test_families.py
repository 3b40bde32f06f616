"""The checks that `adopt` writes for known images, with a recipe or without."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adopt.projects import adopt, list_gates, read_services

WEB = """
services:
  web:
    image: example.org/web:1
    depends_on: [other]
  other:
"""
IMPORTED = "imported, not tried hardened"


def write_other(*lines: str, volumes: str = "") -> str:
    """A project with a service that needs one with these lines."""
    return WEB + "".join(f"    {line}\n" for line in lines) + volumes


def test_an_image_without_a_recipe_gets_its_known_check(tmp_path: Path) -> None:
    report = adopt(
        tmp_path, write_other("image: prom/prometheus:v3.1.0", 'ports: ["9090:9090"]')
    )

    assert read_services(report)["other"]["health"] == {
        "http": "/-/ready",
        "port": "9090",
    }
    assert list_gates(report) == {"web -> other": ("service_healthy", "family")}
    assert report.unlisted == ()


def test_a_port_that_the_file_moves_is_connected_to_instead(tmp_path: Path) -> None:
    report = adopt(
        tmp_path, write_other("image: prom/prometheus:v3.1.0", 'ports: ["9091:9091"]')
    )

    other = read_services(report)["other"]
    assert other["health"] == {"tcp": "true", "boot": "2m"}
    assert list_gates(report) == {"web -> other": ("service_healthy", "tcp")}


def test_an_image_without_a_tool_is_asked_from_outside(tmp_path: Path) -> None:
    report = adopt(
        tmp_path, write_other("image: grafana/loki:3.6.0", 'ports: ["3100:3100"]')
    )

    health = read_services(report)["other"]["health"]
    assert health == {"http": "/ready", "port": "3100", "boot": "2m", "from": "outside"}
    assert list_gates(report) == {"web -> other": ("service_healthy", "outside")}


def test_from_outside_only_a_port_of_the_files_is_asked(tmp_path: Path) -> None:
    report = adopt(tmp_path, write_other("image: grafana/loki:3.6.0"))

    assert "health" not in read_services(report)["other"]
    assert list_gates(report) == {"web -> other": ("service_started", "")}


@pytest.mark.parametrize("image", ["apache/kafka:4.0.0", "keycloak/keycloak:26.2"])
def test_an_image_whose_facts_were_not_tried_is_not_hardened(
    image: str, tmp_path: Path
) -> None:
    report = adopt(tmp_path, write_other(f"image: {image}"))

    assert read_services(report)["other"]["relax"] == IMPORTED
    assert list_gates(report) == {"web -> other": ("service_healthy", "family")}


def test_a_store_of_a_tested_recipe_uses_it(tmp_path: Path) -> None:
    report = adopt(
        tmp_path,
        write_other(
            "image: rabbitmq:4-management-alpine",
            "volumes: [mq:/var/lib/rabbitmq]",
            volumes="volumes: {mq: }\n",
        ),
    )

    other = read_services(report)["other"]
    assert other["use"] == "rabbitmq"
    assert "relax" not in other
    assert list_gates(report) == {"web -> other": ("service_healthy", "recipe")}
    assert report.unlisted == ()


def test_a_store_of_a_recipe_that_was_not_tested_gets_its_check_alone(
    tmp_path: Path,
) -> None:
    report = adopt(
        tmp_path,
        write_other(
            "image: qdrant/qdrant:v1.14.1",
            "volumes: [q:/qdrant/storage]",
            volumes="volumes: {q: }\n",
        ),
    )

    other = read_services(report)["other"]
    assert "use" not in other
    assert other["relax"] == IMPORTED
    assert other["health"] == {"http": "/readyz", "port": "6333"}
    assert list_gates(report) == {"web -> other": ("service_healthy", "recipe")}
