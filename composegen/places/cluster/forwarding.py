"""Ports of this machine that lead to services of a cluster, held by kubectl."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator

from composegen.errors import ComposegenError
from composegen.health import HealthKind
from composegen.model import Service
from composegen.places.cluster.kubectl import Kubectl, list_complaints
from composegen.places.events import Message, Report
from composegen.planning.addressing import name_on_cluster
from composegen.planning.plan import Plan
from composegen.ports import Port
from composegen.records import record

_AGAIN = 1.0
_FROM = "Forwarding from "
_LOOPBACK = "127.0.0.1"


@record
class Forward:
    """A port that leads to a service; ``local`` is 0 for any that is free."""

    service: str
    object: str
    local: int
    target: int
    address: str = _LOOPBACK
    scheme: str = ""


def list_forwards(plan: Plan, fill: Callable[[str], str]) -> tuple[Forward, ...]:
    """What the services of a plan publish over TCP, on this machine alone.

    ``fill`` fills the variables of what is published. Raises MissingVariable.
    """
    return tuple(
        forward
        for step in plan.steps
        for port in step.service.publish
        if port.protocol == "tcp"
        for forward in _list_of(step.service, port, fill)
    )


def _list_of(
    service: Service, port: Port, fill: Callable[[str], str]
) -> Iterator[Forward]:
    health = service.health
    is_http = health is not None and health.kind is HealthKind.HTTP
    first, _, last = fill(port.published).partition("-")
    locals = range(int(first), int(last or first) + 1) if first else None
    for number, target in enumerate(port.targets):
        is_listed = locals is not None and number < len(locals)
        yield Forward(
            service=service.name,
            object=name_on_cluster(service.name),
            local=locals[number] if locals is not None and is_listed else 0,
            target=target,
            address=port.default_address if port.is_loopback else _LOOPBACK,
            scheme="http://" if is_http and target == service.port else "",
        )


class Forwarding:
    """Forwards ports until it is closed; one that is lost is forwarded again."""

    def __init__(self, kubectl: Kubectl, report: Report) -> None:
        self._kubectl = kubectl
        self._report = report
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closing = threading.Event()

    def start(self, forward: Forward) -> None:
        """Begin to forward a port."""
        threading.Thread(target=self._hold, args=(forward,), daemon=True).start()

    def close(self) -> None:
        """End all of it."""
        self._closing.set()
        with self._lock:
            for process in self._running:
                process.kill()

    def _hold(self, forward: Forward) -> None:
        said = ""
        while not self._closing.is_set():
            reason = self._run(forward)
            if self._closing.is_set():
                return
            if reason != said:
                said = reason
                text = f"its port is not forwarded, trying again: {reason}"
                self._report(Message(service=forward.service, text=text))
            time.sleep(_AGAIN)

    def _run(self, forward: Forward) -> str:
        """Forward until kubectl ends; what it said last."""
        try:
            process = self._begin(forward)
        except (OSError, ComposegenError) as error:
            return str(error)
        with self._lock:
            self._running.add(process)
            if self._closing.is_set():
                process.kill()
        lines: list[str] = []
        assert process.stdout is not None
        with process:
            for raw in process.stdout:
                line = raw.decode(errors="replace").rstrip()
                if line.startswith(_FROM):
                    self._see_open(forward, line)
                elif not line.startswith("Handling connection"):
                    lines = [*lines[-20:], line]
        with self._lock:
            self._running.discard(process)
        said = list_complaints("\n".join(lines))
        return said[-1] if said else "kubectl has ended"

    def _begin(self, forward: Forward) -> subprocess.Popen[bytes]:
        local = str(forward.local) if forward.local else ""
        return subprocess.Popen(
            self._kubectl.make_command(
                *("port-forward", f"service/{forward.object}"),
                *("--address", forward.address, f"{local}:{forward.target}"),
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(self._kubectl.environment),
            process_group=0,  # Ctrl-C is ours: it ends them one by one
        )

    def _see_open(self, forward: Forward, line: str) -> None:
        where = line.removeprefix(_FROM).partition(" ")[0]
        text = f"is forwarded: {forward.scheme}{where}"
        self._report(Message(service=forward.service, text=text))
