"""Passwords that are lost while the data that was made with them is still there.

A database keeps the password that its data was made with. A new one in its place would
lock everything out, so it is not made silently.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from composegen.errors import LostSecret, MissingVariable
from composegen.model import Mount, Secret, SecretKind, Service
from composegen.patterns import make_pattern
from composegen.places.engine.containers import Container, Maker, Volume
from composegen.places.engine.data_help import (
    describe_volume,
    find_password_command,
    suggest_deletion,
)
from composegen.planning.addressing import ContainerAddressing
from composegen.planning.credentials import name_url_secret
from composegen.planning.plan import Plan, reduce_stack
from composegen.records import record, replace
from composegen.system.files import read_small_text
from composegen.workspace.secrets import list_secrets
from composegen.workspace.workspace import Workspace

_KEEPS_PASSWORD = make_pattern(
    r"(?:POSTGRES|MYSQL|MARIADB|MONGO_INITDB)_(?:\w+_)?PASSWORD(?:_HASH)?_FILE"
)
_DATA_FOLDER = make_pattern(
    r"/var/lib/(?:postgresql|mysql)\b|/data/db\b|/home/postgres\b"
)


class Volumes(Protocol):
    """What is asked of an engine to find out what data is there."""

    def list_containers(self, project: str) -> tuple[Container, ...]:
        """A project's containers."""
        ...

    def find_volume(self, name: str) -> Volume | None:
        """A volume."""
        ...

    def list_users(self, volume: str) -> tuple[Maker, ...]:
        """Who made the containers that mount a volume."""
        ...

    def has_content(self, id: str, path: str) -> bool:
        """Whether a running container has a file that is not empty."""
        ...


@record
class _Lost:
    """A secret that would be made, and the data that was made with an older one.

    ``volume`` is empty for a folder of this machine. ``container`` is the name of the
    database's container, ``variables`` those that name its secrets.
    """

    secret: Secret
    service: str
    container: str
    variables: tuple[str, ...] = ()
    volume: str = ""
    whose: str = ""
    folder: str = ""


def check_secrets(
    engine: Volumes, plan: Plan, workspace: Workspace, project: str
) -> None:
    """Refuse to make a password for a database that has data with another one.

    Called before anything is written. Raises LostSecret and EngineUnreachable.
    """
    found = list(_find_lost(engine, plan, workspace, project))
    if not found:
        return
    containers = {each.service: each for each in engine.list_containers(project)}
    helps = [
        _suggest(engine, each, containers.get(each.service), plan, workspace.folder)
        for each in found
    ]
    raise LostSecret(
        "; ".join(map(_describe, found)), help="\n".join(dict.fromkeys(helps))
    )


def _describe(lost: _Lost) -> str:
    data = f"volume {lost.volume}" if lost.volume else f"folder {lost.folder}"
    return (
        f"{lost.secret.file} is missing or empty, and the {data} of `{lost.service}` "
        "keeps the password that it was made with"
    )


def _find_lost(
    engine: Volumes, plan: Plan, workspace: Workspace, project: str
) -> Iterator[_Lost]:
    stack = reduce_stack(plan)
    for service in stack.services.values():
        for name in _list_passwords(service):
            secret = stack.secrets.get(name)
            if secret is None or secret.kind is not SecretKind.GENERATE:
                continue
            if not _is_missing(workspace.folder / secret.file):
                continue
            lost = _Lost(
                secret=secret,
                service=service.name,
                container=f"{project}-{service.name}-1",
                variables=tuple(
                    each for use in service.secrets for each in use.variables
                ),
            )
            for mount in _list_data(service):
                yield from _look_at_data(
                    engine, lost, mount, stack.volumes, workspace, project
                )


def _is_missing(path: Path) -> bool:
    """Whether a secret would be made: a file that cannot be read is refused later."""
    if not os.path.lexists(path):
        return True
    text = read_small_text(path)
    return text is not None and not text.strip()


def _list_passwords(service: Service) -> tuple[str, ...]:
    """The secrets that a database takes as passwords when its data is made."""
    own = {
        f"{variable}_FILE"
        for login in service.access.logins
        for variable in login.password
    }
    return tuple(
        use.name
        for use in service.secrets
        if any(each in own or _KEEPS_PASSWORD.fullmatch(each) for each in use.variables)
    )


def _list_data(service: Service) -> list[Mount]:
    """Where its data is: in a known folder, else in any volume that it writes."""
    writable = [each for each in service.volumes if each.is_writable]
    known = [each for each in writable if _DATA_FOLDER.match(each.target)]
    return known or [each for each in writable if each.volume_name]


def _look_at_data(
    engine: Volumes,
    lost: _Lost,
    mount: Mount,
    volumes: Mapping[str, object],
    workspace: Workspace,
    project: str,
) -> Iterator[_Lost]:
    try:
        if mount.is_bind:
            source = Path(workspace.fill(mount.source)).expanduser()
            if _has_data(workspace.folder / source):
                yield replace(lost, folder=str(source))
        elif mount.volume_name:
            name = _name_volume(mount.volume_name, volumes, workspace, project)
            volume = engine.find_volume(name)
            if volume is not None:
                whose = describe_volume(volume, engine.list_users(name))
                yield replace(lost, volume=name, whose=whose)
    except MissingVariable:
        return  # `up` says it where it is needed


def _name_volume(
    name: str, volumes: Mapping[str, object], workspace: Workspace, project: str
) -> str:
    """What the engine calls a volume. Raises MissingVariable."""
    options = volumes.get(name)
    if isinstance(options, Mapping):
        if options.get("name"):
            return workspace.fill(str(options["name"]))
        if options.get("external"):
            return name
    return f"{project}_{name}"


def _has_data(folder: Path) -> bool:
    """Whether something is in a folder; one that may not be looked into has some."""
    try:
        return bool(os.listdir(folder))  # noqa: PTH208 - names are enough
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False


def _suggest(
    engine: Volumes, lost: _Lost, container: Container | None, plan: Plan, folder: Path
) -> str:
    file, secret = lost.secret.file, lost.secret.name
    lines = [f"put the old password back into {file}"]
    inside = ContainerAddressing().find_secret(secret)
    if container is not None and engine.has_content(container.id, inside):
        lines += [
            "its container still has it:",
            f"docker exec {lost.container} cat {inside} > {file}",
        ]
    url = _find_url(plan, lost, folder)
    if url:
        lines.append(f"{url} still holds it, as a part of the URL")
    command = find_password_command(lost.variables, lost.container, file)
    if command:
        lines += [
            "or make a new one and give it to the database, which keeps its data:",
            "composegen secrets && composegen up",
            command,
            "composegen up",
        ]
    else:
        lines.append(
            "or make a new one with `composegen secrets`; the database refuses it "
            "until it is changed there too"
        )
    if lost.volume:
        lines.append(suggest_deletion(lost.volume, lost.whose))
    return "\n".join(lines)


def _find_url(plan: Plan, lost: _Lost, folder: Path) -> str:
    """The file of the URL that holds the old password too; empty for none."""
    wanted = name_url_secret(lost.service)
    for secret in list_secrets(reduce_stack(plan)):
        if secret.name == wanted and secret.kind is SecretKind.URL:
            return secret.file if read_small_text(folder / secret.file) else ""
    return ""
