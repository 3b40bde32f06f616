"""Replicas and volumes: who writes what."""

from __future__ import annotations

from composegen.model import (
    Service,
)
from composegen.stackfile.checks.checked import Checked
from composegen.text import shorten

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


def _is_stuck_root(service: Service) -> bool:
    """Whether it runs as root with no capability to write what root does not own."""
    user = service.user or (service.build.user if service.build else "")
    if not user and service.facts is not None:
        user = service.facts.user or service.facts.runs_as
    own = {*service.cap_add, *(service.facts.cap_add if service.facts else ())}
    return (
        user.partition(":")[0] in {"", "0", "root"}
        and "cap_drop" not in service.relax
        and own.isdisjoint(_WRITES_AS_ROOT)
    )
