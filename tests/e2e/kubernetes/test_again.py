"""What a second `up`, or the server's own check, makes of the rendered files."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.engine import run
from tests.e2e.examples import EXAMPLES, copy_example, list_images
from tests.e2e.kubernetes.cluster import KUBECTL_IMAGE, Stack, make_service
from tests.e2e.stacks import PYTHON

LEDGER = "04-database-with-migration-job"
IMAGES = [PYTHON, *list_images(LEDGER)]

REFUSED = {
    "05-bring-your-own-images": "pod-security",
    "07-raw-compose": "not-on-cluster",
    "08-express": "pod-security",
}
"""Examples that cannot be rendered for a cluster, with the name of the problem."""

ALL = sorted(path.parent.name for path in EXAMPLES.glob("*/stack.yaml"))


def render(stack: Stack, *words: str) -> Any:
    own = ("--target", "kubernetes", "--wait-image", KUBECTL_IMAGE)
    return stack.composegen("render", *own, *words)


LEVELS = {
    **{name: "restricted" for name in ALL if name not in REFUSED},
    "05-bring-your-own-images": "baseline",
    "08-express": "baseline",
}
"""What each example needs of Pod Security."""


@pytest.mark.parametrize("example", LEVELS)
def test_the_server_accepts_an_example_and_warns_of_nothing(
    stack: Stack, example: str
) -> None:
    copy_example(example, stack.folder)
    level = LEVELS[example]
    done = render(stack, "--pod-security", level)
    assert done.code == 0, done
    assert stack.composegen("secrets", GROQ_API_KEY="").code == 0
    stack.make_namespace(level)
    stack.set_namespace()

    # It fails where anything is on stderr.
    stack.kubectl_here("apply", "--dry-run=server", "-k", ".")


@pytest.mark.parametrize("example", REFUSED)
def test_an_example_that_a_cluster_cannot_run_is_refused(
    stack: Stack, example: str
) -> None:
    copy_example(example, stack.folder)

    done = render(stack)

    assert done.code == 1
    assert REFUSED[example] in done.err
    assert not (stack.folder / "kubernetes.yaml").exists()
    assert not (stack.folder / "kustomization.yaml").exists()


def read_generations(stack: Stack) -> dict[str, int]:
    kinds = "deployments,statefulsets,jobs,services,networkpolicies"
    return {
        f"{each['kind']} {name}": each["metadata"].get("generation", 0)
        for kind in kinds.split(",")
        for name, each in stack.list(kind).items()
    }


def read_uids(stack: Stack, kind: str) -> dict[str, str]:
    return {name: each["metadata"]["uid"] for name, each in stack.list(kind).items()}


def test_a_second_up_changes_nothing_and_a_changed_job_runs_again(
    stack: Stack,
) -> None:
    copy_example(LEDGER, stack.folder)
    stack.render()
    stack.up_well()
    before = read_generations(stack)
    pods, jobs = read_uids(stack, "pods"), read_uids(stack, "jobs")

    stack.up_well()

    assert read_generations(stack) == before
    assert (read_uids(stack, "pods"), read_uids(stack, "jobs")) == (pods, jobs)

    path = stack.folder / "stack.yaml"
    text = path.read_text().replace("-v ON_ERROR_STOP=1", "-a -v ON_ERROR_STOP=1")
    path.write_text(text)
    stack.render()
    stack.up_well()

    assert read_uids(stack, "jobs") != jobs
    [job] = stack.list("jobs").values()
    assert job["status"]["succeeded"] == 1
    assert stack.list("statefulsets")["db"]["metadata"]["generation"] == 1


def test_a_service_that_another_hand_stopped_is_reported_before_it_starts(
    stack: Stack,
) -> None:
    stack.write({"app": make_service()}, name="stopped")
    stack.render()
    stack.up_well()
    stack.kubectl("scale", "deployment", "app", "--replicas", "0")

    done = stack.up_well()

    assert "app" in done.err
    assert "0" in done.err
    assert stack.are_ready("app")


def test_a_scaled_service_stays_scaled(stack: Stack) -> None:
    stack.write({"app": make_service()}, name="scaled")
    stack.render()
    stack.up_well()
    stack.kubectl("scale", "deployment", "app", "--replicas", "2")
    stack.wait_for_ready("app")

    stack.up_well()

    assert stack.list("deployments")["app"]["spec"]["replicas"] == 2


def test_down_removes_what_up_made(stack: Stack) -> None:
    stack.write({"app": make_service()}, name="removed")
    stack.render()
    stack.up_well()

    done = stack.composegen("down", "--yes")

    assert done.code == 0, done
    words = ("kubectl", "get", "namespace", stack.namespace)
    assert run(*words, env=stack.cluster.env).returncode != 0
