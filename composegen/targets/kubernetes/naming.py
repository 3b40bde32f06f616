"""Names that a cluster cannot take, and two things that would have one name there."""

from __future__ import annotations

from composegen.model import Secret, SecretKind
from composegen.patterns import make_pattern
from composegen.planning.addressing import name_on_cluster
from composegen.planning.credentials import name_url_secret
from composegen.planning.plan import Step
from composegen.targets.kubernetes.scene import Path, Scene, name_service

PROBLEM = "name-on-cluster"
_SERVICE = make_pattern(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_LABEL = make_pattern(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LONGEST = 52
"""A StatefulSet labels its pods with its name and eleven characters more."""


def refuse_names(scene: Scene) -> None:
    """Note each name that cannot be one, and each that would be there twice."""
    _refuse_stack(scene)
    seen: dict[str, str] = {}
    for step in scene.plan.steps:
        _refuse_service(scene, step, seen)
    for step in scene.plan.steps:
        _refuse_further(scene, step, seen)
        _refuse_gates(scene, step)
    _refuse_volumes(scene)
    secrets: dict[str, str] = {}
    for secret in scene.plan.secrets.values():
        _refuse_secret(scene, secret, secrets)


def _refuse_stack(scene: Scene) -> None:
    if not scene.plan.stack.name:
        scene.faults.add(
            PROBLEM,
            "the stack has no name, which its namespace and its labels need",
            ("name",),
            "name it at the top level:\nname: shop",
        )
    elif not _LABEL.fullmatch(scene.project):
        scene.faults.add(
            PROBLEM,
            f"`{scene.project}` cannot be the name of a namespace: it ends with a "
            "letter or a digit",
            ("name",),
            "rename the stack",
        )


def _refuse_service(scene: Scene, step: Step, seen: dict[str, str]) -> None:
    name, path = name_service(step.service), ("services", step.name)
    if name in seen:
        _add_twice(scene, (seen[name], step.name), name, path)
    elif not _SERVICE.fullmatch(name) or len(name) > _LONGEST:
        scene.faults.add(
            PROBLEM,
            f"`{name}` cannot be the name of a Service: it begins with a letter, "
            f"ends with a letter or a digit, and has at most {_LONGEST} characters",
            path,
            "rename the service",
        )
    seen.setdefault(name, step.name)


def _refuse_further(scene: Scene, step: Step, seen: dict[str, str]) -> None:
    """Note a further name of a service that is the name of another one."""
    service = step.service
    for alias in service.aliases:
        if seen.get(alias, step.name) != step.name:
            place = ("services", step.name, "aliases")
            _add_twice(scene, (seen[alias], alias), alias, place)
        seen.setdefault(alias, step.name)
    choice = name_on_cluster(service.choice)
    if service.choice and seen.get(choice, step.name) != step.name:
        where = ("services", service.choice)
        _add_twice(scene, (seen[choice], service.choice), choice, where)


def _add_twice(scene: Scene, both: tuple[str, str], name: str, path: Path) -> None:
    scene.faults.add(
        PROBLEM,
        f"`{both[0]}` and `{both[1]}` are both `{name}` on a cluster",
        path,
        "rename one of the two",
    )


def _refuse_gates(scene: Scene, step: Step) -> None:
    """A gate is a container next to that of its service: their names differ."""
    for gate in step.gates:
        if f"wait-{name_on_cluster(gate.service)}" == name_service(step.service):
            scene.faults.add(
                PROBLEM,
                f"the gate of `{step.name}` for `{gate.service}` has its own name",
                ("services", step.name),
                "rename the service",
            )


def _refuse_volumes(scene: Scene) -> None:
    seen: dict[str, str] = {}
    for volume in scene.mounting:
        name, path = name_on_cluster(volume), ("volumes", volume)
        if name in seen:
            _add_twice(scene, (seen[name], volume), name, path)
        elif not _LABEL.fullmatch(name):
            scene.faults.add(
                PROBLEM,
                f"`{name}` cannot be the name of a claim: it begins and ends with a "
                "letter or a digit, and has at most 63 characters",
                path,
                "rename the volume",
            )
        seen.setdefault(name, volume)


def _refuse_secret(scene: Scene, secret: Secret, seen: dict[str, str]) -> None:
    name, path = name_on_cluster(secret.name), ("secrets", secret.name)
    if name in seen:
        _add_twice(scene, (seen[name], secret.name), name, path)
    elif name.startswith(f"{scene.project}-env"):
        scene.faults.add(
            PROBLEM,
            f"the secret `{secret.name}` has the name of the variables of the stack",
            path,
            "rename the secret",
        )
    elif not name[-1].isalnum():
        scene.faults.add(
            PROBLEM,
            f"`{name}` cannot be the name of a Secret: it ends with a letter or digit",
            path,
            "rename the secret",
        )
    seen.setdefault(name, secret.name)
    if secret.kind is SecretKind.URL:
        _refuse_url_host(scene, secret.source)


def _refuse_url_host(scene: Scene, name: str) -> None:
    """The file of a URL holds one host for all places, which must be that of DNS."""
    host = scene.plan.stack.services[name].host_name
    if name_on_cluster(host) != host.lower():
        scene.faults.add(
            PROBLEM,
            f"the secret `{name_url_secret(name)}` holds the host `{host}`, which is "
            f"`{name_on_cluster(host)}` on a cluster",
            ("services", name),
            "rename the service",
        )
