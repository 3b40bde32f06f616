"""The commands for what runs on a cluster, against the real one."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.engine import wait_until
from tests.e2e.kubernetes.cluster import CONTEXT, USER, Stack, make_service
from tests.e2e.stacks import COMMAND, PYTHON, make_dependent
from tests.leaks import find_port

IMAGES = [PYTHON]


@pytest.fixture
def pair(stack: Stack) -> Stack:
    """Two services that are up, of which `web` needs `app`."""
    web = make_service(needs=["app"], publish=f"{find_port()}:8000")
    stack.write({"app": make_service(), "web": web}, name="pair")
    stack.render()
    stack.up_well()
    return stack


def test_status_logs_and_exec_reach_what_runs(pair: Stack) -> None:
    status = pair.composegen("status", "--format", "json")
    states = {each["service"]: each["state"] for each in json.loads(status.out)}
    assert (status.code, states) == (0, {"app": "ready", "web": "ready"})

    logs = pair.composegen("logs")
    assert re.search(r"^app +\| listening$", logs.out, re.MULTILINE), logs

    words = ("exec", "web", "--", "sh", "-c", "echo $0 {port}; exit 7")
    done = pair.composegen(*words)
    assert (done.code, done.out) == (7, "sh 8000\n"), done


def test_a_program_that_there_is_not_ends_exec_with_its_code(pair: Stack) -> None:
    assert pair.composegen("exec", "web", "--", "no-such-program").code in {126, 127}


def test_stop_start_and_restart_change_single_services(pair: Stack) -> None:
    before = pair.find_pod("web")["metadata"]["uid"]

    stopped = pair.composegen("stop", "app")
    assert stopped.code == 0, stopped
    assert "is needed by web, which keeps running" in stopped.err
    assert pair.list_pods().keys() == {"web"}
    why = pair.composegen("why", "app")
    assert "was stopped with `composegen stop`" in why.out

    assert pair.composegen("start", "app").code == 0
    assert pair.are_ready("app", "web")
    assert pair.find_pod("web")["metadata"]["uid"] == before

    assert pair.composegen("restart", "web").code == 0
    wait_until(lambda: len(pair.list_pods()["web"]) == 1, "the older pod is gone")
    assert pair.find_pod("web")["metadata"]["uid"] != before


def test_a_need_that_is_stopped_holds_the_gate_and_why_names_it(stack: Stack) -> None:
    stack.write({"app": make_service("import time; time.sleep(600)"), "web": WEB})
    text = stack.read_file("stack.yaml")
    (stack.folder / "stack.yaml").write_text(f"name: gated\n{text}")
    stack.render()

    done = stack.up("--wait", "8s")

    assert done.code == 1, done
    why = stack.composegen("why", "web")
    assert "web -> app: " in why.out, why


WEB = make_dependent("app", user=USER)


@contextmanager
def forwarding(stack: Stack, *words: str) -> Iterator[subprocess.Popen[str]]:
    where = ("--on", "kubernetes", "--context", CONTEXT)
    own = (*where, "--namespace", stack.namespace)
    with subprocess.Popen(
        [*COMMAND, "up", *own, "--forward", *words],
        cwd=stack.folder,
        env=stack.cluster.env,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def test_published_ports_are_forwarded_until_the_end(pair: Stack) -> None:
    with forwarding(pair) as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        line = next(each for each in lines if "is forwarded: " in each)
        port = line.rstrip().rpartition(":")[2]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as got:
            assert got.status == 200
        process.terminate()
        assert process.wait(timeout=30) == 143
    assert pair.are_ready("app", "web")


def test_doctor_tries_whether_policies_are_enforced(pair: Stack) -> None:
    done = pair.composegen("doctor", "--on", "kubernetes", "--yes")

    assert done.code == 0, done
    assert re.search(
        "NetworkPolicies are (enforced: it was tried|accepted and not enforced)",
        done.out,
    ), done
    wait_until(
        lambda: "composegen-doctor" not in pair.cluster.kubectl("get", "namespaces"),
        "the namespace of the trial is gone",
    )


def test_an_object_of_another_hand_is_not_taken_over(stack: Stack) -> None:
    stack.write({"app": make_service()}, name="foreign")
    stack.render()
    stack.make_namespace()
    stack.kubectl("create", "service", "clusterip", "app", "--tcp=80")

    done = stack.up()

    assert done.code == 1
    assert "Service app" in done.err
    assert stack.list("deployments") == {}


def test_a_field_that_another_hand_has_changed_is_a_conflict(pair: Stack) -> None:
    patch = '{"spec":{"template":{"spec":{"enableServiceLinks":true}}}}'
    pair.kubectl("patch", "deployment", "app", "--type=merge", f"--patch={patch}")

    done = pair.up()

    assert done.code == 1
    assert "enableServiceLinks is set by kubectl-patch" in done.err, done
