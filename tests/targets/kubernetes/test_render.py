"""The two files: whole objects with their labels, and a header to make them again."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from composegen.planning.selection import Selection
from composegen.targets.files import Cluster
from composegen.targets.header import is_ours, is_untouched, read_flags
from composegen.targets.output import read_recorded
from tests.clusters import (
    APP,
    USER,
    find_workload,
    list_lost,
    name_stack,
    read_app_pod,
    read_kustomization,
    read_objects,
    render_files,
)

JOB = f"image: python:3.13-slim\njob: true\n{USER}"
STACK = (
    name_stack(
        web=f"{APP}publish: 8000\nneeds: {{cache: {{otherwise: {{env: {{A: b}}}}}}}}\n",
        cache=f"{APP}volumes: [data:/data]\n",
        job=f"{JOB}needs: [cache]\nsecrets: [KEY]\n",
    )
    + "volumes: {data: }\n"
)
LABELS = {
    "app.kubernetes.io/part-of": "shop",
    "app.kubernetes.io/managed-by": "composegen",
}


def test_every_object_and_pod_has_the_labels_that_find_it() -> None:
    objects = read_objects(STACK)

    for (_, name), each in objects.items():
        assert each["metadata"]["labels"] == {"app.kubernetes.io/name": name, **LABELS}
        template = each["spec"].get("template")
        if template is not None:
            assert template["metadata"]["labels"] == each["metadata"]["labels"]


def test_what_kustomize_makes_has_the_labels_too() -> None:
    made = read_kustomization(STACK)

    for each in made["secretGenerator"]:
        assert each["options"]["labels"].items() >= LABELS.items()


def test_the_namespace_stands_in_the_kustomization_alone() -> None:
    objects, kustomization = render_files(STACK)

    assert "namespace:" not in objects.text
    assert "\nnamespace: shop\n" in kustomization.text


def test_what_is_needed_comes_first() -> None:
    kinds = [(kind, name) for kind, name in read_objects(STACK) if kind != "Service"]

    assert kinds == [
        ("NetworkPolicy", "cache"),
        ("StatefulSet", "cache"),
        ("NetworkPolicy", "web"),
        ("Deployment", "web"),
        ("NetworkPolicy", "job"),
        ("Job", "job"),
    ]


def test_a_job_runs_once_and_does_not_hide_that_it_failed() -> None:
    job = read_objects(STACK)["Job", "job"]["spec"]

    assert job["backoffLimit"] == 0
    assert job["template"]["spec"]["restartPolicy"] == "Never"


@pytest.mark.parametrize(("keys", "replicas"), [("", None), ("replicas: 3\n", 3)])
def test_replicas_are_written_only_where_there_are_several(
    keys: str, replicas: int | None
) -> None:
    """What is written is owned: it would undo what another program has scaled."""
    stack = name_stack(app=f"{APP}{keys}")

    assert find_workload(read_objects(stack))["spec"].get("replicas") == replicas


def test_an_excluded_service_is_in_no_object_and_its_fallback_is() -> None:
    stack = STACK.replace("    needs: [cache]\n", "")
    objects = read_objects(stack, removed=("cache",))

    assert not {name for _, name in objects} & {"cache"}
    web = objects["Deployment", "web"]["spec"]["template"]["spec"]
    assert web["containers"][0]["env"] == [{"name": "A", "value": "b"}]
    assert "initContainers" not in web


def test_reasons_for_what_differs_stand_above_the_workload() -> None:
    objects, _ = render_files(name_stack(app=f"{APP}relax: {{read_only: it writes}}\n"))

    assert (
        "---\n# read_only: relax: it writes\napiVersion: apps/v1\nkind: Deployment\n"
        in objects.text
    )


@pytest.mark.parametrize(
    ("keys", "settings"),
    [
        ("stop_grace_period: 1m30s", {"terminationGracePeriodSeconds": 90}),
        ("hostname: box.example", {"hostname": "box"}),
        (
            "platform: linux/arm64/v8",
            {
                "nodeSelector": {
                    "kubernetes.io/os": "linux",
                    "kubernetes.io/arch": "arm64",
                }
            },
        ),
        (
            "extra_hosts: [a=192.0.2.1, b=192.0.2.1, 'c=[::1]']",
            {
                "hostAliases": [
                    {"ip": "192.0.2.1", "hostnames": ["a", "b"]},
                    {"ip": "::1", "hostnames": ["c"]},
                ]
            },
        ),
    ],
)
def test_keys_of_compose_are_settings_of_the_pod(
    keys: str, settings: dict[str, Any]
) -> None:
    assert read_app_pod(f"{keys}\n").items() >= settings.items()


def test_labels_of_a_container_are_annotations_of_its_pod() -> None:
    stack = name_stack(app=f"{APP}labels: {{team.example/name: 'a b', x: 'y$$z'}}\n")
    template = find_workload(read_objects(stack))["spec"]["template"]

    assert template["metadata"]["annotations"] == {
        "team.example/name": "a b",
        "x": "y$z",
    }


# The header


def test_both_files_say_how_they_are_made_again() -> None:
    cluster = Cluster(
        registry="r.example", tag="v1", wait_image="kubectl:1", pod_security="baseline"
    )
    files = render_files(STACK, cluster=cluster, removed=("web",))

    for each in files:
        assert is_ours(each.text)
        assert is_untouched(each.text)
        assert read_flags(each.text) == shlex.split(
            "--target kubernetes --without web --registry r.example --tag v1 "
            "--wait-image kubectl:1 --pod-security baseline"
        )


def test_what_the_header_says_is_read_again(tmp_path: Path) -> None:
    cluster = Cluster(registry="r.example", tag="v1", pod_security="privileged")
    path = tmp_path / "kubernetes.yaml"
    path.write_text(render_files(STACK, cluster=cluster, removed=("web",))[0].text)

    recorded = read_recorded(path)
    assert recorded is not None
    assert recorded.selection == Selection(removed=("web",))
    assert recorded.cluster == cluster


def test_a_level_in_the_header_that_there_is_not_is_the_strict_one(
    tmp_path: Path,
) -> None:
    path = tmp_path / "kubernetes.yaml"
    text = render_files(STACK, cluster=Cluster(pod_security="baseline"))[0].text
    path.write_text(text.replace("baseline", "nonsense"))

    recorded = read_recorded(path)
    assert recorded is not None
    assert recorded.cluster.pod_security == "restricted"


def test_the_header_names_variables_and_no_value() -> None:
    stack = name_stack(app=f"{APP}environment: {{TOKEN: '${{TOKEN:-canary}}'}}\n")
    objects, kustomization = render_files(stack)

    assert "#   app: TOKEN\n" in objects.text
    assert "canary" not in objects.text + kustomization.text


def test_an_optional_service_is_listed_with_the_time_that_others_wait() -> None:
    text = render_files(STACK)[0].text

    assert "#   cache, 90 s: web\n" in text


def test_a_hostile_text_stays_a_value() -> None:
    """Whatever stands in a stack file, it makes no object of its own."""
    hostile = "x\\n---\\nkind: Pod\\n# 'y: {\\u2028"
    objects = read_objects(
        name_stack(app=f'{APP}command: ["{hostile}"]\nlabels: {{a: "{hostile}"}}\n')
    )

    assert {kind for kind, _ in objects} == {"NetworkPolicy", "Service", "Deployment"}


def test_a_claim_is_listed_with_the_size_that_it_has() -> None:
    assert "the volume `data` has no size -> it claims 1Gi" in list_lost(STACK)
