"""Volumes become claims, small files become a ConfigMap, secrets become files."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clusters import (
    APP,
    USER,
    find_workload,
    list_lost,
    list_refusals,
    name_stack,
    read_app,
    read_app_pod,
    read_kustomization,
    read_objects,
    read_pod,
    refuse,
)

DATA = "volumes: {data: }\n"


def find_mount(container: Any, path: str) -> Any:
    (found,) = [m for m in container["volumeMounts"] if m["mountPath"] == path]
    return found


def find_volume(pod: Any, name: str) -> Any:
    (found,) = [volume for volume in pod["volumes"] if volume["name"] == name]
    return found


# Folders in memory


def test_a_read_only_image_has_its_tmp_in_memory() -> None:
    pod = read_app_pod()

    assert find_mount(pod["containers"][0], "/tmp")["name"] == "tmp"
    assert find_volume(pod, "tmp") == {"name": "tmp", "emptyDir": {"medium": "Memory"}}


@pytest.mark.parametrize(
    ("text", "memory"),
    [
        ("/cache", {"medium": "Memory"}),
        ("/cache:size=64m,mode=1777", {"medium": "Memory", "sizeLimit": "64Mi"}),
    ],
)
def test_a_tmpfs_is_a_folder_in_memory(text: str, memory: dict[str, str]) -> None:
    pod = read_app_pod(f'tmpfs: ["{text}"]\n')

    assert find_volume(pod, "cache")["emptyDir"] == memory


def test_shared_memory_has_its_size() -> None:
    pod = read_app_pod("shm_size: 256m\n")

    assert find_mount(pod["containers"][0], "/dev/shm")["name"] == "shm"
    assert find_volume(pod, "shm")["emptyDir"]["sizeLimit"] == "256Mi"


def test_two_folders_of_one_name_are_two_volumes() -> None:
    app = read_app("tmpfs: [/var/cache, /cache]\n")

    assert find_mount(app, "/var/cache")["name"] == "var-cache"
    assert find_mount(app, "/cache")["name"] == "cache"
    names = [
        mount["name"] for mount in read_app("tmpfs: [/a/b, /a-b]\n")["volumeMounts"]
    ]
    assert len(names) == len(set(names))


# Claims


def test_a_named_volume_makes_a_stateful_set_with_its_claim() -> None:
    stack = name_stack(app=f"{APP}volumes: [data:/data]\n") + DATA
    workload = read_objects(stack)["StatefulSet", "app"]

    (claim,) = workload["spec"]["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "data"
    assert claim["metadata"]["labels"]["app.kubernetes.io/part-of"] == "shop"
    assert claim["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    }
    assert workload["spec"]["serviceName"] == "app"
    # A pod that is broken keeps back no other one, and is replaced by the next apply.
    assert workload["spec"]["podManagementPolicy"] == "Parallel"
    assert "replicas" not in workload["spec"]
    app = read_pod(stack)["containers"][0]
    assert find_mount(app, "/data") == {"name": "data", "mountPath": "/data"}


def test_a_volume_of_two_services_is_a_claim_that_both_mount() -> None:
    both = "volumes: [data:/data]\n"
    stack = name_stack(app=APP + both, other=f"{APP}volumes: [data:/x:ro]\n") + DATA
    objects = read_objects(stack)

    assert ("PersistentVolumeClaim", "data") in objects
    assert find_workload(objects)["kind"] == "Deployment"
    assert find_workload(objects)["spec"]["strategy"] == {"type": "Recreate"}
    pod = read_pod(stack, "other")
    assert find_volume(pod, "data")["persistentVolumeClaim"] == {"claimName": "data"}
    assert find_mount(pod["containers"][0], "/x")["readOnly"] is True
    assert any(
        "the volume `data` of app, other ->" in line for line in list_lost(stack)
    )


def test_the_volume_of_a_job_is_a_claim_of_its_own() -> None:
    stack = name_stack(
        app=f"image: python:3.13-slim\njob: true\n{USER}volumes: [data:/data]\n"
    )

    objects = read_objects(stack + DATA)
    assert {kind for kind, _ in objects} == {
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "Job",
    }


def test_an_external_volume_is_a_claim_that_is_there() -> None:
    stack = name_stack(app=f"{APP}volumes: [data:/data]\n")
    stack += "volumes: {data: {external: true}}\n"

    assert find_workload(read_objects(stack))["kind"] == "Deployment"
    pod = read_pod(stack)
    assert find_volume(pod, "data")["persistentVolumeClaim"]["claimName"] == "data"


def test_a_volume_without_a_name_goes_with_its_pod() -> None:
    pod = read_app_pod("volumes: [/scratch]\n")

    assert find_volume(pod, "scratch")["emptyDir"] == {}
    assert (
        "app: a volume without a name at /scratch -> an empty folder, which goes with "
        "its pod" in list_lost(name_stack(app=f"{APP}volumes: [/scratch]\n"))
    )


def test_replicas_of_a_claim_are_one() -> None:
    stack = name_stack(
        app=f"image: python:3.13-slim\nhealth: {{command: [ok]}}\n{USER}"
        "replicas: 2\nvolumes: [data:/data:ro]\n"
    )

    assert "app: replicas: 2 -> one, which holds the claim" in list_lost(stack + DATA)


# Files of the stack's folder


def test_a_small_file_comes_from_a_config_map() -> None:
    stack = name_stack(app=f"{APP}volumes: [./a/site.conf:/etc/site.conf:ro]\n")
    files = {"a/site.conf": "x"}
    pod = read_pod(stack, files=files)

    assert find_mount(pod["containers"][0], "/etc/site.conf") == {
        "name": "site-conf",
        "mountPath": "/etc/site.conf",
        "readOnly": True,
        "subPath": "site.conf",
    }
    assert find_volume(pod, "site-conf")["configMap"] == {
        "name": "app-files",
        "items": [{"key": "a__site.conf", "path": "site.conf"}],
    }
    (generator,) = read_kustomization(stack, files=files)["configMapGenerator"]
    assert generator["name"] == "app-files"
    assert generator["files"] == ["a__site.conf=a/site.conf"]
    assert "disableNameSuffixHash" not in generator["options"]


def test_a_folder_comes_with_all_that_is_below_it() -> None:
    stack = name_stack(app=f"{APP}volumes: [./conf:/conf:ro]\n")
    files = {"conf/b/c.txt": "c", "conf/a.txt": "a", "conf/a_b": "", "conf/a b": ""}
    pod = read_pod(stack, files=files)

    assert find_volume(pod, "conf")["configMap"]["items"] == [
        {"key": "conf__a_b", "path": "a b"},
        {"key": "conf__a.txt", "path": "a.txt"},
        {"key": "conf__a_b.2", "path": "a_b"},
        {"key": "conf__b__c.txt", "path": "b/c.txt"},
    ]
    assert "subPath" not in find_mount(pod["containers"][0], "/conf")


def test_a_file_that_two_mounts_share_is_held_once() -> None:
    keys = "volumes: [./conf:/conf:ro, ./conf/a.txt:/a.txt:ro]\n"
    generator = read_kustomization(
        name_stack(app=APP + keys), files={"conf/a.txt": "a"}
    )["configMapGenerator"]

    assert generator[0]["files"] == ["conf__a.txt=conf/a.txt"]


def test_the_files_of_a_job_keep_their_name_since_its_template_cannot_change() -> None:
    stack = name_stack(
        app=f"image: python:3.13-slim\njob: true\n{USER}volumes: [./a.txt:/a.txt:ro]\n"
    )
    (generator,) = read_kustomization(stack, files={"a.txt": "a"})["configMapGenerator"]

    assert generator["options"]["disableNameSuffixHash"] is True


@pytest.mark.parametrize(
    ("mount", "words"),
    [
        ("./a.txt:/a.txt", "to write to it"),
        ("/etc/hosts:/a:ro", "is not in the stack's folder"),
        ("~/a:/a:ro", "is not in the stack's folder"),
        ("../a:/a:ro", "does not exist"),
        ("./none/:/a:ro", "does not exist"),
        ("./big.txt:/a:ro", "has more than 64 KiB"),
        ("./a=b.txt:/a:ro", "whose name a ConfigMap cannot hold"),
        ("./..data:/a:ro", "whose name a ConfigMap cannot hold"),
        ("/var/run/docker.sock:/var/run/docker.sock", "the engine's socket"),
    ],
)
def test_other_paths_of_this_machine_are_refused(mount: str, words: str) -> None:
    stack = name_stack(app=f'{APP}volumes:\n  - "{mount}"\n')
    files = {
        "a.txt": "a",
        "a=b.txt": "",
        "..data": "",
        "big.txt": "x" * (64 * 1024 + 1),
    }
    (problem,) = refuse(stack, files=files)

    assert (problem.name, problem.location.line) == ("not-on-cluster", 9)
    assert words in problem.message


def test_files_of_more_than_512_kib_are_too_many() -> None:
    files = {f"conf/{number}": "x" * 64 * 1024 for number in range(8)}
    stack = name_stack(app=f"{APP}volumes: [./conf:/conf:ro]\n")
    read_objects(stack, files=files)

    assert list_refusals(stack, files={**files, "conf/more": "x"}) == [
        ("not-on-cluster", 2)
    ]


# Secrets


def test_a_secret_is_a_file_that_the_user_of_the_pod_can_read() -> None:
    stack = name_stack(app=f"{APP}secrets: [API_KEY]\n")
    pod = read_pod(stack)

    assert find_mount(pod["containers"][0], "/run/secrets")["readOnly"] is True
    assert find_volume(pod, "secrets")["projected"] == {
        "defaultMode": 0o440,
        "sources": [
            {
                "secret": {
                    "name": "api-key",
                    "items": [{"key": "API_KEY", "path": "API_KEY"}],
                }
            }
        ],
    }
    (generator,) = read_kustomization(stack)["secretGenerator"]
    assert generator["name"] == "api-key"
    assert generator["files"] == ["API_KEY=.secrets/API_KEY"]


def test_a_new_password_runs_no_job_again_and_rolls_the_pods() -> None:
    """The name of a job's secret never changes, so neither does its template."""
    stack = name_stack(
        app=f"{APP}secrets: [KEY]\n",
        job=f"image: python:3.13-slim\njob: true\n{USER}secrets: [KEY]\n",
    )
    generators = read_kustomization(stack)["secretGenerator"]

    found = {each["name"]: each["options"] for each in generators}
    assert "disableNameSuffixHash" not in found["key"]
    assert found["key-for-jobs"]["disableNameSuffixHash"] is True
    pod = read_pod(stack, "job")
    (source,) = find_volume(pod, "secrets")["projected"]["sources"]
    assert source["secret"]["name"] == "key-for-jobs"


def test_a_file_of_the_user_s_own_is_read_where_it_lies() -> None:
    stack = name_stack(app=f"{APP}secrets: {{cert: none}}\n")
    stack += "secrets: {cert: {file: ./certs/a.pem}}\n"
    (generator,) = read_kustomization(stack, files={"certs/a.pem": ""})[
        "secretGenerator"
    ]

    assert generator["files"] == ["cert=certs/a.pem"]


@pytest.mark.parametrize(
    "path", ["../a.pem", "./certs/../../a.pem", "/a.pem", "~/a.pem"]
)
def test_a_file_elsewhere_is_refused(path: str) -> None:
    stack = name_stack(app=f"{APP}secrets: {{cert: none}}\n")
    stack += f'secrets: {{cert: {{file: "{path}"}}}}\n'

    assert [problem.name for problem in refuse(stack)] == ["not-on-cluster"]


# Names


def test_a_folder_in_memory_leaves_the_name_of_a_claim_alone() -> None:
    stack = name_stack(app=f"{APP}volumes: [tmp:/data]\n") + "volumes: {tmp: }\n"
    app = read_pod(stack)["containers"][0]

    assert find_mount(app, "/data")["name"] == "tmp"
    assert find_mount(app, "/tmp")["name"] == "tmp-2"


def test_a_volume_at_two_places_is_one_claim() -> None:
    stack = name_stack(app=f"{APP}volumes: [data:/a, data:/b]\n") + DATA
    workload = read_objects(stack)["StatefulSet", "app"]

    assert len(workload["spec"]["volumeClaimTemplates"]) == 1
    app = read_pod(stack)["containers"][0]
    assert find_mount(app, "/a")["name"] == find_mount(app, "/b")["name"] == "data"


def test_an_external_volume_has_its_own_name() -> None:
    stack = name_stack(app=f"{APP}volumes: [data:/data]\n")
    stack += "volumes: {data: {external: true, name: shop-data}}\n"
    volume = find_volume(read_pod(stack), "data")

    assert volume["persistentVolumeClaim"] == {"claimName": "shop-data"}


def test_options_of_a_volume_are_listed() -> None:
    stack = name_stack(app=f"{APP}volumes: [data:/data]\n")
    stack += "volumes: {data: {driver: local, driver_opts: {type: nfs}}}\n"

    assert (
        "driver, driver_opts of the volume `data` -> the storage class of the cluster"
        in list_lost(stack)
    )
