"""The main container of a service: its image, command, variables and ports."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from composegen.model import Raw, Service
from composegen.planning.cluster import list_of_step, name_image
from composegen.planning.plan import Step
from composegen.records import replace
from composegen.targets.kubernetes.network import list_ports
from composegen.targets.kubernetes.quantities import write_resources
from composegen.targets.kubernetes.scene import Scene, escape_text, name_service

_ALWAYS = "Always"
_POLICIES = {
    "always": _ALWAYS,
    "never": "Never",
    "missing": "IfNotPresent",
    "if_not_present": "IfNotPresent",
    "build": "IfNotPresent",
}


def choose_image(scene: Scene, service: Service) -> str:
    """The image of a service: pinned where it was pushed, else by its name."""
    pinned = scene.cluster.pins.get(service.name)
    if pinned:
        return pinned
    path = ("services", service.name, "image")
    if service.build is None:
        return scene.fill(service.image, path)
    name = name_image(
        scene.project,
        service,
        registry=scene.cluster.registry,
        tag=scene.cluster.chosen_tag,
    )
    return scene.fill(name, path) if service.image else name


def name_variables(scene: Scene, service: Service) -> str:
    """The Secret with the variables of the stack; a job has one that keeps its name."""
    return f"{scene.project}-env" + ("-for-jobs" if service.job else "")


def name_env_files(service: Service) -> str:
    """The Secret with what the env files of a service set."""
    return f"{name_service(service)}-env-file"


def make_container(scene: Scene, step: Step, image: str) -> dict[str, Raw]:
    """A container without its probes, mounts and security."""
    service = step.service
    container: dict[str, Raw] = {
        "name": name_service(service),
        "image": image,
        "imagePullPolicy": _choose_pull(scene, service),
    }
    # What Compose calls the entrypoint is the command here.
    for key, word in (("entrypoint", "command"), ("command", "args")):
        if key in service.passed:
            container[word] = [*_list_words(scene, service, key)]
    if "working_dir" in service.passed:
        path = ("services", service.name, "working_dir")
        folder = scene.fill(str(service.passed["working_dir"]), path)
        container["workingDir"] = folder
    if service.env_file:
        container["envFrom"] = [{"secretRef": {"name": name_env_files(service)}}]
    env = [*_list_env(scene, step)]
    if env:
        container["env"] = env
    ports = list_ports(service)
    if ports and not service.is_isolated:
        container["ports"] = [
            {"containerPort": port, "protocol": protocol} for port, protocol in ports
        ]
    for key, word in (("tty", "tty"), ("stdin_open", "stdin")):
        path = ("services", service.name, key)
        if key in service.passed and _is_true(scene, service.passed[key], path):
            container[word] = True
    return container


def make_resources(scene: Scene, service: Service) -> Raw:
    """Requests and limits, variables by their defaults."""
    base = ("services", service.name, "resources")
    resources = service.resources
    filled = replace(
        resources,
        cpus=scene.fill(resources.cpus, (*base, "cpus")),
        memory=scene.fill(resources.memory, (*base, "memory")),
    )
    return write_resources(filled)


def _is_true(scene: Scene, value: Raw, path: tuple[str, ...]) -> bool:
    return value is True or (
        isinstance(value, str) and scene.fill(value, path).lower() == "true"
    )


def _list_words(scene: Scene, service: Service, key: str) -> Iterator[Raw]:
    """A command as words; a text is split as Compose splits it."""
    path = ("services", service.name, key)
    value = service.passed[key]
    if isinstance(value, list):
        yield from (scene.escape(str(word), path) for word in value)
        return
    text = scene.fill(str(value), path)
    try:
        yield from (escape_text(word) for word in shlex.split(text))
    except ValueError:
        scene.faults.add(
            "not-on-cluster",
            f"the {key} of `{service.name}` has a quote that is not closed",
            path,
            "write it as a list of words",
        )


def _list_env(scene: Scene, step: Step) -> Iterator[Raw]:
    """The variables: values as they are, or keys of the Secret of the stack."""
    service = step.service
    secret = name_variables(scene, service)
    keys = {each.name: each for each in list_of_step(step)}
    for written, text in step.environment.items():
        path = ("services", service.name, "environment", written)
        name = scene.fill(written, path)
        if written in keys:
            reference: dict[str, Raw] = {"name": secret, "key": keys[written].key}
            if text is None:
                reference["optional"] = True
            yield {"name": name, "valueFrom": {"secretKeyRef": reference}}
        else:
            yield {"name": name, "value": scene.escape(text or "", path)}
    for name in step.unset:
        if name in service.env_file_names:
            yield {"name": name, "value": ""}


def _choose_pull(scene: Scene, service: Service) -> str:
    """When the image is pulled; not always where its tag is `latest`, as by default."""
    path = ("services", service.name, "pull_policy")
    written = scene.fill(str(service.passed.get("pull_policy", "missing")), path)
    if written not in _POLICIES:
        scene.losses.note(
            f"pull_policy: {written}", "the image is always pulled", service.name
        )
        return _ALWAYS
    return _POLICIES[written]
