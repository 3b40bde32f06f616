"""Replicas and volumes: who writes what."""

from __future__ import annotations

import os
import re
import shlex
import stat
import sys

from composegen.model import Mount, Service
from composegen.paths import leads_inside
from composegen.patterns import make_pattern
from composegen.stackfile.checks.checked import Checked
from composegen.text import shorten

_USER = make_pattern(r"\d{1,9}(?::\d{1,9})?", re.ASCII)
_WRITES_AS_ROOT = frozenset({"DAC_OVERRIDE", "CAP_DAC_OVERRIDE", "ALL"})


def check_replicas(checked: Checked) -> None:
    """Several replicas share neither a port of the host nor a store's volume."""
    for service in checked.stack.services.values():
        base = ("services", service.name)
        _check_count(checked, service, service.replicas, (*base, "replicas"))
        for need in service.needs:
            if need.otherwise is not None and need.otherwise.replicas is not None:
                place = (*base, "needs", need.service, "otherwise")
                _check_count(checked, service, need.otherwise.replicas, place)


def _check_count(
    checked: Checked, service: Service, count: int, path: tuple[str, ...]
) -> None:
    if count <= 1:
        return
    if any(p.published and len(p.host_ports) < count for p in service.publish):
        checked.add(
            "replicas-port",
            f"`{service.name}` has {count} replicas and one port to publish",
            path,
            "use one replica, or remove `publish` and put a proxy in front of them",
        )
    if service.is_store and service.volumes:
        checked.add(
            "replicas-volume",
            f"{count} replicas of `{service.name}` would share a volume",
            path,
            "use one replica: a data store does not copy its data to a second one",
        )


def check_volumes(checked: Checked) -> None:
    """Mounts can be written by who mounts them; what is declared is used."""
    used = set()
    is_any_used = False
    for service in checked.stack.services.values():
        for mount in service.volumes:
            used.add(mount.volume_name)
            is_any_used |= mount.may_be_any_volume and not mount.volume_name
            if mount.volume_name or mount.source.endswith(".sock"):
                continue
            if mount.is_bind and _is_stuck_root(service) and mount.is_writable:
                checked.add(
                    "root-bind-mount",
                    f"`{service.name}` runs as root without capabilities: it can write "
                    f"`{shorten(mount.source)}` only where root owns it",
                    ("services", service.name, "volumes", mount.target),
                    "mount it read-only (:ro), run as the owner (user: ..), or "
                    "cap_add: [DAC_OVERRIDE]",
                )
    raw = str(checked.stack.compose) + "".join(
        str(service.compose) for service in checked.stack.services.values()
    )
    for name in () if is_any_used else checked.stack.volumes:
        if name not in used and name not in raw:
            checked.add(
                "unused-volume",
                f"no service mounts the volume `{name}`",
                ("volumes", name),
                "mount it, or remove it",
            )


def check_bind_owners(checked: Checked) -> None:
    """A folder of the host can be written by the user that mounts it.

    On Linux, where the owner of a folder is that of the container too; only folders
    next to the stack file are looked at.
    """
    if sys.platform != "linux":
        return
    for service in checked.stack.services.values():
        user = _find_user(service)
        if not _USER.fullmatch(user) or user.partition(":")[0] == "0":
            continue
        for mount in service.volumes:
            if mount.is_bind and mount.is_writable:
                _check_bind_owner(checked, service, mount, user)


def _check_bind_owner(
    checked: Checked, service: Service, mount: Mount, user: str
) -> None:
    path = checked.folder.path / mount.source
    if "$" in mount.source or not leads_inside(path, checked.folder.path):
        return
    try:
        found = path.stat()
    except FileNotFoundError:
        # Another user would be missing there without composegen as well, and a name
        # with a suffix is that of a file.
        if _has_own_user(service) or not _steps_down(service) or path.suffix:
            return
        why = "which does not exist: Docker makes it, and it belongs to root"
    except (OSError, ValueError):
        return
    else:
        if not stat.S_ISDIR(found.st_mode) or _may_write(found, user):
            return
        mode = stat.S_IMODE(found.st_mode)
        why = f"which belongs to {found.st_uid}:{found.st_gid} (mode {mode:04o})"
    shown = shorten(mount.source)
    checked.add(
        "closed-bind-mount",
        f"`{service.name}` runs as user {user} and cannot write `{shown}`, {why}",
        ("services", service.name, "volumes", mount.target),
        f"give it to that user:\n{_write_chown(service, mount, user)}\n"
        f"or keep the data in a volume:\n"
        f"volumes: [{service.name}-data:{mount.target}]",
    )


def _has_own_user(service: Service) -> bool:
    return bool(service.user) or "user" in service.compose


def _steps_down(service: Service) -> bool:
    """Whether it starts as the user that its image would step down to."""
    return service.facts is not None and bool(service.facts.user)


def _may_write(found: os.stat_result, user: str) -> bool:
    number, _, group = user.partition(":")
    if int(number) == found.st_uid:
        return bool(found.st_mode & stat.S_IWUSR)
    if group and int(group) == found.st_gid:
        return bool(found.st_mode & stat.S_IWGRP)
    return bool(found.st_mode & stat.S_IWOTH)


def _write_chown(service: Service, mount: Mount, user: str) -> str:
    """The command that gives a folder its owner, by Docker where root is needed."""
    source = shlex.quote(mount.source)
    if service.build is not None or "$" in service.image:
        return f"mkdir -p {source} && sudo chown {user} {source}"
    return (
        f"docker run --rm --user 0 --entrypoint chown -v {source}:{mount.target} "
        f"{service.image} {user} {mount.target}"
    )


def _find_user(service: Service) -> str:
    """The user that a service runs as; empty where that is not known, or is root.

    A raw `user` is rendered in place of any other; null leaves it to the image.
    """
    if "user" in service.compose:
        raw = service.compose["user"]
        if raw is not None:
            return str(raw)
        if service.build is not None:
            return service.build.user
        return service.facts.runs_as if service.facts is not None else ""
    user = service.user or (service.build.user if service.build else "")
    if not user and service.facts is not None:
        user = service.facts.user or service.facts.runs_as
    return user


def _is_stuck_root(service: Service) -> bool:
    """Whether it runs as root with no capability to write what root does not own."""
    user = _find_user(service)
    own = {*service.cap_add, *(service.facts.cap_add if service.facts else ())}
    return (
        user.partition(":")[0] in {"", "0", "root"}
        and "cap_drop" not in {*service.relax, *service.compose}
        and own.isdisjoint(_WRITES_AS_ROOT)
    )
