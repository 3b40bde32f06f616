"""What a pod may do: the plan's hardening in the words of a security context.

Pod Security decides what may be left out: what a service needs beyond the level that
was asked for is a problem, which names the level that takes it.
"""

from __future__ import annotations

from composegen.model import Raw, Service
from composegen.planning.hardening import Hardening, find_ids
from composegen.records import record
from composegen.targets.files import POD_SECURITY
from composegen.targets.kubernetes.scene import Path, Scene

_ALWAYS = frozenset({"NET_BIND_SERVICE"})
_BASELINE = _ALWAYS | frozenset(
    """AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD SETFCAP SETGID SETPCAP
    SETUID SYS_CHROOT""".split()
)
_ROOT = frozenset({"0", ""})
_PRIVATE = 0o440
_OPEN = 0o444


@record
class Security:
    """The security context of a pod and of its containers.

    ``file_mode`` is the mode of files of secrets that its user can read.
    """

    pod: dict[str, Raw]
    container: dict[str, Raw]
    file_mode: int


def make_security(scene: Scene, service: Service, hardening: Hardening) -> Security:
    """The contexts of a service's pod; what the level does not take is noted."""
    path = ("services", service.name)
    pod: dict[str, Raw] = {}
    mode = _PRIVATE
    ids = find_ids(service)
    if ids is None and _find_name(service).partition(":")[0] == "root":
        ids = ("0", "0")
    if ids is None:
        mode = _OPEN
        _need(scene, "baseline", (*path, "user"), _describe_unknown(service))
    elif ids[0] in _ROOT:
        _need(scene, "baseline", (*path, "user"), _describe_root(service))
    else:
        user, group = int(ids[0]), int(ids[1] or ids[0])
        pod = {"runAsNonRoot": True, "runAsUser": user, "runAsGroup": group}
        pod["fsGroup"] = group
    pod["seccompProfile"] = {"type": "RuntimeDefault"}
    groups = _list_groups(scene, service)
    if groups:
        pod["supplementalGroups"] = groups
    return Security(
        pod=pod, container=_make_context(scene, service, hardening), file_mode=mode
    )


def _make_context(
    scene: Scene, service: Service, hardening: Hardening
) -> dict[str, Raw]:
    path = ("services", service.name)
    context: dict[str, Raw] = {}
    kept = hardening.protections
    if "no_new_privileges" in kept:
        context["allowPrivilegeEscalation"] = False
    else:
        words = f"`{service.name}` may gain privileges"
        _need(scene, "baseline", (*path, "relax", "no_new_privileges"), words)
    if "read_only" in kept:
        context["readOnlyRootFilesystem"] = True
    capabilities: dict[str, Raw] = {}
    if "cap_drop" in kept:
        capabilities["drop"] = ["ALL"]
    else:
        words = f"`{service.name}` keeps the capabilities of its image"
        _need(scene, "baseline", (*path, "relax", "cap_drop"), words)
    added = [name.upper().removeprefix("CAP_") for name in hardening.cap_add]
    if added:
        capabilities["add"] = [*added]
    beyond = [name for name in added if name not in _ALWAYS]
    if beyond:
        level = "baseline" if _BASELINE.issuperset(beyond) else "privileged"
        word = "capability" if len(beyond) == 1 else "capabilities"
        words = f"`{service.name}` gets the {word} {', '.join(beyond)}"
        _need(scene, level, (*path, "cap_add"), words)
    if capabilities:
        context["capabilities"] = capabilities
    return context


def _describe_root(service: Service) -> tuple[str, str]:
    return (
        f"`{service.name}` runs as root, as far as is known",
        f"set the user that it can run as:\nuser: {_USER}",
    )


_USER = '"10001:10001"'


def _describe_unknown(service: Service) -> tuple[str, str]:
    return (
        f"`{service.name}` runs as `{_find_name(service)}`, which is not a number",
        f"set its number:\nuser: {_USER}",
    )


def _find_name(service: Service) -> str:
    """The user that the stack file or the Dockerfile names."""
    return service.user or (service.build.user if service.build is not None else "")


def _need(scene: Scene, level: str, path: Path, said: str | tuple[str, str]) -> None:
    """Note what a level takes and the stricter ones do not, unless it was asked for."""
    asked = scene.cluster.pod_security
    if POD_SECURITY.index(asked) >= POD_SECURITY.index(level):
        return
    message, help = said if isinstance(said, tuple) else (said, "")
    flag = f"--pod-security {level}"
    way = f"render with {flag}, for a namespace that takes it"
    scene.faults.add(
        "pod-security",
        f"{message}: Pod Security `{asked}` refuses such a pod",
        path,
        f"{help}\nor {way}" if help else way,
    )


def _list_groups(scene: Scene, service: Service) -> list[Raw]:
    """Further groups by their numbers; a name means nothing outside the image."""
    listed = service.passed.get("group_add")
    path = ("services", service.name, "group_add")
    groups: list[Raw] = []
    for each in listed if isinstance(listed, list) else ():
        text = scene.fill(str(each), path)
        if text.isdigit():
            groups.append(int(text))
        else:
            scene.faults.add(
                "not-on-cluster",
                f"`{service.name}` is in the group `{text}`, and a cluster takes only "
                "the number of a group",
                path,
                "write its number",
            )
    return groups
