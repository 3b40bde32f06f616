"""What Compose makes of any networks, modes, helpers and names that are rendered."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from hypothesis import strategies as st

from composegen.needs import Condition
from composegen.planning.asking import find_helper
from composegen.targets.compose.render import render_plan
from tests.fuzz.templates import find_folder, plan_case

_NAMES = ("web", "My_App", "db.v2", "1", "a-b")
_NETWORKS = ("front", "back", "Far_1.x", "default")
_HEALTH = (
    {"http": "/up?a=b%20c"},
    {"tcp": True},
    {"http": "/", "from": "outside"},
    {"tcp": True, "from": "outside", "boot": "5s", "retries": 9},
    {"command": ["true"]},
)
_OPTIONS = (None, {"aliases": ["x.y", "Z_z"]}, {"priority": 10}, {"x-why": "text"})
_OTHERWISE = ({}, {"env": {"A": "b"}})


@st.composite
def _make_needs(draw: st.DrawFn, earlier: list[str]) -> dict[str, Any]:
    """Needs of services that were declared before: there are no cycles."""
    wanted = draw(st.lists(st.sampled_from(earlier), unique=True)) if earlier else []
    needs: dict[str, Any] = {}
    for number, name in enumerate(wanted):
        need: dict[str, Any] = {}
        if draw(st.booleans()):
            need["env"] = {f"URL_{number}": "{url}"}
        if draw(st.booleans()):
            need["until"] = draw(st.sampled_from(["started", "healthy"]))
        if draw(st.booleans()):
            need["otherwise"] = draw(st.sampled_from(_OTHERWISE))
        needs[name] = need or None
    return needs


@st.composite
def _make_service(draw: st.DrawFn, number: int, earlier: list[str]) -> dict[str, Any]:
    service: dict[str, Any] = {
        "image": "python:3.13-slim",
        "port": 8000 + number,
        "health": draw(st.sampled_from(_HEALTH)),
    }
    if draw(st.integers(0, 4)) == 0:
        service = {"use": "redis"}
    modes = ["host", "none", *(f"service:{name}" for name in earlier)]
    if draw(st.integers(0, 3)) == 0:
        service["network_mode"] = draw(st.sampled_from(modes))
    else:
        chosen = st.lists(st.sampled_from(_NETWORKS), min_size=1, unique=True)
        if draw(st.booleans()):
            options = {name: draw(st.sampled_from(_OPTIONS)) for name in draw(chosen)}
            service["networks"] = draw(st.sampled_from([options, [*options]]))
        if draw(st.booleans()):
            service["aliases"] = ["alias.one", f"alias_{number}"]
        if draw(st.booleans()):
            service["publish"] = f"{9000 + number}:{service.get('port', 6379)}"
    service["needs"] = draw(_make_needs(earlier))
    return service


@st.composite
def _make_stacks(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(_NAMES), min_size=1, max_size=4, unique=True))
    services = {
        name: draw(_make_service(number, names[:number]))
        for number, name in enumerate(names)
    }
    stack: dict[str, Any] = {"services": services}
    if draw(st.booleans()):
        stack["networks"] = {"front": {"driver": "bridge"}, "default": {"name": "home"}}
    if draw(st.booleans()):
        stack["relax"] = "a first try"
    return stack


stacks = _make_stacks()


def check_networks(stack: dict[str, Any]) -> None:
    """Compose takes the file, and every gate waits for something that is checked."""
    plan = plan_case(stack, ())
    [file] = render_plan(plan)
    done = subprocess.run(
        ["docker", "compose", "-p", "fuzz", "-f", "-", "config", "--format", "json"],
        input=file.text,
        cwd=find_folder(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stderr}\n{file.text}"
    services = json.loads(done.stdout)["services"]
    helpers = {find_helper(step.service) for step in plan.steps} - {""}
    assert set(services) == {*plan.names, *helpers}
    for step in plan.steps:
        gates = services[step.name].get("depends_on", {})
        for gate in step.gates:
            if gate.condition is Condition.HEALTHY:
                asked = find_helper(plan.stack.services[gate.service]) or gate.service
                assert gates[asked]["condition"] == "service_healthy"
                assert gates[asked]["required"] is not gate.is_optional
                assert services[asked]["healthcheck"]["test"][0] != "NONE"
        networks = services[step.name].get("networks") or {}
        assert bool(networks) is not bool(step.service.network_mode)
        for options in networks.values():
            assert {*step.service.aliases} <= {*((options or {}).get("aliases") or ())}
