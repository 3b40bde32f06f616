"""Drills on the real cluster: what they find, and that nothing of them stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.e2e.drilled import list_expected, make_stack
from tests.e2e.engine import wait_until
from tests.e2e.kubernetes.cluster import USER, Stack
from tests.e2e.stacks import COMMAND, PYTHON
from tests.leaks import find_guardian

IMAGES = [PYTHON]
QUICK = ("--for", "3s", "--within", "60s")
KINDS = "deployments,statefulsets,services,networkpolicies,secrets,configmaps"


def write(stack: Stack, names: set[str]) -> None:
    """Some of the applications, as a cluster takes them, and bring them up."""
    services = make_stack(names)
    for service in services.values():
        service["user"] = USER
        service.pop("compose", None)
    stack.write(services, name="drilled")
    stack.render()
    stack.up_well()


@pytest.fixture
def drilled(stack: Stack) -> Stack:
    """One application that copes with the loss of its cache."""
    write(stack, {"kept"})
    return stack


def look(stack: Stack) -> dict[str, Any]:
    """Every object as it is defined, its data, and who has set which of its fields."""
    items = json.loads(stack.kubectl("get", KINDS, "-o", "json"))["items"]
    return {
        f"{each['kind']} {each['metadata']['name']}": (
            each.get("spec") or each.get("data"),
            each["metadata"].get("labels"),
        )
        for each in items
    }


def list_generations(stack: Stack) -> dict[str, int]:
    items = json.loads(stack.kubectl("get", KINDS, "-o", "json"))["items"]
    return {
        f"{each['kind']} {each['metadata']['name']}": each["metadata"].get(
            "generation", 0
        )
        for each in items
    }


def drill(stack: Stack, *words: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code of a drill, and its rows."""
    own = ("drill", "--on", "kubernetes", "--yes", "--format", "json", *QUICK)
    done = stack.composegen(*own, *words, deadline=400)
    assert done.out, done
    return done.code, json.loads(done.out)


def read_notes(stack: Stack) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        text = (stack.folder / ".composegen" / "drill.json").read_text()
        return dict(json.loads(text))
    return {}


def is_over(stack: Stack, before: dict[str, Any]) -> bool:
    notes = stack.folder / ".composegen" / "drill.json"
    return not notes.exists() and look(stack) == before


@contextmanager
def start(stack: Stack, fault: str) -> Iterator[subprocess.Popen[str]]:
    """A drill that goes on until it is ended, at a moment at which its fault stands.

    It leads a group of processes, as in a terminal.
    """
    words = ("drill", "--yes", "--within", "60s", "--for", "600s", "--faults", fault)
    with subprocess.Popen(
        [*COMMAND, *words],
        cwd=stack.folder,
        env=stack.cluster.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:

            def stands() -> bool:
                notes = read_notes(stack)
                is_done = bool(notes.get("is_done"))
                return is_done and notes["undo"]["fault"] == fault

            wait_until(stands, f"{fault} stands", deadline=120)
            yield process
        finally:
            process.kill()


def test_a_drill_names_what_does_not_cope_and_leaves_all_as_it_was(
    stack: Stack,
) -> None:
    names = {"kept", "empty", "refuses"}
    write(stack, names)
    before, generations = look(stack), list_generations(stack)
    code, rows = drill(stack)

    failing = {(r["dependent"], r["fault"]) for r in rows if r["verdict"] == "fails"}
    skipped = {r["fault"]: r["evidence"] for r in rows if r["verdict"] == "skipped"}
    expected = {
        each for each in list_expected(names) if each[1] not in {"freeze", "cut"}
    }
    assert (code, failing) == (1, expected), rows
    assert skipped.keys() == {"freeze", "cut"}
    assert all("not possible on a cluster" in why for why in skipped.values())
    assert {r["verdict"] for r in rows if r["dependent"] == "refuses"} == {"holds"}

    assert is_over(stack, before)
    after = list_generations(stack)
    changed = {name for name, number in generations.items() if after[name] != number}
    assert changed == {
        *("Deployment cache", "Deployment db", "Deployment kept", "Deployment empty")
    }
    again = stack.up_well()
    assert list_generations(stack) == after, again


def test_one_that_does_not_start_with_its_fallback_fails(stack: Stack) -> None:
    write(stack, {"undeclared"})
    before = look(stack)
    code, rows = drill(stack, "--faults", "without", "--within", "20s")

    [row] = rows
    assert (code, row["verdict"]) == (1, "fails"), row
    assert "KeyError: 'CACHE'" in row["evidence"]
    assert is_over(stack, before)
    assert stack.composegen("status").code == 0


def test_a_store_gets_its_claim_back_and_as_many_pods_as_it_had(stack: Stack) -> None:
    services = make_stack({"kept"})
    for service in services.values():
        service["user"] = USER
        service.pop("compose", None)
    services["cache"]["volumes"] = ["data:/data"]
    stack.write(services, name="drilled", volumes={"data": {}})
    stack.render()
    stack.up_well()
    stack.kubectl("scale", "deployment/kept", "--replicas=2")
    stack.wait_for_ready("kept")
    claims, before = stack.list("pvc").keys(), look(stack)
    code, rows = drill(stack, "--faults", "stop,without")

    assert (code, {row["verdict"] for row in rows}) == (0, {"holds"}), rows
    assert stack.list("pvc").keys() == claims
    assert is_over(stack, before)
    assert len(stack.list_pods()["kept"]) == 2


@pytest.mark.parametrize("fault", ["stop", "kill", "without"])
def test_ctrl_c_undoes_what_stands(fault: str, drilled: Stack) -> None:
    before = look(drilled)
    with start(drilled, fault) as process:
        assert "cache" not in drilled.list_pods()
        up = drilled.up()
        assert up.code == 1, up
        assert "a drill is going on in this folder" in up.err
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=200)

    assert process.returncode == 130, out
    assert is_over(drilled, before), out
    drilled.wait_for_ready("cache", "kept")


@pytest.mark.parametrize("fault", ["stop", "without"])
def test_a_drill_that_is_killed_is_undone_by_its_guardian(
    fault: str, drilled: Stack
) -> None:
    before = look(drilled)
    with start(drilled, fault) as process:
        process.kill()

        wait_until(lambda: is_over(drilled, before), "all is as before", deadline=200)
    drilled.wait_for_ready("cache", "kept")


def test_the_next_command_undoes_what_is_left_where_the_guardian_is_gone_too(
    drilled: Stack,
) -> None:
    before = look(drilled)
    with start(drilled, "kill") as process:
        os.kill(find_guardian(read_notes(drilled)["mark"]), signal.SIGKILL)
        process.kill()
        process.wait()
        done = drilled.composegen("status")

    assert "undoing what a drill has left: cache was killed" in done.err, done
    assert is_over(drilled, before)
    drilled.wait_for_ready("cache", "kept")


def test_a_stack_that_has_changed_is_not_drilled(drilled: Stack) -> None:
    before = look(drilled)
    text = drilled.read_file("stack.yaml")
    changed = text.replace("grace_period: 1s", "grace_period: 2s")
    (drilled.folder / "stack.yaml").write_text(changed)
    done = drilled.composegen("drill", "--yes")

    assert done.code == 2, done
    assert "changed since `composegen up --on kubernetes`" in done.err
    assert is_over(drilled, before)
