"""What is rendered for a cluster is what Kubernetes' own schemas and kubectl take.

The schemas know shapes and no values: ``memory: 2GB`` passes. Values are compared with
what the plan says.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, reject, settings

from composegen.errors import ProblemsFound, SelectionError
from composegen.health import HealthKind
from composegen.planning.addressing import ClusterAddressing, name_on_cluster
from composegen.planning.cluster import list_variables
from composegen.planning.plan import Plan, make_plan
from composegen.planning.selection import Selection
from composegen.ports import Port
from composegen.stackfile.load import load_stack
from composegen.targets.files import Cluster, Options
from composegen.targets.kubernetes.render import render_plan
from composegen.values import find_default, has_variables, parse_size
from tests.clusters import Objects, find_workload, split_objects
from tests.fuzz import words
from tests.hostile_values import VALUES
from tests.parts import require_program
from tests.rendering import write_data

EXAMPLES = Path(__file__).parents[1] / "examples"
RENDERED = sorted(EXAMPLES.glob("*/expected/kubernetes*.yaml"))
VERSIONS = ("1.34", "1.37")
IDS = [f"{path.parents[1].name}/{path.stem}" for path in RENDERED]

# What each text for a quantity may be, as the documentation of Kubernetes defines it.
QUANTITY = re.compile(r"[0-9]+(?:m|Ki|Mi|Gi|Ti)?")
NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
BYTES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


# The schemas of Kubernetes


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", RENDERED, ids=IDS)
def test_every_object_has_the_shape_that_kubernetes_wants(
    path: Path, version: str
) -> None:
    for each in yaml.safe_load_all(path.read_text()):
        kubernetes_validate.validate(each, version, strict=True)


def test_the_schemas_find_a_key_that_there_is_not() -> None:
    path = EXAMPLES / "01-hello/expected/kubernetes.yaml"
    text = path.read_text().replace("runAsNonRoot", "runAsNoRoot")

    objects = [*yaml.safe_load_all(text)]
    workload = objects[-1]
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(workload, VERSIONS[-1], strict=True)


# Values, which no schema knows


def list_containers(objects: Objects) -> list[Any]:
    return [
        container
        for each in objects.values()
        if "template" in each.get("spec", {})
        for key in ("initContainers", "containers")
        for container in each["spec"]["template"]["spec"].get(key, [])
    ]


@pytest.mark.parametrize("path", RENDERED, ids=IDS)
def test_every_value_is_one_that_the_api_server_takes(path: Path) -> None:
    objects = split_objects(path.read_text())

    for kind, name in objects:
        assert NAME.fullmatch(name), (kind, name)
    for container in list_containers(objects):
        assert NAME.fullmatch(container["name"])
        for amounts in container["resources"].values():
            for amount in amounts.values():
                assert QUANTITY.fullmatch(amount), amount
        for probe in ("startupProbe", "readinessProbe"):
            for value in container.get(probe, {}).values():
                assert not isinstance(value, float)
        names = [mount["mountPath"] for mount in container.get("volumeMounts", [])]
        assert len(names) == len(set(names)), "a path is mounted twice"


@pytest.mark.parametrize("path", RENDERED, ids=IDS)
def test_what_a_pod_mounts_is_there(path: Path) -> None:
    for each in split_objects(path.read_text()).values():
        if "template" not in each.get("spec", {}):
            continue
        pod = each["spec"]["template"]["spec"]
        claims = each["spec"].get("volumeClaimTemplates", [])
        volumes = {claim["metadata"]["name"] for claim in claims}
        volumes |= {volume["name"] for volume in pod.get("volumes", [])}
        containers = [*pod.get("initContainers", []), *pod["containers"]]
        mounted = {m["name"] for c in containers for m in c.get("volumeMounts", [])}
        assert mounted == volumes


# kubectl, where there is one


def call_kubectl(*words: str, folder: Path) -> str:
    answer = subprocess.run(
        ["kubectl", *words], capture_output=True, text=True, check=False, cwd=folder
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.mark.parametrize("path", RENDERED, ids=IDS)
def test_kustomize_makes_every_object_and_what_they_name(
    path: Path, tmp_path: Path
) -> None:
    require_program("kubectl")
    folder = Path(shutil.copytree(path.parents[1], tmp_path / "stack"))
    shutil.copyfile(path, folder / "kubernetes.yaml")
    end = path.stem.removeprefix("kubernetes")
    kustomization = path.with_name(f"kustomization{end}.yaml")
    shutil.copyfile(kustomization, folder / "kustomization.yaml")
    data = yaml.safe_load(kustomization.read_text())
    for generator in data.get("secretGenerator", []):
        for named in [*generator.get("files", []), *generator.get("envs", [])]:
            file = folder / named.partition("=")[2] if "=" in named else folder / named
            file.parent.mkdir(exist_ok=True)
            file.write_text("")
    made = split_objects(call_kubectl("kustomize", ".", folder=folder))

    wanted = split_objects(path.read_text())
    assert wanted.keys() <= made.keys()
    assert all(each["metadata"]["namespace"] for each in made.values())
    names = {name for kind, name in made if kind in {"Secret", "ConfigMap"}}
    assert list_named(made) == names


def list_named(objects: Objects) -> set[str]:
    """The Secrets and ConfigMaps that pods name, but those that every namespace has."""
    found = set()
    for each in objects.values():
        text = json.dumps(each)
        for kind in ("secret", "configMap", "secretKeyRef", "secretRef"):
            pattern = rf'"{kind}": {{[^{{}}]*?(?:\[.*?\])?[^{{}}]*?"name": "([^"]+)"'
            found |= {match[1] for match in re.finditer(pattern, text)}
    return found - {"kube-root-ca.crt"}


# Hostile values


class GoLoader(yaml.SafeLoader):
    """Reads what kubectl prints, where `<<` and `=` and a date are texts."""


GoLoader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag.rpartition(":")[2] not in {"merge", "value", "timestamp"}
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

HOSTILE = [value for value in VALUES if value and not has_variables(value)]


def render_hostile(folder: Path, texts: list[str]) -> str:
    """A stack of texts that have broken YAML files before."""
    app = {
        "image": "python:3.13-slim",
        "user": "10001:10001",
        "command": texts,
        "environment": {f"V{number}": each for number, each in enumerate(texts)},
        "labels": {f"l{number}": each for number, each in enumerate(texts)},
        "health": {"command": texts},
    }
    stack = {"name": "shop", "services": {"app": app}}
    loaded = load_stack(write_data(stack, folder), target="kubernetes")
    plan = make_plan(loaded.stack, addressing=ClusterAddressing())
    return render_plan(plan, Options())[0].text


def test_a_hostile_text_reads_back_as_it_was(tmp_path: Path) -> None:
    objects = split_objects(render_hostile(tmp_path, HOSTILE))

    template = objects["Deployment", "app"]["spec"]["template"]
    (app,) = template["spec"]["containers"]
    meant = [value.replace("$$", "$") for value in HOSTILE]
    doubled = [value.replace("$", "$$") for value in meant]
    assert app["args"] == doubled
    assert [each["value"] for each in app["env"]] == doubled
    assert app["startupProbe"]["exec"]["command"] == doubled
    assert [*template["metadata"]["annotations"].values()] == meant
    assert len(objects) == 2


def test_kubectl_reads_a_hostile_text_as_it_was(tmp_path: Path) -> None:
    require_program("kubectl")
    # PyYAML takes the one character that kubectl prints for \x85 as a blank.
    text = render_hostile(tmp_path, [each for each in HOSTILE if each != "\x85"])
    (tmp_path / "kubernetes.yaml").write_text(text)
    (tmp_path / "kustomization.yaml").write_text("resources: [kubernetes.yaml]\n")
    made = yaml.load_all(call_kubectl("kustomize", ".", folder=tmp_path), GoLoader)

    wanted = split_objects(text)
    assert {each["kind"]: each for each in made} == {
        kind: each for (kind, _), each in wanted.items()
    }


# A random stack


def read_memory(text: str) -> int:
    unit = text[-2:]
    return int(text[:-2]) * BYTES[unit] if unit in BYTES else int(text)


def assert_is_what_the_plan_says(plan: Plan, objects: Objects) -> None:
    names = {name_on_cluster(step.name) for step in plan.steps}
    kinds = {"Deployment", "StatefulSet", "Job"}
    assert {name for kind, name in objects if kind in kinds} == names
    assert {name for kind, name in objects if kind == "NetworkPolicy"} == names
    variables = {(each.service, each.name): each for each in list_variables(plan)}
    for step in plan.steps:
        service = step.service
        workload = find_workload(objects, name_on_cluster(step.name))["spec"]
        pod = workload["template"]["spec"]
        (container,) = pod["containers"]
        assert container["image"] == find_default(service.image)
        assert workload.get("replicas", 1) == step.replicas
        # The gates
        waited = [gate.service for gate in step.gates if gate.waits_on_cluster]
        gates = [each["name"] for each in pod.get("initContainers", [])]
        assert gates == [f"wait-{name_on_cluster(name)}" for name in waited]
        # The variables
        given = {find_default(name): text for name, text in step.environment.items()}
        env = {each["name"]: each for each in container.get("env", [])}
        assert env.keys() == given.keys()
        for name, text in step.environment.items():
            found = env[find_default(name)]
            if (step.name, name) in variables:
                key = variables[step.name, name].key
                assert found["valueFrom"]["secretKeyRef"]["key"] == key
            else:
                assert found["value"].replace("$$", "$") == find_default(text or "")
        # The ports, and who may connect to them
        assert_network(plan, step.name, service.port, service.publish, objects)
        # The limits and the probes
        limits = container["resources"].get("limits", {})
        memory = find_default(service.resources.memory)
        assert read_memory(limits.get("memory", "0")) == parse_size(memory or "0")
        health = service.health
        assert health is not None
        has_probe = health.kind is not HealthKind.NONE
        assert ("startupProbe" in container) == has_probe


def assert_network(
    plan: Plan,
    name: str,
    port: int | None,
    publish: tuple[Port, ...],
    objects: Objects,
) -> None:
    ports = {(port, "TCP")} if port is not None else set()
    ports |= {(t, each.protocol.upper()) for each in publish for t in each.targets}
    own = name_on_cluster(name)
    if ports:
        spec = objects["Service", own]["spec"]
        assert {(each["port"], each["protocol"]) for each in spec["ports"]} == ports
    else:
        assert ("Service", own) not in objects
    policy = objects["NetworkPolicy", own]["spec"]
    sources = {
        each["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
        for rule in policy.get("ingress", [])
        for each in rule.get("from", [])
    }
    needing = {
        name_on_cluster(step.name)
        for step in plan.steps
        if any(need.service == name for need in step.service.needs)
    }
    assert sources == (needing if ports else set())


def make_case(case: dict[str, Any], folder: Path) -> tuple[Plan, str]:
    """The plan of a random stack, and what it becomes at the loosest level."""
    stack = {"name": "shop", **case["stack"]}
    path = write_data(stack, folder)
    selection = Selection(added=case["added"])
    try:
        loaded = load_stack(path, selection=selection, target="kubernetes")
        plan = make_plan(loaded.stack, selection, addressing=ClusterAddressing())
    except (ProblemsFound, SelectionError):
        reject()
    cluster = Cluster(pod_security="privileged", wait_image="kubectl:1")
    try:
        return plan, render_plan(plan, Options(cluster=cluster))[0].text
    except ProblemsFound as found:
        names = {problem.name for problem in found.problems}
        assert names == {"variable-on-cluster"}
        reject()


@settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[*HealthCheck],
)
@given(words.cases)
def test_a_random_stack_is_on_a_cluster_what_its_plan_says(
    case: dict[str, Any],
) -> None:
    with tempfile.TemporaryDirectory() as name:
        plan, text = make_case(case, Path(name))
        objects = split_objects(text)
        assert_is_what_the_plan_says(plan, objects)


@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[*HealthCheck],
)
@given(words.cases)
def test_kubectl_and_the_schemas_take_a_random_stack(case: dict[str, Any]) -> None:
    require_program("kubectl")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _, text = make_case(case, folder)
        (folder / "kubernetes.yaml").write_text(text)
        (folder / "kustomization.yaml").write_text("resources: [kubernetes.yaml]\n")
        made = split_objects(call_kubectl("kustomize", ".", folder=folder))

        assert made == split_objects(text)
        for each in made.values():
            kubernetes_validate.validate(each, VERSIONS[-1], strict=True)
