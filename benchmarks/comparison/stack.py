"""The compared stack as data, and as the file of each tool."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

IMAGE = "python:3.12-slim"
BASE = 25100
BOOT = 30
PROGRAM = "/app/service.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service: what it needs by name, and how long it takes to boot."""

    name: str
    port: int = 0
    boot: float = 0.3
    needs: tuple[str, ...] = ()
    is_optional: bool = False
    is_published: bool = False
    limit: float = BOOT
    words: tuple[str, ...] = ()
    image: str = IMAGE
    command: tuple[str, ...] = ()
    variable: str = ""
    memory: str = ""
    listens: int = 0
    patience: float = 0.0

    @property
    def is_job(self) -> bool:
        """Whether it runs to its end."""
        return not self.port


@dataclass(frozen=True, slots=True)
class Stack:
    """Services by name, in the order in which they are written."""

    services: tuple[Service, ...]

    def find(self, name: str) -> Service:
        """The service of a name."""
        return next(each for each in self.services if each.name == name)

    def change(self, name: str, **changes: Any) -> Stack:
        """The same stack with one service that differs."""
        return Stack(
            tuple(
                replace(each, **changes) if each.name == name else each
                for each in self.services
            )
        )

    def list_edges(self) -> list[tuple[str, str]]:
        """Each service with each one that it needs."""
        return [(each.name, need) for each in self.services for need in each.needs]


def _make(*services: Service) -> Stack:
    return Stack(services)


TEN = _make(
    Service(name="db", port=BASE),
    Service(name="cache", port=BASE + 1, is_optional=True),
    Service(name="migrate", boot=0.5, needs=("db",)),
    Service(name="model", port=BASE + 2, boot=4.0),
    Service(name="auth", port=BASE + 3, needs=("db", "migrate")),
    Service(name="catalog", port=BASE + 4, needs=("db", "migrate", "cache")),
    Service(name="search", port=BASE + 5, needs=("catalog",)),
    Service(name="router", port=BASE + 6, needs=("model", "cache")),
    Service(name="backend", port=BASE + 7, needs=("auth", "catalog", "router")),
    Service(name="web", port=BASE + 8, needs=("backend", "search"), is_published=True),
)
"""Ten services: an optional one, a job, and one that boots for four seconds."""

THREE = _make(
    Service(name="db", port=BASE),
    Service(name="api", port=BASE + 1, needs=("db",), limit=6, patience=5),
    Service(name="web", port=BASE + 2, needs=("api",), is_published=True, patience=5),
)
"""Three services in a row, of which the second one is given the faults.

They go on trying to connect for five seconds, so that tools without gates are not
judged by what a missing gate does.
"""


def write_words(stack: Stack, service: Service, *, contained: bool) -> list[str]:
    """The command of a service, in a container or as a process."""
    if service.command:
        return list(service.command)
    program = PROGRAM if contained else str(Path(__file__).with_name("service.py"))
    needs = [
        f"{need.name}:{need.name if contained else '127.0.0.1'}:{need.port}"
        for need in map(stack.find, service.needs)
        if need.port and not need.is_optional
    ]
    words = ["python3", "-u", program, service.name, "--boot", str(service.boot)]
    if not service.is_job:
        words += ["--port", str(service.listens or service.port)]
    if needs:
        words += ["--needs", ",".join(needs), "--patience", str(service.patience)]
    return [*words, *service.words]


def write_compose(stack: Stack) -> str:
    """A Compose file as one who knows Compose writes it, with gates that wait."""
    services = {each.name: _write_composed(stack, each) for each in stack.services}
    return yaml.safe_dump({"services": services}, sort_keys=False)


def _write_composed(stack: Stack, service: Service) -> dict[str, Any]:
    made: dict[str, Any] = {
        "image": service.image,
        "init": True,
        "command": write_words(stack, service, contained=True),
        "environment": _write_environment(service, "/journal"),
        "volumes": ["./app:/app:ro", "./journal:/journal"],
        "restart": "no" if service.is_job else "unless-stopped",
        "stop_grace_period": "1s",
    }
    if service.memory:
        made["mem_limit"] = service.memory
    if service.is_published:
        made["ports"] = [f"127.0.0.1:{service.port}:{service.port}"]
    if not service.is_job:
        made["healthcheck"] = {
            "test": ["CMD", "python3", "-c", _write_probe(service.port)],
            "interval": "10s",
            "timeout": "2s",
            "retries": 3,
            "start_period": f"{service.limit:g}s",
            "start_interval": "300ms",
        }
    if service.needs:
        made["depends_on"] = {
            need: _write_condition(stack.find(need)) for need in service.needs
        }
    return made


def _write_condition(need: Service) -> dict[str, Any]:
    if need.is_job:
        return {"condition": "service_completed_successfully"}
    condition: dict[str, Any] = {"condition": "service_healthy"}
    return condition | ({"required": False} if need.is_optional else {})


def _write_probe(port: int) -> str:
    return (
        "import sys,urllib.request as u;"
        f"sys.exit(u.urlopen('http://127.0.0.1:{port}/health',timeout=2).status!=200)"
    )


def _write_environment(service: Service, journal: str) -> dict[str, str]:
    made = {"JOURNAL": journal}
    if service.variable:
        made["TOKEN"] = service.variable
    return made


def write_stack(stack: Stack, name: str, folder: Path) -> str:
    """The stack file of composegen, for containers and processes alike."""
    services: dict[str, Any] = {}
    for each in stack.services:
        made: dict[str, Any] = {
            "image": each.image,
            "command": write_words(stack, each, contained=True),
            "environment": {"JOURNAL": "/journal"},
            "volumes": ["./app:/app:ro", "./journal:/journal"],
            "stop_grace_period": "1s",
            "local": {
                "command": write_words(stack, each, contained=False),
                "env": {"JOURNAL": str(folder / "journal")},
            },
        }
        if each.variable:
            made["environment"]["TOKEN"] = each.variable
        if each.memory:
            made["resources"] = {"memory": each.memory}
        if each.is_job:
            made["job"] = True
        else:
            made["port"] = each.port
            made["health"] = {"http": "/health", "boot": f"{each.limit:g}s"}
        if each.is_published:
            made["publish"] = each.port
        if each.needs:
            made["needs"] = {need: _write_need(stack.find(need)) for need in each.needs}
        services[each.name] = made
    return yaml.safe_dump({"name": name, "services": services}, sort_keys=False)


def _write_need(need: Service) -> Any:
    return {"otherwise": {}} if need.is_optional else {}


def write_procfile(stack: Stack) -> str:
    """honcho's file: a command for each service."""
    return "".join(
        f"{each.name}: {shlex.join(write_words(stack, each, contained=False))}\n"
        for each in stack.services
    )


def write_supervisor(stack: Stack, folder: Path) -> str:
    """supervisor's file; `priority` is the only order that it has."""
    head = (
        f"[supervisord]\nnodaemon=true\nuser=root\nlogfile={folder}/supervisord.log\n"
        f"pidfile={folder}/supervisord.pid\nchildlogdir={folder}\n"
        f"environment=JOURNAL={folder}/journal\n"
        f"[unix_http_server]\nfile={folder}/s.sock\n"
        "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = "
        "supervisor.rpcinterface:make_main_rpcinterface\n"
        f"[supervisorctl]\nserverurl=unix://{folder}/s.sock\n"
    )
    return head + "".join(_write_programs(stack, stack.services))


def _write_programs(stack: Stack, services: Iterable[Service]) -> Iterable[str]:
    for number, each in enumerate(services, 1):
        command = shlex.join(write_words(stack, each, contained=False))
        restart = "false" if each.is_job else "true"
        seconds = 0 if each.is_job else 1
        yield (
            f"[program:{each.name}]\ncommand={command}\npriority={number}\n"
            f"autorestart={restart}\nstartsecs={seconds}\nstopwaitsecs=1\n"
            "redirect_stderr=true\nstdout_logfile=/dev/fd/1\n"
            "stdout_logfile_maxbytes=0\n"
        )
