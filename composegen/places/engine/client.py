"""The Docker engine, watched: over a socket of this machine, or over the docker SDK.

Nothing is changed here: Compose does what is to be done, and ``faults`` what a drill
does.
"""

from __future__ import annotations

import posixpath
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self, TypeVar

from composegen.places.engine.api import NOT_FOUND, Late, Refused
from composegen.places.engine.asking import make_question, read_answers
from composegen.places.engine.containers import (
    Container,
    Folder,
    ImageBuild,
    Machine,
    Maker,
    Socket,
    Volume,
    read_container,
    read_folder,
    read_machine,
    read_makers,
    read_time,
    read_usage,
)
from composegen.places.engine.endpoint import (
    DEFAULT,
    Endpoint,
    read_headers,
)
from composegen.places.engine.happened import Happened, read_happened
from composegen.places.engine.local import LocalApi
from composegen.places.engine.registry import Offer, read_refusal
from composegen.places.engine.unreachable import catch_silence
from composegen.places.engine.watching import Watch
from composegen.places.place import Usage
from composegen.system.listeners import parse_table, read_tables

_PROJECT = "com.docker.compose.project"
_SERVICE = "com.docker.compose.service"
_ONE_OFF = "com.docker.compose.oneoff"
_TIMEOUT = 60
_REGISTRY_TIMEOUT = 8
_WATCHED = ["create", "start", "die", "oom", "kill", "destroy", "health_status"]
_TABLES = ["/proc/net/tcp", "/proc/net/tcp6"]
_MOST_LOG = 256 * 1024
_FEW_ENTRIES = 16 * 1024

Seen = TypeVar("Seen")


class Engine:
    """One engine, reached over one endpoint.

    Every method raises EngineUnreachable when the engine does not answer.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._machine: Machine | None = None
        with catch_silence(endpoint):
            self._api = _connect(endpoint)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._api.close()

    def _ask(self, question: Callable[[], Seen]) -> Seen:
        with catch_silence(self.endpoint):
            return question()

    def _find(self, question: Callable[[], Seen]) -> Seen | None:
        """What is asked for; None where there is none, or can be none of that name."""
        with catch_silence(self.endpoint):
            try:
                return question()
            except Refused as error:
                if error.is_client_error:
                    return None
                raise

    def _try(self, question: Callable[[], Seen]) -> Seen | None:
        """What is asked for; None where the engine answers that it cannot be had."""
        with catch_silence(self.endpoint):
            try:
                return question()
            except Refused:
                return None

    def ask_api(
        self, method: str, path: str, /, *, data: Any = None, **params: str
    ) -> Any:
        """The response to a request that the SDK has no call for; it may refuse.

        ``data`` is sent as JSON.
        """
        url, limit = f"{self._api.base_url}/v{self._api.api_version}", _TIMEOUT
        ask = self._api.request
        return self._ask(
            lambda: ask(method, url + path, params=params, json=data, timeout=limit)
        )

    def describe(self) -> Machine:
        """The engine's version, and the machine that it runs on; it is asked once."""
        if self._machine is None:
            version, info = self._ask(self._api.version), self._ask(self._api.info)
            self._machine = read_machine(version, info)
        return self._machine

    def run_check(self, id: str) -> None:
        """Let Podman run the health check of a container, which Docker does itself."""
        self.ask_api("GET", f"/libpod/containers/{id}/healthcheck")

    def list_containers(self, project: str) -> tuple[Container, ...]:
        """The containers of a Compose project, running or not, by service and number.

        Those that ``docker compose run`` made for one command are excluded.
        """
        labels = [f"{_PROJECT}={project}", f"{_ONE_OFF}=False"]
        listed = self._ask(
            lambda: self._api.containers(all=True, filters={"label": labels})
        )
        found = [self.find_container(entry["Id"]) for entry in listed]
        return tuple(
            sorted(
                (container for container in found if container is not None),
                key=lambda container: (container.service, container.number),
            )
        )

    def measure(self, project: str) -> tuple[Usage, ...]:
        """What each running container of a project has used since it started."""
        filters = {"label": f"{_PROJECT}={project}"}
        listed = self._ask(lambda: self._api.containers(filters=filters))
        found = []
        for entry in listed:
            data = self._read_stats(entry["Id"])
            if data is not None:
                found.append(read_usage(entry["Labels"][_SERVICE], data))
        return tuple(found)

    def _read_stats(self, id: str) -> Any:
        return self._find(lambda: self._api.stats(id, stream=False, one_shot=True))

    def list_makers(self, project: str) -> tuple[Maker, ...]:
        """Who made the containers of a project, those of one command included."""
        filters = {"label": f"{_PROJECT}={project}"}
        return read_makers(
            self._ask(lambda: self._api.containers(all=True, filters=filters))
        )

    def has_any(self, project: str) -> bool:
        """Whether a project has a container of any kind, or a network."""
        filters = {"label": f"{_PROJECT}={project}"}
        return any(
            self._ask(lambda: self._api.containers(all=True, filters=filters))
        ) or any(self._ask(lambda: self._api.networks(filters=filters)))

    @property
    def is_here(self) -> bool:
        """Whether it is reached by a socket of this machine, whose folders it knows."""
        host, context = self.endpoint.host, self.endpoint.context
        if context and context != DEFAULT:
            from composegen.places.engine.sdk import find_host

            host = find_host(context)
        return not host or host.startswith(("unix://", "npipe://"))

    def find_container(self, id: str) -> Container | None:
        """One container; None where it has gone."""
        data = self._find(lambda: self._api.inspect_container(id))
        return None if data is None else read_container(data)

    def find_publisher(self, port: int) -> str:
        """The name of the container that has published a port; empty for none."""
        listed = self._ask(lambda: self._api.containers(filters={"publish": str(port)}))
        return next((entry["Names"][0].lstrip("/") for entry in listed), "")

    def watch(self, project: str) -> Watch:
        """Watch what happens to a project's containers from now on."""
        filters = {
            "type": "container",
            "label": f"{_PROJECT}={project}",
            "event": _WATCHED,
        }
        return Watch(self._ask(lambda: self._api.events(filters=filters, decode=True)))

    def read_clock(self) -> float:
        """The time on the engine's clock, in seconds since 1970."""
        answered = self._ask(self._api.info).get("SystemTime")
        return read_time(answered) or time.time()

    def list_past(self, id: str, since: float) -> list[Happened]:
        """What happened to a container since a time on the engine's clock.

        The engine keeps 256 events of all its containers, and each run of a health
        check is three of them.
        """
        filters = {"type": "container", "container": id, "event": _WATCHED}

        def read() -> list[Any]:
            # An engine would wait for the end of a time that is not over by its clock.
            events = self._api.events(
                since=since, until=self.read_clock(), filters=filters, decode=True
            )
            return list(events)

        found = (read_happened(data) for data in self._ask(read))
        return [happened for happened in found if happened is not None]

    def read_logs(self, id: str, count: int, since: float) -> tuple[str, ...]:
        """The last lines that a container wrote since a time on the engine's clock.

        Empty where its log cannot be read.
        """

        def read() -> bytes:
            data: bytes = self._api.logs(
                id, stdout=True, stderr=True, tail=count, since=since or None
            )
            return data

        data = self._try(read) or b""
        lines = data[-_MOST_LOG:].decode("utf-8", errors="replace").splitlines()
        return tuple(lines[-count:])

    def list_sockets(self, container: Container) -> tuple[Socket, ...] | None:
        """What listens in a running container; None where this cannot be seen.

        The kernel's table is read where it is on this machine, else with the image's
        own `cat`.
        """
        out = read_tables(container.id, container.pid)
        if out is None:
            out = self._run_inside(container.id, ["cat", *_TABLES])
        if out is None:
            return None
        listed = parse_table(out.splitlines()).values()
        found = (Socket(host=host, port=port) for host, port in listed)
        return tuple(socket for socket in found if not socket.is_resolver)

    def ask_paths(
        self, id: str, tools: Iterable[str], port: int, paths: Sequence[str], host: str
    ) -> dict[str, int]:
        """The status that paths answer with in a container, as far as one asks."""
        command = make_question(tools, port, paths, host=host)
        out = None if command is None else self._run_inside(id, command)
        return read_answers(out or "")

    def find_folder(self, id: str, path: str) -> Folder | None:
        """A folder in a container as the image has it; None where there is none.

        Raises LookupError where the engine does not know, and where it is no folder.
        """
        with catch_silence(self.endpoint):
            try:
                stream, _ = self._api.get_archive(id, path, chunk_size=_FEW_ENTRIES)
            except Refused as error:
                if error.status == NOT_FOUND:
                    return None
                raise LookupError(path) from error
            try:
                return read_folder(next(stream, b""))
            finally:
                stream.close()

    def find_programs(self, id: str, names: Iterable[str]) -> tuple[str, ...] | None:
        """Which programs a running container has; None where it has no shell to ask."""
        look = f"for name in {' '.join(names)}; do command -v $name; done; echo end"
        out = self._run_inside(id, ["sh", "-c", look])
        if out is None or not out.endswith("end\n"):
            return None
        return tuple(posixpath.basename(line) for line in out.splitlines()[:-1])

    def has_content(self, id: str, path: str) -> bool:
        """Whether a running container has a file that is not empty."""
        return self._run_inside(id, ["test", "-s", path]) is not None

    def _run_inside(self, id: str, command: list[str]) -> str | None:
        def execute() -> tuple[bytes, int]:
            made = self._api.exec_create(id, command)
            out = self._api.exec_start(made["Id"])
            return out, self._api.exec_inspect(made["Id"])["ExitCode"]

        executed = self._try(execute)
        if executed is None:
            return None
        out, code = executed
        # A table that is not there (no IPv6) makes cat fail after the other one.
        text = out.decode("utf-8", errors="replace")
        return text if code == 0 or "local_address" in text else None

    def find_volume(self, name: str) -> Volume | None:
        """A volume; None where there is none."""
        data = self._find(lambda: self._api.inspect_volume(name))
        if data is None:
            return None
        return Volume(
            name=data["Name"],
            created_at=read_time(data.get("CreatedAt")),
            project=(data.get("Labels") or {}).get(_PROJECT, ""),
        )

    def list_users(self, volume: str) -> tuple[Maker, ...]:
        """Who made the containers that mount a volume, of any project."""
        return read_makers(
            self._ask(
                lambda: self._api.containers(all=True, filters={"volume": volume})
            )
        )

    def list_volumes(self, project: str) -> tuple[str, ...]:
        """The names of a project's volumes."""
        filters = {"label": f"{_PROJECT}={project}"}
        data = self._ask(lambda: self._api.volumes(filters=filters))
        return tuple(sorted(volume["Name"] for volume in data.get("Volumes") or ()))

    def find_image(self, name: str) -> ImageBuild | None:
        """An image; None where the engine has none of that name."""
        data = self._find(lambda: self._api.inspect_image(name))
        if data is None:
            return None
        config: Mapping[str, Any] = data.get("Config") or {}
        return ImageBuild(
            id=data["Id"], exposed=tuple(sorted(config.get("ExposedPorts") or ()))
        )

    def find_digest(self, name: str) -> str:
        """The digest under which an image was pushed; empty where it was not."""
        data = self._find(lambda: self._api.inspect_image(name)) or {}
        bare, colon, tag = name.rpartition(":")
        repository = bare if colon and "/" not in tag else name
        found = (each.rpartition("@") for each in data.get("RepoDigests") or ())
        return next((digest for of, _, digest in found if of == repository), "")

    def ask_registry(self, name: str) -> Offer:
        """Whether the registry of an image offers it; the engine asks it.

        It may be called from several threads: each has a connection of its own.
        """
        with catch_silence(self.endpoint):
            from composegen.places.engine.sdk import SdkApi  # it knows the passwords

            api = SdkApi(self.endpoint, _REGISTRY_TIMEOUT)
            try:
                api.inspect_distribution(name)
            except Refused as error:
                return read_refusal(error.explanation)
            except Late:
                return Offer(is_there=None, words="its registry does not answer")
            finally:
                api.close()
        return Offer(is_there=True)


def _connect(endpoint: Endpoint) -> Any:
    """The API over a socket of this machine where it can be, else over the SDK."""
    if endpoint.socket:
        return LocalApi(endpoint.socket, read_headers(endpoint), _TIMEOUT)
    from composegen.places.engine.sdk import SdkApi

    return SdkApi(endpoint, _TIMEOUT)
