"""A project as Compose reads it, made one that touches nothing of the real one.

Compose's own reading of a file (`docker compose config`) has one form of everything;
here that becomes a project with networks, volumes and data of its own, to try
something in. What cannot be kept apart is refused.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from composegen.errors import CannotHarden
from composegen.paths import is_file, is_folder, is_link
from composegen.records import record
from composegen.text import format_size

_LEFT_OUT = ("ports", "container_name", "labels", "external_links", "mac_address")
VOLUME_LABEL = "composegen.harden"
"""On each volume of a scratch project: the folder of its copies."""
_MOST_FILES = 50_000
_MOST_BYTES = 1 << 30


@record
class Filling:
    """A folder of the host that fills a volume, through a container of a service."""

    source: Path
    service: str
    target: str


@record
class Scratch:
    """A project for Compose, the folders that fill its volumes, and what is copied.

    ``copies`` maps what is to be copied on the host to where.
    """

    model: Mapping[str, Any]
    fillings: tuple[Filling, ...] = ()
    copies: Mapping[Path, Path]


def make_scratch(model: Mapping[str, Any], folder: Path, secrets: Path) -> Scratch:
    """A project like the one that Compose has read, kept apart from everything real.

    ``folder`` is where its copies of the host's files go; ``secrets`` the folder whose
    secrets have copies of the same name there. Raises CannotHarden.
    """
    _check_apart(model)
    maker = _Maker(folder, secrets)
    services = {
        name: maker.change_service(name, service)
        for name, service in model["services"].items()
    }
    names = (*(model.get("volumes") or {}), *maker.volumes.values())
    changed = {
        "services": services,
        "networks": dict(_list_networks(model)),
        "volumes": {name: {"labels": {VOLUME_LABEL: str(folder)}} for name in names},
        "configs": {
            name: _without(each, "name")
            for name, each in (model.get("configs") or {}).items()
        },
        "secrets": {
            name: maker.change_secret(each)
            for name, each in (model.get("secrets") or {}).items()
        },
    }
    return Scratch(
        model={key: value for key, value in changed.items() if value},
        fillings=tuple(maker.fillings),
        copies=maker.copies,
    )


def _check_apart(model: Mapping[str, Any]) -> None:
    """Refuse what a second instance would share with the real one."""
    volumes = model.get("volumes") or {}
    for name, service in model["services"].items():
        if service.get("network_mode") == "host":
            raise CannotHarden(
                f"`{name}` uses the host's network, where a second instance would be "
                "in the way of the real one"
            )
        for mount in service.get("volumes") or ():
            source = str(mount.get("source", ""))
            if mount.get("type") == "volume" and _is_external(volumes.get(source)):
                raise CannotHarden(
                    f"`{name}` uses the volume `{source}`, which is external: a second "
                    "instance would change the same data"
                )


def _is_external(volume: Any) -> bool:
    return isinstance(volume, Mapping) and bool(volume.get("external"))


def _list_networks(model: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Plain networks in place of those with fixed names, addresses and drivers."""
    for name, network in (model.get("networks") or {}).items():
        is_internal = bool((network or {}).get("internal"))
        yield name, {"internal": True} if is_internal else None


def _without(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in names}


class _Maker:
    """Changes one service after the other; what the host must give is collected."""

    def __init__(self, folder: Path, secrets: Path) -> None:
        self.folder = folder
        self.secrets = secrets
        self.volumes: dict[str, str] = {}
        self.fillings: list[Filling] = []
        self.copies: dict[Path, Path] = {}

    def change_service(self, name: str, service: Mapping[str, Any]) -> dict[str, Any]:
        """A service without what reaches out of its project, or into it."""
        changed = _without(service, *_LEFT_OUT)
        if "build" in changed:
            changed.pop("image", None)
        networks = changed.get("networks")
        if isinstance(networks, Mapping):
            changed["networks"] = {
                each: {"aliases": options["aliases"]}
                if options and options.get("aliases")
                else None
                for each, options in networks.items()
            }
        if changed.get("volumes"):
            changed["volumes"] = [
                self._change_mount(name, mount)
                if mount.get("type") == "bind"
                else mount
                for mount in changed["volumes"]
            ]
        return changed

    def change_secret(self, secret: Mapping[str, Any]) -> dict[str, Any]:
        """A secret from the copy of its file, where composegen makes that."""
        changed = _without(secret, "name")
        file = changed.get("file")
        if file is not None and Path(file).parent == self.secrets:
            changed["file"] = str(self.folder / self.secrets.name / Path(file).name)
        return changed

    def _change_mount(self, service: str, mount: Mapping[str, Any]) -> dict[str, Any]:
        source = Path(mount["source"])
        target = str(mount["target"])
        plain = {"target": target, "read_only": bool(mount.get("read_only"))}
        selinux = (mount.get("bind") or {}).get("selinux")
        options = {"bind": {"selinux": selinux}} if selinux else {}
        mode = _look(service, source)
        if mode is not None and not stat.S_ISDIR(mode):
            if not plain["read_only"]:
                _check_owner(service, source)
            return {"type": "bind", "source": self._copy(source), **plain, **options}
        if mode is not None and plain["read_only"] and str(source) not in self.volumes:
            return {"type": "bind", "source": self._copy(source), **plain, **options}
        return {"type": "volume", **plain, **self._fill(service, source, target, mode)}

    def _copy(self, source: Path) -> str:
        """Where a copy of it lies; the copy keeps the name."""
        number = len(self.copies)
        place = self.folder / "copies" / str(number) / (source.name or "root")
        return str(self.copies.setdefault(source, place))

    def _fill(
        self, service: str, source: Path, target: str, mode: int | None
    ) -> dict[str, Any]:
        """A volume in place of a folder that containers may write.

        What a container's root has written is removed with the volume; in a folder of
        this user it would stay.
        """
        known = self.volumes.get(str(source))
        if known is None:
            known = self.volumes[str(source)] = f"composegen-copy-{len(self.volumes)}"
            if mode is not None:
                filling = Filling(source=source, service=service, target=target)
                self.fillings.append(filling)
        return {"source": known, "volume": {"nocopy": True}}


def _look(service: str, source: Path) -> int | None:
    """The mode of what is mounted; None where Compose would make an empty folder."""
    try:
        mode = source.stat().st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CannotHarden(
            f"`{service}` mounts {source}, which cannot be read: {error.strerror}"
        ) from None
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise CannotHarden(
            f"`{service}` mounts {source}, which cannot be copied: it is a socket or "
            "a device",
            help="a second instance would act on the same one as the real service",
        )
    return mode


def _check_owner(service: str, source: Path) -> None:
    """Whether a copy that this user makes belongs to the owner of the original."""
    owner = source.stat().st_uid
    if os.geteuid() not in {0, owner}:
        raise CannotHarden(
            f"`{service}` may write {source}, which belongs to uid {owner}: a copy "
            "would belong to you",
            help="repeat the command as root",
        )


def check_size(sources: Mapping[Path, str]) -> None:
    """Refuse to copy more than a gigabyte, or more than 50,000 files.

    ``sources`` maps what is copied to the service that mounts it. Raises CannotHarden.
    """
    files = size = 0
    for source, service in sources.items():
        for path in _walk(source):
            files += 1
            size += path.lstat().st_size
            if files > _MOST_FILES or size > _MOST_BYTES:
                raise CannotHarden(
                    f"`{service}` mounts {source}, which is too large to be copied: "
                    f"more than {_MOST_FILES:,} files or {format_size(_MOST_BYTES)}",
                    help="try it in a copy of the stack that mounts a small folder",
                )


def _walk(source: Path) -> Iterator[Path]:
    """The files of a folder, or the file itself; links are not followed."""
    if not is_folder(source):
        yield source
        return
    for root, folders, names in os.walk(source):
        yield from (Path(root, name) for name in (*folders, *names))


def copy_files(scratch: Scratch, folder: Path) -> None:
    """Copy what containers only read, and single files, on the host.

    ``folder`` holds the copies: it may lie in what is copied, and is skipped.
    Raises CannotHarden for what cannot be read.
    """
    for source, place in scratch.copies.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            if is_folder(source):
                shutil.copytree(
                    source,
                    place,
                    symlinks=True,
                    ignore=lambda *found: _list_special(folder, *found),
                    dirs_exist_ok=True,
                )
            else:
                shutil.copy2(source, place)
            if os.geteuid() == 0:
                _give_owners(source, place)
        except (OSError, shutil.Error) as error:
            raise CannotHarden(f"{source} cannot be copied: {error}") from None


def _list_special(skipped: Path, parent: str, names: list[str]) -> list[str]:
    """Sockets, pipes and devices in a folder, whose copies would be dead."""
    found = {name: Path(parent, name) for name in names}
    return [
        name
        for name, path in found.items()
        if not (is_link(path) or is_file(path) or is_folder(path)) or path == skipped
    ]


def _give_owners(source: Path, place: Path) -> None:
    for path in (place, *(_walk(place) if is_folder(place) else ())):
        found = (source / path.relative_to(place)).lstat()
        os.chown(path, found.st_uid, found.st_gid, follow_symlinks=False)
