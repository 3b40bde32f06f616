"""The kubelet asks what the health check says, as long as the service may boot."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clusters import APP, USER, list_lost, name_stack, read_app, read_pod

NO_TOOL = f"image: example.org/app:1\nport: 8000\n{USER}"


def test_a_path_is_asked_by_the_kubelet_itself() -> None:
    app = read_app("resources: {pids: none}")

    assert app["startupProbe"]["httpGet"] == {"path": "/health", "port": 8000}
    assert app["readinessProbe"]["httpGet"] == app["startupProbe"]["httpGet"]
    assert "livenessProbe" not in app


def read_probe(health: str) -> Any:
    stack = name_stack(app=f"{NO_TOOL}health: {health}\n")
    return read_pod(stack)["containers"][0]


def test_an_image_without_tools_is_probed_over_the_network() -> None:
    assert read_probe("{tcp: true}")["startupProbe"] == {
        "tcpSocket": {"port": 8000},
        "periodSeconds": 1,
        "timeoutSeconds": 2,
        "failureThreshold": 60,
    }


def test_a_check_from_outside_is_an_ordinary_probe() -> None:
    probe = read_probe("{http: /up, from: outside, host: app.internal}")

    assert probe["readinessProbe"] == {
        "httpGet": {
            "path": "/up",
            "port": 8000,
            "httpHeaders": [{"name": "Host", "value": "app.internal"}],
        },
        "periodSeconds": 10,
        "timeoutSeconds": 2,
        "failureThreshold": 3,
    }


def test_the_startup_probe_asks_each_second_of_the_boot() -> None:
    probe = read_probe(
        "{tcp: true, boot: 90s, interval: 1m30s, timeout: 500ms, retries: 5}"
    )

    assert probe["startupProbe"] == {
        "tcpSocket": {"port": 8000},
        "periodSeconds": 1,
        "timeoutSeconds": 1,
        "failureThreshold": 90,
    }
    assert probe["readinessProbe"] == {
        "tcpSocket": {"port": 8000},
        "periodSeconds": 90,
        "timeoutSeconds": 1,
        "failureThreshold": 5,
    }


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ('"test -e $$HOME/x"', ["sh", "-c", "test -e $$HOME/x"]),
        ("[test, -e, $$x]", ["test", "-e", "$$x"]),
        ('["${TEST:-test}", -e, x]', ["test", "-e", "x"]),
    ],
)
def test_a_command_runs_in_the_container(command: str, words: list[str]) -> None:
    """The kubelet replaces `$(NAME)` in it: `$$` is one dollar there too."""
    probe = read_probe(f"{{command: {command}}}")

    assert probe["startupProbe"]["exec"] == {"command": words}


def test_no_check_is_no_probe() -> None:
    app = read_probe('{none: "it is a worker"}')

    assert not {"startupProbe", "readinessProbe", "livenessProbe"} & app.keys()


def test_the_check_of_the_image_is_replaced_by_its_port() -> None:
    stack = name_stack(app=f"{NO_TOOL}health: {{image: true}}\n")

    assert read_probe("{image: true}")["startupProbe"]["tcpSocket"] == {"port": 8000}
    assert (
        "app: the health check of the image -> it is ready when its port is open"
        in list_lost(stack)
    )


def test_a_boot_that_runs_out_is_listed_where_there_is_one() -> None:
    line = "app: `boot` runs out -> the container is restarted, and tries again"

    assert line in list_lost(name_stack(app=APP))
    assert line not in list_lost(
        name_stack(app=f"image: python:3.13-slim\n{USER}health: {{none: why}}\n")
    )
