"""A pod waits for what its service needs, by a program of its own image."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from composegen.targets.files import Cluster
from composegen.targets.kubernetes import gates
from tests.clusters import (
    APP,
    USER,
    list_lost,
    list_refusals,
    name_stack,
    read_objects,
    read_pod,
    refuse,
)
from tests.leaks import wait_for
from tests.parts import require_program, skip_without

CACHE = f"image: example.org/cache:1\nport: 6379\nhealth: {{tcp: true}}\n{USER}"
WORKER = f"image: example.org/worker:1\nhealth: {{command: [ok]}}\n{USER}"
JOB = f"image: python:3.13-slim\njob: true\n{USER}"
KUBECTL = Cluster(wait_image="kubectl:1")
Ask: TypeAlias = Callable[[int, int], "subprocess.CompletedProcess[str]"]


def read_gates(stack: str, **options: Any) -> list[Any]:
    return list(read_pod(stack, **options).get("initContainers", []))


# What is waited for


def test_a_gate_connects_to_the_service_by_the_tool_of_the_own_image() -> None:
    stack = name_stack(app=f"{APP}needs: [cache]\n", cache=CACHE)
    (gate,) = read_gates(stack)

    assert gate["name"] == "wait-cache"
    assert gate["image"] == "python:3.13-slim"
    assert gate["command"][:3] == ["python", "-I", "-c"]
    assert gate["command"][4:] == ["cache", "6379", "0"]


def test_gates_are_as_hardened_as_the_service() -> None:
    pod = read_pod(name_stack(app=f"{APP}needs: [cache]\n", cache=CACHE))
    gate, app = pod["initContainers"][0], pod["containers"][0]

    assert gate["securityContext"] == app["securityContext"]
    assert gate["resources"] == app["resources"]


def test_a_gate_names_the_choice_by_which_the_service_is_reached() -> None:
    stack = name_stack(
        app=f"{APP}needs: [store]\n",
        store="one_of: [small, big]",
        small=CACHE,
        big=CACHE,
    )

    (gate,) = read_gates(stack)
    assert gate["command"][-3:] == ["store", "6379", "0"]
    assert ("Service", "store") in read_objects(stack)


def test_a_pod_does_not_wait_where_the_need_says_so() -> None:
    stack = name_stack(
        app=f"{APP}needs: {{cache: {{env: {{C: '{{host}}'}}, gate: none}}}}\n",
        cache=CACHE,
    )

    assert read_gates(stack) == []
    assert read_pod(stack)["containers"][0]["env"] == [{"name": "C", "value": "cache"}]


def test_that_something_has_started_is_not_waited_for_and_listed() -> None:
    stack = name_stack(app=f"{APP}needs: {{cache: {{until: started}}}}\n", cache=CACHE)

    assert read_gates(stack) == []
    assert (
        "app: waits until `cache` has started -> both start at the same time"
        in list_lost(stack)
    )


# How long


@pytest.mark.parametrize(("boot", "bound"), [("20s", "50"), ("1500ms", "32")])
def test_an_optional_need_is_waited_for_thirty_seconds_beyond_its_boot(
    boot: str, bound: str
) -> None:
    stack = name_stack(
        app=f"{APP}needs: {{cache: {{otherwise: {{}}}}}}\n",
        cache=CACHE.replace("tcp: true", f"tcp: true, boot: {boot}"),
    )

    assert read_gates(stack)[0]["command"][-1] == bound


def test_what_an_optional_need_waits_for_itself_is_part_of_its_time() -> None:
    stack = name_stack(
        app=f"{APP}needs: {{cache: {{otherwise: {{}}}}}}\n",
        cache=f"{CACHE}needs: {{db: {{gate: none}}}}\n",
        db=CACHE,
    )

    assert read_gates(stack)[0]["command"][-1] == "150"


# Through the API


def test_a_job_is_waited_for_by_kubectl_with_a_role_for_it_alone() -> None:
    stack = name_stack(app=f"{APP}needs: [migrate]\n", migrate=JOB)
    objects = read_objects(stack, cluster=KUBECTL)
    pod = read_pod(stack, cluster=KUBECTL)

    (gate,) = pod["initContainers"]
    assert gate["image"] == "kubectl:1"
    assert "command" not in gate
    assert gate["args"] == [
        "wait",
        "--for=condition=complete",
        "--timeout=-1s",
        "job/migrate",
    ]
    assert objects["Role", "app"]["rules"] == [
        {
            "apiGroups": ["batch"],
            "resources": ["jobs"],
            "resourceNames": ["migrate"],
            "verbs": ["get", "list", "watch"],
        }
    ]
    binding = objects["RoleBinding", "app"]
    assert binding["roleRef"]["name"] == "app"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "app"}]
    assert ("ServiceAccount", "migrate") not in objects


def test_only_the_gate_that_asks_the_api_has_the_token() -> None:
    stack = name_stack(app=f"{APP}needs: [cache, migrate]\n", cache=CACHE, migrate=JOB)
    pod = read_pod(stack, cluster=KUBECTL)

    assert pod["serviceAccountName"] == "app"
    assert pod["automountServiceAccountToken"] is False
    having = [
        each["name"]
        for each in [*pod["initContainers"], *pod["containers"]]
        if any(m["name"] == "wait-token" for m in each.get("volumeMounts", []))
    ]
    assert having == ["wait-migrate"]


@pytest.mark.parametrize(
    ("keys", "condition"),
    [
        (WORKER, "--for=condition=Available"),
        (
            f"{WORKER}volumes: [data:/data]\n",
            "--for=jsonpath={.status.readyReplicas}=1",
        ),
    ],
)
def test_a_service_without_a_port_is_waited_for_by_its_workload(
    keys: str, condition: str
) -> None:
    stack = name_stack(app=f"{APP}needs: [worker]\n", worker=keys)
    stack += "volumes: {data: }\n" if "volumes" in keys else ""

    assert read_gates(stack, cluster=KUBECTL)[0]["args"][1] == condition


def test_a_gate_of_an_optional_need_lets_its_pod_start_where_kubectl_gives_up() -> None:
    stack = name_stack(
        app=f"{APP}needs: {{worker: {{otherwise: {{}}}}}}\n", worker=WORKER
    )
    (gate,) = read_gates(stack, cluster=KUBECTL)

    assert gate["command"][:2] == ["sh", "-c"]
    assert gate["command"][3:] == ["worker", "kubectl"]
    assert "--timeout=90s" in gate["args"]


def test_a_job_is_tried_again_where_its_gate_could_not_ask() -> None:
    stack = name_stack(app=f"{JOB}needs: [first]\n", first=JOB)
    job = read_objects(stack, cluster=KUBECTL)["Job", "app"]["spec"]

    (rule,) = job["podFailurePolicy"]["rules"]
    assert rule["action"] == "Ignore"
    assert rule["onExitCodes"]["containerName"] == "wait-first"
    assert (
        "podFailurePolicy"
        not in (read_objects(stack, cluster=KUBECTL)["Job", "first"]["spec"])
    )


@pytest.mark.parametrize(
    ("needed", "reason"),
    [
        (JOB, "has finished"),
        (WORKER, "has no port"),
    ],
)
def test_without_an_image_for_kubectl_such_a_gate_is_refused(
    needed: str, reason: str
) -> None:
    stack = name_stack(app=f"{APP}needs: [other]\n", other=needed)
    (problem,) = refuse(stack)

    assert (problem.name, problem.location.line) == ("needs-wait-image", 8)
    assert reason in problem.message
    assert "--wait-image" in problem.help
    assert "gate: none" in problem.help


def test_an_image_without_a_tool_is_refused_too() -> None:
    stack = name_stack(app=f"{CACHE}needs: [cache]\n", cache=CACHE)

    assert list_refusals(stack) == [("needs-wait-image", 8)]
    assert read_gates(stack, cluster=KUBECTL)[0]["args"][-1] == "deployment/cache"


# The programs


TOOLS = {
    **{tool: tool for tool in ("python3", "node", "bash", "php")},
    "nc": "busybox",  # as in images of Alpine
}


def make_environment(tool: str, folder: Path) -> dict[str, str]:
    """Where a tool of a gate is found."""
    require_program(TOOLS[tool])
    if tool == "nc":
        for name in ("sh", "nc"):
            (folder / name).symlink_to(str(shutil.which("busybox")))
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture(params=TOOLS)
def ask(request: pytest.FixtureRequest, tmp_path: Path) -> Ask:
    """Runs the gate of a tool for a port of this machine and a bound."""
    tool = request.param
    environment = make_environment(tool, tmp_path)

    def start(port: int, bound: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*gates.list_words(tool), "127.0.0.1", str(port), str(bound)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return start


def test_a_gate_opens_where_a_port_does(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = ask(server.getsockname()[1], 0)

    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_bounded_gate_gives_up_with_one_line_and_no_failure(ask: Ask) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        began = time.monotonic()
        ended = ask(closed.getsockname()[1], 2)

    assert time.monotonic() - began > 0.9  # a shell counts whole seconds of the clock
    (line,) = ended.stderr.splitlines()
    assert ended.returncode == 0
    assert line.startswith("127.0.0.1 is not ready after 2 s")
    assert line.endswith(": not waiting any longer")


AS_FIRST = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child")
"""Runs a program as process 1, which SIGTERM ends only where it is handled."""


def end_as_first(words: Sequence[str], environment: dict[str, str]) -> int:
    """Let a program that never ends get SIGTERM as process 1; its exit code."""
    if subprocess.run([*AS_FIRST, "true"], check=False).returncode:
        skip_without("a namespace of processes")
    with subprocess.Popen([*AS_FIRST, *words], env=environment) as outer:
        children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")

        def end() -> bool:
            for child in children.read_text().split():
                os.kill(int(child), signal.SIGTERM)
            return outer.poll() is not None

        try:
            wait_for(end, 20)
        finally:
            outer.kill()
    return outer.returncode


@pytest.mark.parametrize("tool", sorted(set(TOOLS) - {"php"}))
def test_a_gate_ends_at_once_where_its_pod_is_deleted(
    tool: str, tmp_path: Path
) -> None:
    environment = make_environment(tool, tmp_path)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        host, port = closed.getsockname()
        words = [*gates.list_words(tool), host, str(port), "0"]

        assert end_as_first(words, environment) == 143


def test_so_does_one_that_waits_for_kubectl(tmp_path: Path) -> None:
    stack = name_stack(
        app=f"{APP}needs: {{worker: {{otherwise: {{}}}}}}\n", worker=WORKER
    )
    (gate,) = read_gates(stack, cluster=KUBECTL)
    words = [word.replace("$$", "$") for word in gate["command"]]
    kubectl = tmp_path / "kubectl"
    kubectl.write_text("#!/bin/sh\nexec sleep 600\n")
    kubectl.chmod(0o755)

    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    assert end_as_first(words, {**os.environ, "PATH": path}) == 143
