"""What the Docker engine reports, as plain frozen values.

The engine's JSON is read here and in ``happened``, and nowhere else; nothing here asks
for it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from composegen.patterns import make_pattern
from composegen.places.engine.joined import Joined, read_joins
from composegen.places.place import Usage
from composegen.records import record

LABEL = "com.docker.compose."
"""What the names of all labels of Compose begin with."""
_PODMAN = "Podman Engine"
_PODMAN_INIT = ("/run/podman-init", "--")
_NEVER = "0001-01-01"
_UNTOLD = float("inf")
_NANOSECONDS = make_pattern(r"(\.\d{6})\d+")


class Status(StrEnum):
    """What the engine calls the state of a container."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"


@record
class Probe:
    """One run of a health check: its exit code and what it printed."""

    exit_code: int
    output: str


@record
class Published:
    """A port of a container and where the host reaches it."""

    target: str
    host: str
    port: int


@record
class Mounted:
    """What is mounted in a container: ``name`` is a volume's, ``source`` the host's."""

    kind: str
    name: str
    source: str
    target: str
    is_writable: bool


@record
class Container:
    """One container of a service.

    ``health`` is ``starting``, ``healthy``, ``unhealthy`` or ``none``; times are
    seconds since 1970, None where that never was. ``error`` is what the engine says of
    a start that failed; ``memory`` the limit in bytes, 0 for none. ``variables`` are
    the names of its environment, ``folder`` is where its program begins, ``network``
    the mode of its network, ``joins`` the namespaces of other containers that it is
    in; ``outlives`` says which of them its owner, a service here, has left with a new
    start. ``pid`` is its process's on the engine's machine, 0 where
    it does not run. ``is_past`` says that nothing has come of it since the last `up`
    began. ``asker`` says why the container that finds out its health does not ask:
    empty where it does, None where there is none. ``compose`` is the version of Compose
    that has made it.
    """

    id: str
    name: str
    service: str
    number: int
    image: str
    status: Status
    health: str = "none"
    test: tuple[str, ...] = ()
    probes: tuple[Probe, ...] = ()
    exit_code: int = 0
    error: str = ""
    was_out_of_memory: bool = False
    created_at: float | None = None
    started_at: float | None = None
    finished_at: float | None = None
    restarts: int = 0
    published: tuple[Published, ...] = ()
    mounts: tuple[Mounted, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    is_read_only: bool = False
    drops_capabilities: bool = False
    memory: int = 0
    folder: str = ""
    network: str = ""
    joins: tuple[Joined, ...] = ()
    outlives: Joined | None = None
    pid: int = 0
    variables: tuple[str, ...] = ()
    search_path: str = ""
    is_past: bool = False
    asker: str | None = None
    image_id: str = ""
    compose: str = ""

    @property
    def is_running(self) -> bool:
        """Whether its process is there, paused or not."""
        return self.status in {Status.RUNNING, Status.PAUSED}

    @property
    def is_restarting(self) -> bool:
        """Whether it has exited and the engine is about to start it again."""
        return self.status is Status.RESTARTING

    @property
    def was_never_started(self) -> bool:
        """Whether there was no attempt to start it."""
        return self.is_past or (self.status is Status.CREATED and not self.error)

    def find_age(self, now: float) -> float:
        """For how many seconds it has run since its last start."""
        return max(0.0, now - (self.started_at or 0.0))


def read_container(data: Mapping[str, Any]) -> Container:
    """A container from what ``docker inspect`` says of it."""
    state, config, host = data["State"], data["Config"], data["HostConfig"]
    labels = config.get("Labels") or {}
    health = state.get("Health") or {}
    check = config.get("Healthcheck") or {}
    return Container(
        id=data["Id"],
        name=data["Name"].lstrip("/"),
        service=labels.get(f"{LABEL}service", ""),
        number=int(labels.get(f"{LABEL}container-number") or 1),
        image=config.get("Image", ""),
        status=Status(state["Status"]),
        health=health.get("Status") or "none",
        test=tuple(check.get("Test") or ()),
        probes=_read_probes(health, read_time(state.get("StartedAt"))),
        exit_code=int(state.get("ExitCode") or 0),
        error=state.get("Error") or "",
        was_out_of_memory=bool(state.get("OOMKilled")),
        created_at=read_time(data.get("Created")),
        started_at=read_time(state.get("StartedAt")),
        finished_at=read_time(state.get("FinishedAt")),
        restarts=int(data.get("RestartCount") or 0),
        published=_read_ports(data),
        mounts=tuple(_read_mount(each) for each in data.get("Mounts") or ()),
        command=_read_command(data),
        user=config.get("User") or "",
        is_read_only=bool(host.get("ReadonlyRootfs")),
        drops_capabilities="ALL" in (host.get("CapDrop") or ()),
        memory=int(host.get("Memory") or 0),
        folder=config.get("WorkingDir") or "",
        network=host.get("NetworkMode") or "",
        joins=read_joins(host),
        pid=int(state.get("Pid") or 0),
        variables=tuple(each.partition("=")[0] for each in config.get("Env") or ()),
        search_path=_find_search_path(config.get("Env") or ()),
        image_id=data.get("Image") or "",
        compose=labels.get(f"{LABEL}version", ""),
    )


def _read_command(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The program and its words, without the init that Podman names before it."""
    words = (data.get("Path") or "", *(data.get("Args") or ()))
    return words[2:] if words[:2] == _PODMAN_INIT else words


def _find_search_path(variables: Iterable[str]) -> str:
    """The PATH of a container, empty where its image names none."""
    found = (each.partition("=") for each in variables)
    return next((text for name, _, text in found if name == "PATH"), "")


@record
class Maker:
    """Who made containers of a project, as Compose has labelled them.

    ``folder`` is the project's folder, empty where no label says it; ``files`` the
    Compose files, ``-`` for standard input; ``services`` the containers' services.
    """

    folder: str
    files: tuple[str, ...] = ()
    services: tuple[str, ...] = ()


def read_makers(listed: Iterable[Mapping[str, Any]]) -> tuple[Maker, ...]:
    """The makers of containers that the engine lists, each once, by folder."""
    services: dict[tuple[str, str], list[str]] = {}
    for entry in listed:
        labels = entry.get("Labels") or {}
        folder = labels.get(f"{LABEL}project.working_dir") or ""
        files = labels.get(f"{LABEL}project.config_files") or ""
        service = labels.get(f"{LABEL}service") or ""
        services.setdefault((folder, files), []).append(service)
    return tuple(
        Maker(
            folder=folder,
            files=tuple(files.split(",")) if files else (),
            services=tuple(dict.fromkeys(sorted(names))),
        )
        for (folder, files), names in sorted(services.items())
    )


def _read_probes(health: Mapping[str, Any], started: float | None) -> tuple[Probe, ...]:
    """What the check said in this start: the engine keeps what it said before too."""
    return tuple(
        Probe(exit_code=int(each["ExitCode"]), output=each.get("Output") or "")
        for each in health.get("Log") or ()
        if (read_time(each.get("Start")) or _UNTOLD) >= (started or 0.0)
    )


def _read_ports(data: Mapping[str, Any]) -> tuple[Published, ...]:
    """The host's ports; before a start only what was asked for is known."""
    ports = (data.get("NetworkSettings") or {}).get("Ports") or {}
    asked = (data.get("HostConfig") or {}).get("PortBindings") or {}
    return tuple(
        Published(target=target, host=each.get("HostIp") or "0.0.0.0", port=int(number))
        for target, bindings in {**asked, **ports}.items()
        for each in bindings or ()
        if (number := each.get("HostPort"))
    )


def _read_mount(data: Mapping[str, Any]) -> Mounted:
    return Mounted(
        kind=data.get("Type", ""),
        name=data.get("Name", ""),
        source=data.get("Source", ""),
        target=data.get("Destination", ""),
        is_writable=bool(data.get("RW")),
    )


def read_time(text: str | None) -> float | None:
    """A time of the engine in seconds since 1970; None for one that never was."""
    if not text or text.startswith(_NEVER):
        return None
    return datetime.fromisoformat(_NANOSECONDS.sub(r"\1", text)).timestamp()


def format_time(moment: float | None) -> str | None:
    """A moment in UTC as ISO 8601 writes it."""
    if moment is None:
        return None
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


@record
class Folder:
    """A folder in a container: whose it is, its permissions, and if it is empty."""

    user: int
    group: int
    mode: int
    is_empty: bool

    def is_writable_by(self, user: str) -> bool | None:
        """Whether a user may write there, without capabilities; None: not known.

        ``user`` is written as ``docker inspect`` has it; empty is root.
        """
        name, _, group = user.partition(":")
        name = {"": "0", "root": "0"}.get(name, name)
        if not name.isdigit() or not (group or "0").isdigit():
            return None
        if int(name) == self.user:
            return bool(self.mode & 0o200)
        if int(group or "0") == self.group and (group or int(name) == 0):
            return bool(self.mode & 0o020)
        return bool(self.mode & 0o002)


def read_folder(archive: bytes) -> Folder:
    """A folder from the beginning of its archive. Raises LookupError for none."""
    import tarfile

    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r|") as entries:
            first = entries.next()
            if first is None or not first.isdir():
                raise LookupError("it is no folder")
            is_empty = entries.next() is None
    except tarfile.TarError as error:
        raise LookupError("its archive cannot be read") from error
    return Folder(user=first.uid, group=first.gid, mode=first.mode, is_empty=is_empty)


@record
class Volume:
    """A volume, its project, and when it was made, in seconds since 1970."""

    name: str
    created_at: float | None
    project: str = ""


@record
class ImageBuild:
    """An image that the engine has: its id and the ports that it exposes."""

    id: str
    exposed: tuple[str, ...] = ()


@record
class Machine:
    """An engine and the machine that it runs on; ``memory`` in bytes.

    ``is_podman`` says that it is Podman, which answers as a Docker engine does.
    """

    version: str
    api: str
    system: str
    is_rootless: bool
    root: str
    memory: int
    cpus: int
    is_podman: bool = False


def read_machine(version: Mapping[str, Any], info: Mapping[str, Any]) -> Machine:
    """An engine from what it says of its version and of its machine."""
    options = info.get("SecurityOptions") or []
    parts = version.get("Components") or []
    return Machine(
        version=str(version.get("Version", "")),
        api=str(version.get("ApiVersion", "")),
        system=str(info.get("OSType", "")),
        is_rootless=any("rootless" in option for option in options),
        root=str(info.get("DockerRootDir", "")),
        memory=int(info.get("MemTotal") or 0),
        cpus=int(info.get("NCPU") or 0),
        is_podman=any(each.get("Name") == _PODMAN for each in parts),
    )


@record
class Socket:
    """An address that a process in a container listens on."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only the container itself reaches it."""
        host = self.host.removeprefix("::ffff:")  # how Java writes an IPv4 address
        return host.startswith("127.") or host == "::1"

    @property
    def is_resolver(self) -> bool:
        """Whether it is the engine's own name server."""
        return self.host == "127.0.0.11"


def read_usage(service: str, data: Mapping[str, Any]) -> Usage:
    """What the engine counts for a container; memory without what it caches of files.

    One that has ended meanwhile has used nothing.
    """
    memory = data.get("memory_stats") or {}
    cached = (memory.get("stats") or {}).get("inactive_file", 0)
    networks = data.get("networks")
    nets = list((networks or {}).values())
    cpu = (data.get("cpu_stats") or {}).get("cpu_usage") or {}
    return Usage(
        service=service,
        cpu=cpu.get("total_usage", 0) / 1e9,
        memory=max(0, memory.get("usage", 0) - cached),
        received=None if networks is None else sum(n["rx_bytes"] for n in nets),
        sent=None if networks is None else sum(n["tx_bytes"] for n in nets),
    )
