"""Paths of the host that a stack names and that must be there before it can start.

One rule judges them all, for `check`, `doctor` and `up`. What may be missing is not
listed: an env file with ``required: false``. A folder for a mount is listed on demand:
it may be missing until the start, and a newer Compose makes it then.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path

from composegen.model import Mount, Raw, SecretKind, Service, Stack
from composegen.oserrors import describe_closed, find_closed
from composegen.paths import exists, is_file, is_folder
from composegen.patterns import make_pattern
from composegen.planning.networks import list_raw_mounts
from composegen.records import record
from composegen.text import shorten

ELSEWHERE = make_pattern(
    r"[A-Za-z][A-Za-z0-9+.-]*:|git@|github\.com/|[\w.-]+@[\w.-]+:", re.ASCII
)
"""What a build context begins with that is no folder of the host."""

DOCKERFILES = ("Dockerfile", "dockerfile")
"""What BuildKit looks for where no name is given."""

_FILE_ENDINGS = frozenset(
    """.cfg .cnf .conf .crt .css .csv .db .env .htm .html .ini .js .json .jsonl .key
    .lua .md .pem .php .properties .py .rb .sh .sql .sqlite .toml .ts .txt .xml .yaml
    .yml""".split()
)
_FILE_NAMES = frozenset({"Caddyfile", ".env", ".htpasswd", "passwd", "htpasswd"})


_LONGEST = 120


class Kind(StrEnum):
    """What must be there."""

    FILE = "file"
    FOLDER = "folder"
    ANY = "file or folder"


@record
class NamedPath:
    """A path as it is written, and where in the stack.

    ``what`` says whose it is, ``help`` what to do where it is missing; of ``names``
    one must be there within the path, where there are any. ``is_mounted`` says that
    the engine reads it, on its own machine, ``is_local`` that only a process needs it,
    ``is_built`` that only a build does, ``is_late`` that it may be missing until the
    start, ``is_made`` that a newer Compose makes it then.
    """

    path: str
    kind: Kind
    what: str
    place: tuple[str, ...]
    help: str
    names: tuple[str, ...] = ()
    is_mounted: bool = False
    is_local: bool = False
    is_built: bool = False
    is_late: bool = False
    is_made: bool = False

    @property
    def is_absolute(self) -> bool:
        """Whether it is a path of a machine, not of the stack's folder."""
        return posixpath.isabs(self.path)


def list_named_paths(
    stack: Stack,
    services: Iterable[Service] | None = None,
    *,
    with_late: bool = False,
) -> Iterator[NamedPath]:
    """What must be there for some services, all of the stack without a word.

    ``with_late`` lists what may be missing until the start too. What holds a variable,
    is a URL or lies in a home folder is not listed.
    """
    chosen = tuple(stack.services.values() if services is None else services)
    used = dict.fromkeys(use.name for service in chosen for use in service.secrets)
    for service in chosen:
        for named in filter(_can_be_judged, _list_of_service(service)):
            if with_late or not named.is_late:
                yield named
    for name in used:
        secret = stack.secrets[name]
        if secret.kind is SecretKind.FILE:
            found = NamedPath(
                path=secret.source,
                kind=Kind.FILE,
                what=f"the file of the secret `{name}`",
                place=("secrets", name, "file"),
                help=f"make {secret.source}",
                is_mounted=True,
            )
            yield from filter(_can_be_judged, (found,))
    yield from filter(_can_be_judged, _list_of_configs(stack.compose.get("configs")))


def find_fault(named: NamedPath, folder: Path) -> tuple[str, str] | None:
    """What is wrong with a path and what helps; None where it is there."""
    path = folder / named.path
    if named.names and not is_folder(path):
        return None  # the folder itself is a path of its own
    if _is_there(path, named.kind):
        if not named.names or any(is_file(path / name) for name in named.names):
            return None
        inner = posixpath.join(named.path, named.names[0])
        return f"`{shorten(inner, _LONGEST)}`, {named.what}, does not exist", named.help
    closed = find_closed(path)
    shown = f"`{shorten(named.path, _LONGEST)}`, {named.what}"
    if closed is not None:
        words, help = describe_closed(closed)
        return f"{shown}: {words}", help
    if exists(path):
        return f"{shown}, is not a {named.kind}", named.help
    return f"{shown}, does not exist", named.help


def _is_there(path: Path, kind: Kind) -> bool:
    return {Kind.FILE: is_file, Kind.FOLDER: is_folder, Kind.ANY: exists}[kind](path)


def _can_be_judged(named: NamedPath) -> bool:
    path = named.path
    is_drive = path[1:3] in {":\\", ":/"}
    return bool(path) and "$" not in path and not path.startswith("~") and not is_drive


# What one service names


def _list_of_service(service: Service) -> Iterator[NamedPath]:
    place = ("services", service.name)
    if service.build is not None and "build" not in service.compose:
        yield from _list_of_build(service, service.build.options, (*place, "build"))
    for item in service.env_file:
        yield from _list_env_file(service, item, (*place, "env_file"))
    for mount in service.volumes:
        mount_place = (*place, "volumes", mount.target.rstrip("/") or "/")
        yield from _list_mount(service, mount, mount_place)
    yield from _list_of_raw(service, (*place, "compose"))
    if service.local is not None:
        yield NamedPath(
            path=service.local.dir,
            kind=Kind.FOLDER,
            what=f"the folder in which `{service.name}` runs as a process",
            place=(*place, "local", "dir"),
            help="create it, or correct `dir`",
            is_local=True,
        )


def _list_of_build(
    service: Service, options: Mapping[str, Raw], place: tuple[str, ...]
) -> Iterator[NamedPath]:
    context = str(options.get("context", "."))
    dockerfile = str(options.get("dockerfile") or "")
    if not ELSEWHERE.match(context):
        yield NamedPath(
            path=context,
            kind=Kind.FOLDER,
            what=f"the folder that `{service.name}` is built from",
            place=(*place, "context", context),
            help="correct `build`, or create the folder",
            is_built=True,
        )
        if "dockerfile_inline" not in options and "$" not in dockerfile:
            yield NamedPath(
                path=context,
                kind=Kind.FOLDER,
                what=f"the Dockerfile of `{service.name}`",
                place=(*place, "dockerfile", dockerfile)
                if dockerfile
                else (*place, "context", context),
                help="correct `dockerfile`: its path is relative to the build folder"
                if dockerfile
                else "write one, or name another file:\n"
                f"build: {{context: {context}, dockerfile: PATH}}",
                names=(dockerfile,) if dockerfile else DOCKERFILES,
                is_built=True,
            )
    for name, source in _list_contexts(options.get("additional_contexts")):
        if not ELSEWHERE.match(source):
            yield NamedPath(
                path=source,
                kind=Kind.FOLDER,
                what=f"the build context `{name}` of `{service.name}`",
                place=(*place, "additional_contexts", name, source),
                help="correct `additional_contexts`, or create the folder",
                is_built=True,
            )


def _list_contexts(value: Raw) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        yield from ((name, str(source)) for name, source in value.items())
    for item in value if isinstance(value, list) else ():
        name, _, source = str(item).partition("=")
        yield name, source


def _list_env_file(
    service: Service, item: Raw, place: tuple[str, ...]
) -> Iterator[NamedPath]:
    path = item.get("path") if isinstance(item, dict) else item
    if isinstance(item, dict) and item.get("required") is False:
        return
    yield NamedPath(
        path=str(path),
        kind=Kind.FILE,
        what=f"an env file of `{service.name}`",
        place=(*place, str(path)),
        help="create it, or say that it may be missing:\n"
        f"env_file: [{{path: {path}, required: false}}]",
    )


def _list_mount(
    service: Service, mount: Mount, place: tuple[str, ...]
) -> Iterator[NamedPath]:
    if not mount.is_bind:
        return
    long = mount.long or {}
    source = str(long.get("source") or "") if mount.long is not None else mount.source
    bind = long.get("bind")
    makes = bind.get("create_host_path") if isinstance(bind, dict) else None
    is_a_file = _looks_like_file(source) and _looks_like_file(mount.target)
    if makes is False:
        help = "create it"
    elif is_a_file:
        help = (
            "create it; Docker would make a folder of that name, and a folder is "
            f"written as {source}/"
        )
    else:
        help = f"create it: mkdir -p {shlex.quote(source)}"
    is_late = makes is None and not is_a_file
    if makes is not True or is_a_file:
        yield NamedPath(
            path=source,
            kind=Kind.ANY,
            what=f"which `{service.name}` mounts",
            place=place,
            help=help,
            is_mounted=True,
            is_late=is_late,
            is_made=is_late and not _has_bind_options(mount),
        )


def _has_bind_options(mount: Mount) -> bool:
    """Whether a mount is rendered with ``bind``, for which Compose makes no folder."""
    if mount.long is not None:
        return isinstance(mount.long.get("bind"), dict)
    return bool({*mount.options.split(",")} - {"", "ro", "rw"})


def _looks_like_file(path: str) -> bool:
    name = posixpath.basename(path)
    return name in _FILE_NAMES or posixpath.splitext(name)[1] in _FILE_ENDINGS


def _list_of_raw(service: Service, place: tuple[str, ...]) -> Iterator[NamedPath]:
    raw = service.compose
    build = raw.get("build")
    if build is not None:
        own = service.build.options if service.build is not None else {}
        added = build if isinstance(build, dict) else {"context": build}
        yield from _list_of_build(service, {**own, **added}, (*place, "build"))
    for item in _to_list(raw.get("env_file")):
        yield from _list_env_file(service, item, (*place, "env_file"))
    for mount in list_raw_mounts(service):
        yield from _list_mount(service, mount, (*place, "volumes"))
    for item in _to_list(raw.get("label_file")):
        yield NamedPath(
            path=str(item),
            kind=Kind.FILE,
            what=f"a file with labels of `{service.name}`",
            place=(*place, "label_file", str(item)),
            help="create it, or correct `label_file`",
        )


def _list_of_configs(configs: Raw) -> Iterator[NamedPath]:
    for name, config in (configs if isinstance(configs, dict) else {}).items():
        if isinstance(config, dict) and isinstance(config.get("file"), str):
            yield NamedPath(
                path=str(config["file"]),
                kind=Kind.ANY,
                what=f"the file of the config `{name}`",
                place=("compose", "configs", name, "file", str(config["file"])),
                help=f"make {config['file']}",
                is_mounted=True,
            )


def _to_list(value: Raw) -> list[Raw]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
