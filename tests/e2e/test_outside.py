"""A check from outside on a real engine: gates, one row for two containers, causes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from composegen.places.engine.cause import CauseName
from tests.e2e.engine import run_well, wait_until
from tests.e2e.images import Images
from tests.e2e.stacks import PYTHON, Stack, make_dependent, make_service, serve_after
from tests.e2e.tried import assert_told
from tests.leaks import find_port

pytestmark = pytest.mark.engine
tries = pytest.mark.tries

PROBE = "busybox:1.37"
IMAGES = [PYTHON, PROBE]
OUTSIDE = {"http": "/", "from": "outside", "boot": "30s", "interval": "1s"}


@pytest.fixture
def stack(images: Images, tmp_path: Path) -> Iterator[Stack]:
    """A stack of one's own, removed after the test."""
    images.have(PYTHON, PROBE)
    with Stack(tmp_path) as made:
        yield made


def make_slow(seconds: float, **keys: Any) -> dict[str, Any]:
    """A service that listens after a while, and is asked from outside."""
    program = serve_after(f"import time; time.sleep({seconds})")
    return make_service(program, **{"health": OUTSIDE, **keys})


def read_states(stack: Stack) -> dict[str, str]:
    """The state of each row that `status` shows."""
    shown = json.loads(stack.composegen("status", "--format", "json").out)
    return {each["service"]: each["state"] for each in shown}


def read_moment(stack: Stack, service: str) -> str:
    """When the container of a service was started."""
    moment: str = stack.inspect(service)["State"]["StartedAt"]
    return moment


def find_first_success(stack: Stack, helper: str) -> str:
    """When a helper got the right answer for the first time that the engine knows."""
    log = stack.inspect(helper)["State"]["Health"]["Log"]
    moment: str = next(each["End"] for each in log if each["ExitCode"] == 0)
    return moment


def test_a_dependent_service_waits_for_the_answer_to_the_helper(stack: Stack) -> None:
    stack.write({"otel": make_slow(2), "web": make_dependent("otel")})

    said = stack.up_well().said

    assert "otel | healthy after" in said
    assert "otel-health" not in said
    assert find_first_success(stack, "otel-health") < read_moment(stack, "web")
    assert read_states(stack) == {"otel": "ready", "web": "ready"}


def test_the_gate_closes_again_for_a_container_that_is_new(stack: Stack) -> None:
    stack.write({"otel": make_slow(0), "web": make_dependent("otel")})
    stack.up_well()
    before = read_moment(stack, "otel-health")
    stack.write(
        {"otel": make_slow(3), "web": make_dependent("otel", environment={"A": "b"})}
    )

    stack.up_well()

    assert read_moment(stack, "otel-health") > before
    assert find_first_success(stack, "otel-health") < read_moment(stack, "web")


def test_plain_compose_waits_as_well(stack: Stack) -> None:
    stack.write({"otel": make_slow(2), "web": make_dependent("otel")})
    assert stack.composegen("render").code == 0

    done = stack.compose("up", "-d")

    assert done.returncode == 0, done.stderr
    assert find_first_success(stack, "otel-health") < read_moment(stack, "web")


def test_a_port_is_asked_by_a_connection(stack: Stack) -> None:
    health = {**OUTSIDE, "tcp": True}
    health.pop("http")
    stack.write({"otel": make_slow(1, health=health), "web": make_dependent("otel")})

    stack.up_well()

    assert read_states(stack) == {"otel": "ready", "web": "ready"}


def test_what_is_done_to_the_service_is_done_to_its_helper(stack: Stack) -> None:
    stack.write({"otel": make_slow(0), "web": make_dependent("otel")})
    stack.up_well()

    assert stack.composegen("stop", "otel").code == 0
    for name in ("otel", "otel-health"):
        assert stack.inspect(name)["State"]["Status"] == "exited"
    assert read_states(stack)["otel"] == "stopped"
    assert stack.composegen("start", "otel").code == 0
    assert read_states(stack)["otel"] == "ready"
    before = read_moment(stack, "otel-health")
    assert stack.composegen("restart", "otel").code == 0
    assert read_moment(stack, "otel-health") > before

    inside = stack.composegen("exec", "otel", "--", "python", "-c", "print('here')")
    assert inside.out == "here\n"
    assert stack.composegen("exec", "otel-health", "--", "id").code == 2
    assert stack.composegen("down").code == 0
    assert stack.is_clean()


def test_an_optional_service_that_never_answers_holds_nobody_for_ever(
    stack: Stack,
) -> None:
    health = {**OUTSIDE, "boot": "2s", "retries": 1}
    web = make_dependent()
    web["needs"] = {"otel": {"otherwise": {}}}
    stack.write({"otel": make_slow(600, health=health), "web": web})

    stack.up_well()

    assert read_states(stack)["web"] == "ready"


@tries(CauseName.HELPER_DOWN)
def test_a_helper_that_was_ended_is_named(stack: Stack) -> None:
    otel = make_slow(0, publish=find_port())
    stack.write({"otel": otel, "web": make_dependent("otel")})
    stack.up_well()
    run_well("docker", "kill", stack.inspect("otel-health")["Id"])
    wait_until(lambda: read_states(stack)["otel"] != "ready", "otel is not ready")

    said = stack.why()

    assert_told(
        said,
        "`otel-health`, the container that checks it, exited with 137",
        "start it again: composegen start otel",
    )
    assert stack.composegen("start", "otel").code == 0


@tries(CauseName.NOT_REACHED_OUTSIDE)
def test_a_service_that_only_itself_reaches_is_never_ready(stack: Stack) -> None:
    otel = make_service(
        health={**OUTSIDE, "boot": "3s", "retries": 1},
        environment={"LISTEN": "127.0.0.1"},
        publish=find_port(),
    )
    stack.write({"otel": otel, "web": make_dependent("otel")})

    said = stack.up_in_vain()

    assert_told(said, "where the check from outside cannot reach it")
    otel["environment"] = {"LISTEN": "0.0.0.0"}
    stack.write({"otel": otel, "web": make_dependent("otel")})
    stack.up_well()
    stack.assert_answers()


@tries(CauseName.HELPER_WITHOUT_TOOL)
def test_an_image_that_cannot_ask_is_named_with_one_that_can(stack: Stack) -> None:
    health = {**OUTSIDE, "boot": "3s", "retries": 1}
    otel = make_slow(0, health=health, publish=find_port())
    stack.write({"otel": otel}, probe_image=PYTHON)

    said = stack.up_in_vain()

    assert_told(said, "`nc`, which is not in the image of `otel-health`")
    assert f"probe_image: {PROBE}" in said.said
    stack.write({"otel": otel}, probe_image=PROBE)
    stack.up_well()
