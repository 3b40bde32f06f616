"""The kustomization: what is read from files when the objects are applied.

Names of what it makes end with a digest of the content, so that a change rolls the
pods. A job's do not: the template of a job cannot change, and it must not run again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from composegen.model import Raw, SecretKind
from composegen.planning.cluster import (
    VARIABLES_FILE,
    list_of_step,
    name_variables_file,
)
from composegen.planning.plan import Step
from composegen.targets.kubernetes.containers import name_env_files, name_variables
from composegen.targets.kubernetes.scene import Scene, name_service
from composegen.targets.kubernetes.volumes import (
    Generated,
    check_size,
    name_files,
    name_secret,
)


def make_kustomization(
    scene: Scene,
    steps: Sequence[Step],
    files: Mapping[str, tuple[Generated, ...]],
    resource: str,
) -> dict[str, Raw]:
    """The whole kustomization; ``files`` are those of each service's ConfigMap."""
    check_size(scene)
    body: dict[str, Raw] = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": scene.project,
        "resources": [resource],
    }
    secrets: list[Raw] = [
        *_list_variables(scene, steps),
        *_list_env_files(scene, steps),
        *_list_secrets(scene, steps),
    ]
    if secrets:
        body["secretGenerator"] = secrets
    maps: list[Raw] = [
        _generate(
            scene,
            name_files(step.service),
            name_service(step.service),
            {"files": [f"{each.key}={each.path}" for each in files[step.name]]},
            is_job=step.service.job,
        )
        for step in steps
        if files.get(step.name)
    ]
    if maps:
        body["configMapGenerator"] = maps
    return body


def _list_variables(scene: Scene, steps: Sequence[Step]) -> Iterator[dict[str, Raw]]:
    having = [step.service for step in steps if any(list_of_step(step))]
    named = {name_variables(scene, service): service.job for service in having}
    for name, is_job in sorted(named.items()):
        content: dict[str, Raw] = {"envs": [VARIABLES_FILE]}
        yield _generate(scene, name, scene.project, content, is_job=is_job)


def _list_env_files(scene: Scene, steps: Sequence[Step]) -> Iterator[dict[str, Raw]]:
    for step in steps:
        service = step.service
        if service.env_file:
            content: dict[str, Raw] = {"envs": [name_variables_file(service)]}
            yield _generate(
                scene,
                name_env_files(service),
                name_service(service),
                content,
                is_job=service.job,
            )


def _list_secrets(scene: Scene, steps: Sequence[Step]) -> Iterator[dict[str, Raw]]:
    for name, secret in scene.plan.secrets.items():
        users = [
            step.service
            for step in steps
            if any(use.name == name for use in step.secrets)
        ]
        path = secret.file.removeprefix("./")
        if secret.kind is SecretKind.FILE:
            path = scene.fill(path, ("secrets", name, "file"))
        content: dict[str, Raw] = {"files": [f"{name}={path}"]}
        for is_job in sorted({service.job for service in users}):
            made = name_secret(name, is_job=is_job)
            yield _generate(scene, made, made, content, is_job=is_job)


def _generate(
    scene: Scene, name: str, label: str, content: dict[str, Raw], *, is_job: bool
) -> dict[str, Raw]:
    options: dict[str, Raw] = {"labels": {**scene.label(label)}}
    if is_job:
        options["disableNameSuffixHash"] = True
    return {"name": name, **content, "options": options}
