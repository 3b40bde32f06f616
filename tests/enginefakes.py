"""An engine that knows what it is told, and containers as it would describe them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from composegen.places.engine.causes import find_cause
from composegen.places.engine.containers import (
    Container,
    Folder,
    Machine,
    Maker,
    Socket,
    Status,
    Volume,
)
from composegen.places.engine.evidence import Evidence
from composegen.places.engine.happened import Action, Happened
from composegen.places.engine.notes import NotedService, Notes
from composegen.places.noted import NotedNeed


def make_noted(name: str, *needs: str, **values: Any) -> NotedService:
    """A service that is asked for its health; a need that ends in ``?`` is optional."""
    noted = tuple(
        NotedNeed(service=need.rstrip("?"), is_optional=need.endswith("?"))
        for need in needs
    )
    return NotedService(
        **{"name": name, "is_required": True, "boot": 30.0, "needs": noted, **values}
    )


def make_notes(*services: NotedService, **values: Any) -> Notes:
    return Notes(
        **{
            "project": "demo",
            "host": "",
            "context": "default",
            "file": "stack.yaml",
            "services": services,
            **values,
        }
    )


def make_machine(**values: Any) -> Machine:
    """A machine with an engine that everything fits on."""
    return Machine(
        **{
            "version": "26.1.5",
            "api": "1.45",
            "system": "linux",
            "is_rootless": False,
            "root": "/var/lib/docker",
            "memory": 8 << 30,
            "cpus": 4,
            **values,
        }
    )


def make_container(service: str, **values: Any) -> Container:
    """A container that runs and is healthy, but for what is said otherwise."""
    return Container(
        **{
            "id": f"id-{service}",
            "name": f"demo-{service}-1",
            "service": service,
            "number": 1,
            "image": "image:1",
            "status": Status.RUNNING,
            "health": "healthy",
            "test": ("CMD", "ask"),
            "started_at": 100.0,
            "created_at": 99.0,
            **values,
        }
    )


def happen(service: str, action: Action, **values: Any) -> Happened:
    return Happened(
        **{
            "id": f"id-{service}",
            "service": service,
            "action": action,
            "at": 0.0,
            **values,
        }
    )


@dataclass
class FakeEngine:
    """Answers from what it was made of."""

    containers: list[Container] = field(default_factory=list)
    past: dict[str, list[Happened]] = field(default_factory=dict)
    logs: dict[str, list[str]] = field(default_factory=dict)
    sockets: dict[str, list[Socket]] = field(default_factory=dict)
    volumes: dict[str, Volume] = field(default_factory=dict)
    publishers: dict[int, str] = field(default_factory=dict)
    makers: list[Maker] = field(default_factory=list)
    is_here: bool = True
    programs: dict[str, list[str]] = field(default_factory=dict)
    answers: dict[str, dict[str, int]] = field(default_factory=dict)
    folders: dict[str, dict[str, Folder | None]] = field(default_factory=dict)
    machine: Machine = field(default_factory=make_machine)
    asked_since: dict[str, float] = field(default_factory=dict)
    now: float = 110.0

    def read_clock(self) -> float:
        return self.now

    def describe(self) -> Machine:
        return self.machine

    def list_containers(self, project: str) -> tuple[Container, ...]:
        return tuple(self.containers) if project == "demo" else ()

    def list_past(self, id: str, since: float) -> list[Happened]:
        return [each for each in self.past.get(id, []) if since <= each.time]

    def read_logs(self, id: str, count: int, since: float) -> tuple[str, ...]:
        self.asked_since[id] = since
        return tuple(self.logs.get(id, []))[-count:]

    def list_sockets(self, container: Container) -> tuple[Socket, ...] | None:
        found = self.sockets.get(container.id)
        return None if found is None else tuple(found)

    def ask_paths(
        self, id: str, tools: Iterable[str], port: int, paths: Iterable[str], host: str
    ) -> dict[str, int]:
        found = self.answers.get(id, {}) if list(tools) else {}
        return {path: found[path] for path in paths if path in found}

    def find_folder(self, id: str, path: str) -> Folder | None:
        return self.folders.get(id, {}).get(path)

    def find_programs(self, id: str, names: Iterable[str]) -> tuple[str, ...] | None:
        found = self.programs.get(id)
        return None if found is None else tuple(n for n in names if n in found)

    def list_makers(self, project: str) -> tuple[Maker, ...]:
        return tuple(self.makers)

    def list_users(self, volume: str) -> tuple[Maker, ...]:
        return tuple(self.makers)

    def list_volumes(self, project: str) -> tuple[str, ...]:
        return tuple(sorted(self.volumes))

    def find_volume(self, name: str) -> Volume | None:
        return self.volumes.get(name)

    def find_publisher(self, port: int) -> str:
        return self.publishers.get(port, "")


def see_web(*lines, needs=(), evidence=None, noted=None, **values):
    """What is behind a service `web` that wrote these lines and is not up."""
    cause = find_web(*lines, needs=needs, evidence=evidence, noted=noted, **values)
    return cause.text, cause.help


def find_web(*lines, needs=(), evidence=None, noted=None, **values):
    """The same as a cause."""
    container = make_container("web", **{"health": "starting", **values})
    port = {"port": 8000, "says_port": True}
    return find_cause(
        Evidence(
            noted=make_noted("web", *needs, **{**port, **(noted or {})}),
            container=container,
            lines=lines,
            **{"age": 100.0, **(evidence or {})},
        )
    )


def see_web_dead(*lines, code=1, **values):
    """The same of one that has died."""
    return see_web(*lines, status=Status.EXITED, exit_code=code, **values)
