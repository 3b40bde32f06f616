"""Networks, names and network modes on a real engine: who reaches whom."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.images import Images
from tests.e2e.stacks import (
    PYTHON,
    SERVE,
    Stack,
    make_dependent,
    serve_after,
)
from tests.e2e.stacks import make_service as make_hasty
from tests.leaks import find_port
from tests.pasting import read_page

pytestmark = pytest.mark.engine

IMAGES = [PYTHON, "busybox:1.37"]
CALL = """
import os, urllib.error, urllib.request
for name, url in sorted(os.environ.items()):
    if name.startswith("CALL_"):
        try:
            print(name, urllib.request.urlopen(url, timeout=60).status, flush=True)
        except (urllib.error.URLError, OSError) as error:
            print(name, "not reached", flush=True)
"""


@pytest.fixture
def stack(images: Images, tmp_path: Path) -> Iterator[Stack]:
    """A stack of one's own, removed after the test."""
    images.have(*IMAGES)
    with Stack(tmp_path) as made:
        yield made


def make_service(*words: str, **keys: Any) -> dict[str, Any]:
    """A service with the time that a busy machine takes."""
    patient = {"tcp": True, "boot": "90s", "interval": "1s", "timeout": "20s"}
    return make_hasty(*words, **{"health": patient, **keys})


def make_caller(needs: dict[str, Any], **keys: Any) -> dict[str, Any]:
    """A service that calls what variables name, prints the answers, and listens."""
    return make_service(serve_after(CALL), needs=needs, **keys)


def read_calls(stack: Stack, service: str) -> dict[str, str]:
    """What came of each call."""
    lines = stack.read_output(service).splitlines()
    calls = (line.partition(" ") for line in lines if line.startswith("CALL_"))
    return {name: answer for name, _, answer in calls}


def test_listed_networks_and_aliases_are_the_ones_that_there_are(stack: Stack) -> None:
    other = {
        "CALL_NAME": "http://Other.v1:8000/",
        "CALL_ALIAS": "http://old.name:8000/",
    }
    apart = {"CALL_APART": "http://apart:8000/"}
    stack.write(
        {
            "caller": make_caller(
                {"Other.v1": {"env": {"CALL_NEED": "{url}"}}},
                networks=["front"],
                environment={**other, **apart},
            ),
            "Other.v1": make_service(networks=["front", "back"], aliases=["old.name"]),
            "apart": make_service(networks=["back"]),
        }
    )

    stack.up_well()

    assert read_calls(stack, "caller") == {
        "CALL_ALIAS": "200",
        "CALL_APART": "not reached",
        "CALL_NAME": "200",
        "CALL_NEED": "200",
    }


def test_a_service_answers_in_the_network_of_another_one(stack: Stack) -> None:
    port = find_port()
    stack.write(
        {
            "vpn": make_service(publish=f"{port}:8080"),
            "inner": make_service(
                SERVE,
                "8080",
                port=8080,
                network_mode="service:vpn",
                health={
                    "tcp": True,
                    "from": "outside",
                    "boot": "90s",
                    "timeout": "20s",
                },
            ),
            "caller": make_caller({"inner": "CALL_INNER"}),
        }
    )

    stack.up_well()

    assert read_calls(stack, "caller") == {"CALL_INNER": "200"}
    read_page(port)
    assert stack.composegen("restart", "vpn").code == 0
    assert stack.composegen("status").code == 0
    read_page(port)


def test_a_service_on_the_network_of_the_host_is_called_there(stack: Stack) -> None:
    port = find_port()
    stack.write(
        {
            "agent": make_service(SERVE, str(port), port=port, network_mode="host"),
            "caller": make_caller({"agent": "CALL_AGENT"}),
            "peer": make_caller(
                {"agent": "CALL_AGENT"}, network_mode="host", port=find_port()
            )
            | {"health": {"none": "it only calls"}},
        }
    )

    stack.up_well()

    assert read_calls(stack, "caller") == {"CALL_AGENT": "200"}
    assert read_calls(stack, "peer") == {"CALL_AGENT": "200"}


def test_a_service_without_a_network_reaches_nothing(stack: Stack) -> None:
    alone = make_caller(
        {"web": None},
        port=None,
        network_mode="none",
        environment={"CALL_WEB": "http://web:8000/"},
        health={"command": ["true"], "interval": "1s"},
    )
    stack.write(
        {"web": make_service(), "alone": alone, "after": make_dependent("alone")}
    )

    stack.up_well()

    assert stack.inspect("alone")["HostConfig"]["NetworkMode"] == "none"
    assert read_calls(stack, "alone") == {"CALL_WEB": "not reached"}
