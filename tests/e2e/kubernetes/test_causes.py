"""What keeps a stack on a cluster from coming up is named, soon and with its help.

A cause that Kubernetes reports is there within ten seconds of that report. One that
only silence shows is there when the service's `boot` is over. Then the help is done,
and the stack comes up.
"""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from composegen.places.cluster.cause import CauseName
from composegen.places.cluster.notes import read_notes
from composegen.places.cluster.place import ClusterPlace
from composegen.workspace.workspace import Workspace
from tests.e2e.engine import wait_until
from tests.e2e.kubernetes.cluster import LEVEL, USER, Stack, make_service
from tests.e2e.stacks import PYTHON, SERVE, SLEEP, Done, serve_after

tries = pytest.mark.tries

IMAGES = [PYTHON]
SOON = 10.0
BOOT = 6.0
UNSEEN = 5.0
FORCE = "--overwrite"


def write(stack: Stack, app: dict[str, Any], **top: Any) -> None:
    """A stack of one service, whose images the cluster has."""
    stack.write({"app": app}, name="causes", **top)


def up_in_vain(stack: Stack, *words: str) -> tuple[Done, datetime]:
    """Bring it up; it must fail. Also the moment at which it said so."""
    done = stack.up(*words)
    assert done.code == 1, done
    assert not re.search("^Traceback", done.err, re.MULTILINE), done
    return done, datetime.now(UTC)


def find_causes(stack: Stack) -> set[str]:
    """The names of the causes that are found now."""
    notes = read_notes(stack.folder)
    assert notes is not None
    place = ClusterPlace(
        Workspace(stack.folder / "stack.yaml", stack.cluster.env), notes
    )
    reasons = place.explain("").reasons
    found = {each.failure.cause_name for each in reasons if each.failure}
    stack.causes |= found
    return found


def assert_found(stack: Stack, cause: CauseName, done: Done, said: str) -> None:
    """That `up` and `why` name a cause, and print a help."""
    assert find_causes(stack) == {cause}, done
    assert said in done.said, done
    why = stack.composegen("why", "--on", "kubernetes")
    assert why.code == 1, why
    assert said in why.said, why
    assert "\n  help: " in why.said, why


def read_event(stack: Stack, reason: str, *, part: str = "") -> datetime:
    """When Kubernetes first reported something."""
    items = json.loads(stack.kubectl("get", "events", "-o", "json"))["items"]
    found = [
        each["firstTimestamp"] or each["eventTime"]
        for each in items
        if each["reason"] == reason and part in each["message"]
    ]
    assert found, [(each["reason"], each["message"]) for each in items]
    return min(datetime.fromisoformat(each) for each in found)


def assert_soon(reported: datetime, said: datetime, within: float = SOON) -> None:
    """That it was said soon after it was reported; the reports have whole seconds."""
    took = (said - reported).total_seconds()
    assert took <= within * find_patience() + 1, took


def find_patience() -> float:
    """How much longer all takes here than at a load of 4, up to which limits hold."""
    return max(1.0, os.getloadavg()[0] / 4)


def read_end(stack: Stack) -> datetime:
    """When the service's program first ended, of which the last end is kept."""
    status = stack.find_pod("app")["status"]["containerStatuses"][0]
    states = (status["state"], status.get("lastState", {}))
    [ended, *_] = [each["terminated"] for each in states if "terminated" in each]
    return datetime.fromisoformat(ended["finishedAt"])


@tries(CauseName.IMAGE_NOT_PULLED)
def test_an_image_that_is_missing(stack: Stack) -> None:
    write(stack, make_service(image="kclu-not-there:1"))

    done, said = up_in_vain(stack)

    assert_soon(read_event(stack, "Failed", part="kclu-not-there"), said)
    assert_found(stack, CauseName.IMAGE_NOT_PULLED, done, "kclu-not-there:1")

    write(stack, make_service())  # correct `image` of `app`
    stack.render()
    stack.up_well()


@tries(CauseName.POD_REFUSED)
def test_a_pod_that_the_namespace_does_not_admit(stack: Stack) -> None:
    write(stack, make_service(user=None))
    stack.render("--pod-security", "baseline")
    stack.make_namespace()

    done, said = up_in_vain(stack)

    assert_soon(read_event(stack, "FailedCreate"), said)
    assert_found(stack, CauseName.POD_REFUSED, done, "runAsNonRoot")

    stack.kubectl("label", "namespace", stack.namespace, f"{LEVEL}=baseline", FORCE)
    stack.up_well()


@tries(CauseName.QUOTA_EXCEEDED)
def test_a_quota_that_is_used_up(stack: Stack) -> None:
    write(stack, make_service())
    stack.render()
    stack.make_namespace()
    stack.kubectl("create", "quota", "none", "--hard=pods=0")

    done, said = up_in_vain(stack)

    assert_soon(read_event(stack, "FailedCreate"), said)
    assert_found(stack, CauseName.QUOTA_EXCEEDED, done, "exceeded quota")

    stack.kubectl("patch", "quota", "none", '--patch={"spec": {"hard": {"pods": "9"}}}')
    stack.up_well()


@tries(CauseName.NO_ROOM)
def test_a_cluster_without_processors_left(stack: Stack) -> None:
    write(stack, make_service())
    stack.render()
    stack.make_namespace()
    take_processors(stack)

    done, said = up_in_vain(stack)

    assert_soon(read_event(stack, "FailedScheduling"), said)
    assert_found(stack, CauseName.NO_ROOM, done, "cpu")

    stack.kubectl("delete", "pod", "filler")
    stack.up_well()


def take_processors(stack: Stack) -> None:
    """A pod that leaves less than a service asks for, which is 10m."""
    pods = json.loads(stack.cluster.kubectl("get", "pods", "-A", "-o", "json"))["items"]
    taken = sum(
        count_millis(each.get("resources", {}).get("requests", {}).get("cpu", "0"))
        for pod in pods
        if pod["status"]["phase"] not in {"Succeeded", "Failed"}
        for each in pod["spec"]["containers"]
    )
    [node] = json.loads(stack.cluster.kubectl("get", "nodes", "-o", "json"))["items"]
    left = count_millis(node["status"]["allocatable"]["cpu"]) - taken - 5
    stack.create({**make_object("v1", "Pod", "filler"), "spec": make_filler(left)})
    stack.kubectl("wait", "--for=condition=Ready", "pod/filler", "--timeout=60s")


def count_millis(cpu: str) -> int:
    """Thousandths of a processor."""
    return int(cpu[:-1]) if cpu.endswith("m") else int(cpu) * 1000


def make_object(version: str, kind: str, name: str) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}


def make_filler(millis: int) -> dict[str, Any]:
    return {
        "terminationGracePeriodSeconds": 0,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "filler",
                "image": PYTHON,
                "command": SLEEP,
                "resources": {"requests": {"cpu": f"{millis}m"}},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    }


@tries(CauseName.SECRET_MISSING)
def test_a_key_of_a_secret_that_is_gone(stack: Stack) -> None:
    write(
        stack,
        make_service(secrets=["token"], environment={"MODE": "${MODE}"}),
        secrets={"token": {"generate": True}},
    )
    stack.render()
    stack.up_well(MODE="fast")
    [secret] = [name for name in stack.list("secrets") if "env" in name]
    stack.kubectl(
        *("patch", "secret", secret, "--type=json"),
        '--patch=[{"op": "remove", "path": "/data/app.MODE"}]',
    )
    stack.kubectl("delete", "pod", "--all", "--wait=false")
    wait_until(
        lambda: "CreateContainerConfigError" in stack.kubectl("get", "pods"),
        "the container cannot be configured",
    )

    assert find_causes(stack) == {CauseName.SECRET_MISSING}
    why = stack.composegen("why", "--on", "kubernetes")
    assert "MODE" in why.said

    assert "composegen secrets && composegen up --on kubernetes" in why.said
    assert stack.composegen("secrets", MODE="fast").code == 0
    stack.up_well(MODE="fast")


@tries(CauseName.CLAIM_PENDING)
def test_a_claim_without_a_volume(stack: Stack) -> None:
    write(
        stack,
        make_service(volumes=["data:/data"]),
        volumes={"data": {}},
    )
    stack.render()
    stack.make_namespace()
    take_volumes(stack)

    done, said = up_in_vain(stack)

    assert_soon(read_event(stack, "FailedBinding"), said)
    assert_found(stack, CauseName.CLAIM_PENDING, done, "data")

    stack.kubectl("delete", "pvc", "taken-0")  # its volume is free then
    stack.up_well()


def take_volumes(stack: Stack) -> None:
    """Claims for all volumes that are free."""
    phases = "jsonpath={.items[*].status.phase}"
    free = stack.kubectl("get", "pv", "-o", phases).split().count("Available")
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "10Gi"}},
    }
    for number in range(free):
        claim = make_object("v1", "PersistentVolumeClaim", f"taken-{number}")
        stack.create({**claim, "spec": spec})
    wait_until(
        lambda: "Available" not in stack.kubectl("get", "pv", "-o", phases),
        "no volume is free",
    )


@tries(CauseName.EXITED)
def test_a_job_that_fails(stack: Stack) -> None:
    write(stack, make_job("raise SystemExit(3)"))
    stack.render()

    done, said = up_in_vain(stack)

    assert_soon(read_end(stack), said, within=5)
    assert_found(stack, CauseName.EXITED, done, "exited with 3")

    write(stack, make_job("print('done')"))
    stack.up_well()


def make_job(program: str) -> dict[str, Any]:
    return make_service(program, job=True, port=None, health=None)


@tries(CauseName.EXITED)
def test_a_program_that_ends_again_and_again(stack: Stack) -> None:
    write(stack, make_service("print('no such table'); raise SystemExit(4)"))
    stack.render()

    done, said = up_in_vain(stack)

    assert_soon(read_event(stack, "BackOff"), said)
    assert_found(stack, CauseName.EXITED, done, "exited with 4")
    assert "no such table" in done.said

    write(stack, make_service())
    stack.up_well()


@tries(CauseName.OUT_OF_MEMORY)
def test_a_program_that_runs_out_of_memory(stack: Stack) -> None:
    eat = serve_after("kept = b'x' * (64 << 20)")
    write(stack, make_service(eat, resources={"memory": "48M"}))
    stack.render()

    done, said = up_in_vain(stack)

    assert_soon(read_end(stack), said)
    assert_found(stack, CauseName.OUT_OF_MEMORY, done, "memory: 96M")

    stack.help(done.said)
    stack.up_well()


HEALTH = {"tcp": True, "boot": f"{BOOT:g}s", "interval": "1s"}


def assert_in_boot(stack: Stack, said: datetime) -> None:
    """That it was said when the service's time to boot was over."""
    status = stack.find_pod("app")["status"]["containerStatuses"][0]
    # A startup probe that does not pass has the container started again.
    state = status.get("lastState", {}).get("terminated") or status["state"]["running"]
    took = (said - datetime.fromisoformat(state["startedAt"])).total_seconds()
    assert took <= BOOT + UNSEEN * find_patience() + 1, took


@tries(CauseName.OTHER_PORT)
def test_a_program_that_listens_on_another_port(stack: Stack) -> None:
    app = make_service()
    app["command"] += ["8001"]
    write(stack, {**app, "health": HEALTH})
    stack.render()

    done, said = up_in_vain(stack)

    assert_in_boot(stack, said)
    assert_found(stack, CauseName.OTHER_PORT, done, "port: 8001")

    stack.help(done.said)
    stack.up_well()


@tries(CauseName.ON_LOOPBACK)
def test_a_program_that_listens_on_loopback_alone(stack: Stack) -> None:
    app = make_service(environment={"LISTEN": "127.0.0.1"}, health=HEALTH)
    write(stack, app)
    stack.render()

    done, said = up_in_vain(stack)

    assert_in_boot(stack, said)
    assert_found(stack, CauseName.ON_LOOPBACK, done, "0.0.0.0:8000")

    write(stack, make_service(health=HEALTH))  # it listens on 0.0.0.0
    stack.up_well()


@tries(CauseName.NOTHING_LISTENS)
def test_a_program_that_needs_more_time_than_its_boot(stack: Stack) -> None:
    write(
        stack, make_service(serve_after("import time; time.sleep(600)"), health=HEALTH)
    )
    stack.render()

    done, said = up_in_vain(stack)

    assert_in_boot(stack, said)
    assert_found(stack, CauseName.NOTHING_LISTENS, done, "boot: 12s")

    slow = make_service(serve_after("import time; time.sleep(7)"), health=HEALTH)
    write(stack, slow)
    stack.help(done.said)
    stack.up_well()


@tries(CauseName.BAD_STATUS)
def test_a_page_that_is_not_there(stack: Stack) -> None:
    write(stack, make_service(FIND, health={**HASTY, "http": "/healthz"}))
    stack.render()

    done, said = up_in_vain(stack)

    assert_in_boot(stack, said)
    assert_found(stack, CauseName.BAD_STATUS, done, "GET /healthz answers 404")

    write(stack, make_service(FIND, health={**HASTY, "http": "/health"}))
    stack.up_well()


FIND = SERVE.replace("send_response(200)", "send_response(FOUND.get(self.path, 404))")
FIND = f"FOUND = {{'/health': 200}}\n{FIND}"
HASTY = {"boot": f"{BOOT:g}s", "interval": "1s"}


@tries(CauseName.CHECK_FAILS)
def test_a_command_that_fails_for_longer_than_the_boot(stack: Stack) -> None:
    late = serve_after("import time, pathlib; pathlib.Path('/tmp/began').touch()")
    check = "find /tmp/began -not -newermt '-9 seconds' | grep began"
    write(stack, make_service(late, health={**HASTY, "command": check}))
    stack.render()

    done, said = up_in_vain(stack)

    assert_in_boot(stack, said)
    assert_found(stack, CauseName.CHECK_FAILS, done, "its health check fails")

    stack.help(done.said)
    stack.up_well()


@tries(CauseName.PROGRAM_NOT_FOUND)
def test_a_program_that_the_image_does_not_have(stack: Stack) -> None:
    write(stack, {**make_service(), "command": ["no-such-program"]})
    stack.render()

    done, _ = up_in_vain(stack)

    assert_found(stack, CauseName.PROGRAM_NOT_FOUND, done, "`no-such-program`")

    write(stack, make_service())
    stack.up_well()


@tries(CauseName.PROGRAM_LOCKED)
def test_a_program_that_may_not_be_executed(stack: Stack) -> None:
    write(stack, {**make_service(), "command": ["/etc/passwd"]})
    stack.render()

    done, _ = up_in_vain(stack)

    assert_found(stack, CauseName.PROGRAM_LOCKED, done, "`/etc/passwd`")

    write(stack, make_service())  # as the Dockerfile would have it
    stack.up_well()


@tries(CauseName.UP_ENDED)
def test_a_service_that_another_hand_has_removed(stack: Stack) -> None:
    write(stack, make_service())
    stack.render()
    stack.up_well()
    stack.kubectl("delete", "deployment", "app")

    assert find_causes(stack) == {CauseName.UP_ENDED}
    why = stack.composegen("why", "--on", "kubernetes")
    assert "bring it up: composegen up --on kubernetes" in why.said

    stack.up_well()


def test_a_dependent_names_its_gate_and_the_reason_of_its_need(stack: Stack) -> None:
    waits = {
        "image": PYTHON,
        "user": USER,
        "command": SLEEP,
        "health": {"none": "it only waits"},
        "needs": ["app"],
    }
    app = make_service("raise SystemExit(4)")
    stack.write({"app": app, "waits": waits}, name="causes")
    stack.render()

    done, _ = up_in_vain(stack)

    assert "waits" in done.said
    assert find_causes(stack) == {CauseName.EXITED}
