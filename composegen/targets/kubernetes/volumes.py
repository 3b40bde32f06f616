"""The volumes of a pod: claims, folders in memory, files of the host, secrets.

A named volume of one service is a claim of its StatefulSet; one that several services
mount is a claim of its own. Small files of the stack's folder come from a ConfigMap,
which kustomize makes.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import TypeVar

from composegen.model import Mount, Raw, Service
from composegen.patterns import make_pattern
from composegen.planning.addressing import ContainerAddressing, name_on_cluster
from composegen.planning.hardening import Hardening
from composegen.planning.plan import Step
from composegen.records import field, record
from composegen.targets.files import HostFile
from composegen.targets.kubernetes.quantities import write_memory
from composegen.targets.kubernetes.scene import Path, Scene, name_service
from composegen.values import guess_default, parse_size

TOKEN_VOLUME = "wait-token"  # noqa: S105 - the name of a volume
CLAIM_SIZE = "1Gi"
"""The size of a claim: a volume of Compose has none."""

SOCKETS = ("/var/run/docker.sock", "/run/docker.sock")
MOST_OF_FILE = 64 * 1024
MOST_OF_FILES = 512 * 1024
_NO_KEY = make_pattern(r"[^-._a-zA-Z0-9]")
_NO_LABEL = make_pattern(r"[^a-z0-9]+")
_LONGEST_NAME = 50
_EXECUTABLE = 0o755

Value = TypeVar("Value")


@record
class Generated:
    """A file that a ConfigMap of kustomize holds below a key."""

    key: str
    path: str


@record(frozen=False)
class PodVolumes:
    """The volumes of a pod as they are collected, and where its container has them.

    ``claims`` are those of its own StatefulSet, ``files`` what its ConfigMap holds;
    ``reserved`` are the names of its named volumes, which a mount has to use.
    """

    reserved: frozenset[str]

    volumes: list[Raw] = field(default_factory=list)
    mounts: list[Raw] = field(default_factory=list)
    claims: list[str] = field(default_factory=list)
    files: list[Generated] = field(default_factory=list)
    is_shared: bool = False

    def put(self, hint: str, source: Mapping[str, Raw], target: str) -> None:
        """A volume with its own mount; ``hint`` gives it a name."""
        name = self.choose_name(hint)
        self.volumes.append({"name": name, **source})
        self.mounts.append({"name": name, "mountPath": target})

    def choose_name(self, hint: str) -> str:
        """A name that no other volume of the pod has."""
        base = _NO_LABEL.sub("-", hint.lower()).strip("-")[:_LONGEST_NAME] or "volume"
        taken = {each["name"] for each in self.volumes if isinstance(each, dict)}
        taken |= self.reserved
        name, number = base, 1
        while name in taken:
            number += 1
            name = f"{base}-{number}"
        return name


def name_files(service: Service) -> str:
    """The ConfigMap with the files that a service mounts."""
    return f"{name_service(service)}-files"


def make_volumes(
    scene: Scene, step: Step, hardening: Hardening, file_mode: int
) -> PodVolumes:
    """Everything that a pod mounts; what a cluster cannot mount is noted."""
    service = step.service
    named = (mount.volume_name for mount in service.volumes)
    reserved = frozenset(name_on_cluster(name) for name in named if name)
    made = PodVolumes(reserved=reserved | {TOKEN_VOLUME})
    for scratch in hardening.scratch:
        made.put(scratch.path, {"emptyDir": {"medium": "Memory"}}, scratch.path)
    for text in service.tmpfs:
        _add_tmpfs(scene, service, made, text)
    for mount in service.volumes:
        _add_mount(scene, service, made, mount)
    for target in hardening.volumes:
        _add_anonymous(scene, service, made, target)
    _add_shared_memory(scene, service, made)
    if step.secrets:
        folder = ContainerAddressing.secret_folder
        sources: list[Raw] = [
            {
                "secret": {
                    "name": name_secret(use.name, is_job=service.job),
                    "items": [{"key": use.name, "path": use.name}],
                }
            }
            for use in step.secrets
        ]
        projected: dict[str, Raw] = {"defaultMode": file_mode, "sources": sources}
        name = made.choose_name("secrets")
        made.volumes.append({"name": name, "projected": projected})
        made.mounts.append({"name": name, "mountPath": folder, "readOnly": True})
    return made


def name_secret(name: str, *, is_job: bool) -> str:
    """The Secret of a secret; a job has one whose name never changes.

    A template of a job cannot change, and a new password must not run it again.
    """
    return name_on_cluster(name) + ("-for-jobs" if is_job else "")


# Folders in memory


def _add_tmpfs(scene: Scene, service: Service, made: PodVolumes, text: str) -> None:
    path = ("services", service.name, "tmpfs")
    target, _, options = scene.fill(text, path).partition(":")
    memory: dict[str, Raw] = {"medium": "Memory"}
    for option in options.split(","):
        name, _, value = option.partition("=")
        if name == "size" and value.endswith("%"):
            scene.losses.note(
                f"the size of {target}", "the memory limit holds for it", service.name
            )
        elif name == "size":
            memory["sizeLimit"] = write_memory(_read_size(value))
    made.put(target, {"emptyDir": memory}, target)


def _read_size(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError:
        return 0


def _add_shared_memory(scene: Scene, service: Service, made: PodVolumes) -> None:
    written = service.passed.get("shm_size")
    if written is None:
        return
    text = scene.fill(str(written), ("services", service.name, "shm_size"))
    memory: dict[str, Raw] = {
        "medium": "Memory",
        "sizeLimit": write_memory(_read_size(text)),
    }
    made.put("shm", {"emptyDir": memory}, "/dev/shm")


# Mounts


def _add_mount(scene: Scene, service: Service, made: PodVolumes, mount: Mount) -> None:
    path = ("services", service.name, "volumes", mount.target.rstrip("/") or "/")
    target = scene.fill(mount.target, path)
    kind = str((mount.long or {}).get("type", "volume"))
    if mount.is_bind:
        _add_host(scene, service, made, mount, target, path)
    elif kind == "tmpfs":
        made.put(target, {"emptyDir": {"medium": "Memory"}}, target)
    elif kind not in {"volume", "bind"}:
        _refuse_mount(scene, service, f"a mount of the type `{kind}`", path)
    elif mount.volume_name:
        _add_claim(scene, service, made, mount, target)
    else:
        _add_anonymous(scene, service, made, target)


def _add_anonymous(
    scene: Scene, service: Service, made: PodVolumes, target: str
) -> None:
    scene.losses.note(
        f"a volume without a name at {target}",
        "an empty folder, which goes with its pod",
        service.name,
    )
    made.put(target, {"emptyDir": {}}, target)


def _add_claim(
    scene: Scene, service: Service, made: PodVolumes, mount: Mount, target: str
) -> None:
    """A named volume: a claim of this service, or one that is there already."""
    volume = mount.volume_name
    name = name_on_cluster(volume)
    mounted: dict[str, Raw] = {"name": name, "mountPath": target}
    if not mount.is_writable:
        mounted["readOnly"] = True
    options = (mount.long or {}).get("volume")
    if isinstance(options, dict) and options.get("subpath"):
        mounted["subPath"] = str(options["subpath"])
    if not service.recipe:
        scene.losses.note(
            f"what the image holds at {target} is copied into a new volume",
            "the claim begins empty",
            service.name,
        )
    if is_claimed_alone(scene, service, volume):
        scene.losses.note(
            f"the volume `{volume}` has no size", f"it claims {CLAIM_SIZE}"
        )
        _hold(made.claims, name)
    else:
        made.is_shared = True
        claim: Raw = {"claimName": find_claim(scene, volume)}
        _hold(made.volumes, {"name": name, "persistentVolumeClaim": claim})
    made.mounts.append(mounted)


def _hold(held: list[Value], value: Value) -> None:
    """Add a value that is not there yet: a volume may be mounted at two places."""
    if value not in held:
        held.append(value)


def find_claim(scene: Scene, volume: str) -> str:
    """The claim of a volume; an external one has a name of its own."""
    options = scene.plan.stack.volumes.get(volume)
    is_named = isinstance(options, dict) and isinstance(options.get("name"), str)
    if is_named and isinstance(options, dict) and options.get("external"):
        return scene.fill(str(options["name"]), ("volumes", volume, "name"))
    return name_on_cluster(volume)


def is_claimed_alone(scene: Scene, service: Service, volume: str) -> bool:
    """Whether a volume is of this service alone, which is not a job."""
    if service.job or volume in list_external(scene):
        return False
    return scene.mounting[volume] == (service.name,)


def is_stateful(scene: Scene, service: Service) -> bool:
    """Whether a service has a volume of its own, and is a StatefulSet."""
    volumes = [mount.volume_name for mount in service.volumes]
    return any(each and is_claimed_alone(scene, service, each) for each in volumes)


def list_external(scene: Scene) -> tuple[str, ...]:
    """The volumes that the stack only uses, by the names of the stack."""
    return tuple(
        name
        for name, options in scene.plan.stack.volumes.items()
        if isinstance(options, dict) and options.get("external")
    )


def list_shared_claims(scene: Scene) -> dict[str, tuple[str, ...]]:
    """The volumes that need a claim of their own, with the services that mount each."""
    external = list_external(scene)
    services = {step.name: step.service for step in scene.plan.steps}
    return {
        volume: names
        for volume, names in scene.mounting.items()
        if volume not in external
        and not is_claimed_alone(scene, services[names[0]], volume)
    }


# Files of the stack's folder


def _add_host(
    scene: Scene,
    service: Service,
    made: PodVolumes,
    mount: Mount,
    target: str,
    path: Path,
) -> None:
    long = mount.long or {}
    written = str(long.get("source") or "") if mount.long is not None else mount.source
    source = scene.fill(written, path)
    if source in SOCKETS:
        _refuse_mount(scene, service, "the engine's socket", path)
        return
    found = scene.cluster.paths.get(source)
    fault = found.fault if found is not None else "does not exist"
    if fault:
        _refuse_mount(scene, service, f"`{source}`, which {fault}", path)
        return
    if mount.is_writable:
        _refuse_mount(scene, service, f"`{source}` to write to it", path)
        return
    assert found is not None
    for each in found.files:
        if each.size > MOST_OF_FILE:
            most = f"more than {MOST_OF_FILE // 1024} KiB"
            _refuse_mount(scene, service, f"`{each.path}`, which has {most}", path)
            return
        parts = each.path.split("/")
        if "=" in each.path or any(part.startswith("..") for part in parts):
            what = f"`{each.path}`, whose name a ConfigMap cannot hold"
            _refuse_mount(scene, service, what, path)
            return
    keys = [_hold_file(made, each) for each in found.files]
    name = made.choose_name(posixpath.basename(target.rstrip("/")) or "files")
    made.volumes.append(
        {
            "name": name,
            "configMap": {
                "name": name_files(service),
                "items": [
                    _make_item(key, each)
                    for key, each in zip(keys, found.files, strict=True)
                ],
            },
        }
    )
    mounted: dict[str, Raw] = {"name": name, "mountPath": target, "readOnly": True}
    if not found.is_folder:
        mounted["subPath"] = posixpath.basename(found.files[0].path)
    made.mounts.append(mounted)


def _hold_file(made: PodVolumes, file: HostFile) -> str:
    """The key of a file in the ConfigMap of its service."""
    for held in made.files:
        if held.path == file.path:
            return held.key
    base = _NO_KEY.sub("_", file.path.replace("/", "__"))
    taken = {held.key for held in made.files}
    key, number = base, 1
    while key in taken:
        number += 1
        key = f"{base}.{number}"
    made.files.append(Generated(key=key, path=file.path))
    return key


def _make_item(key: str, file: HostFile) -> dict[str, Raw]:
    inner = file.inner or posixpath.basename(file.path)
    item: dict[str, Raw] = {"key": key, "path": inner}
    return {**item, "mode": _EXECUTABLE} if file.is_executable else item


def _refuse_mount(scene: Scene, service: Service, what: str, path: Path) -> None:
    scene.faults.add(
        "not-on-cluster",
        f"`{service.name}` mounts {what}: a pod does not run on this host",
        path,
        "put it into the image, or into a named volume; small files of the stack's "
        "folder can be mounted read-only (`:ro`)",
    )


def check_size(scene: Scene) -> None:
    """Note a stack whose mounted files are too much for ConfigMaps."""
    used = {
        each.path: each.size
        for step in scene.plan.steps
        for mount in step.service.volumes
        if mount.is_bind
        for found in [scene.cluster.paths.get(_find_source(mount))]
        if found is not None
        for each in found.files
    }
    total = sum(used.values())
    if total > MOST_OF_FILES:
        scene.faults.add(
            "not-on-cluster",
            f"the mounted files have {total // 1024} KiB, and a cluster is given "
            f"{MOST_OF_FILES // 1024} KiB at most",
            ("services",),
            "put them into the images",
        )


def _find_source(mount: Mount) -> str:
    written = mount.source or str((mount.long or {}).get("source") or "")
    return guess_default(written)
