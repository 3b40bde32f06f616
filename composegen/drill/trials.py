"""Which faults are done to which services, and who is asked meanwhile."""

from __future__ import annotations

from collections.abc import Container, Iterable
from enum import StrEnum

from composegen.model import Service, Stack
from composegen.planning.needs import Needs
from composegen.records import record


class Fault(StrEnum):
    """What is done to a service."""

    STOP = "stop"
    KILL = "kill"
    FREEZE = "freeze"
    CUT = "cut"
    WITHOUT = "without"


@record
class Edge:
    """A dependent service that is asked while another one is disturbed.

    ``is_optional`` says that it can do without the other one by its declaration.
    """

    service: str
    is_optional: bool


@record
class Trial:
    """One fault, done to one service; ``direct`` are those that need it themselves."""

    service: str
    fault: Fault
    edges: tuple[Edge, ...]
    direct: tuple[str, ...]


@record
class Skipped:
    """A fault that is not done, or a dependent service that is not asked, and why."""

    service: str
    fault: Fault
    dependent: str
    reason: str


@record
class Chosen:
    """What a drill does, in its order, and what it does not do."""

    trials: tuple[Trial, ...]
    skipped: tuple[Skipped, ...]

    @property
    def asked(self) -> tuple[str, ...]:
        """The dependent services that are asked, each once."""
        names = (edge.service for trial in self.trials for edge in trial.edges)
        return tuple(dict.fromkeys(names))


@record
class Wish:
    """What was asked for: services by name, faults; none means all that are usual."""

    names: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()


def choose_trials(
    stack: Stack,
    running: Container[str],
    wish: Wish,
    impossible: Iterable[tuple[Fault, str]] = (),
) -> Chosen:
    """The faults for the services that run.

    ``impossible`` are faults that cannot be done where they run, each with a reason.
    """
    needs = Needs(stack)
    chooser = _Chooser(stack, needs, running, wish, dict(impossible))
    for name in stack.services:
        if name in running and (not wish.names or name in wish.names):
            chooser.add(name)
    return Chosen(trials=tuple(chooser.trials), skipped=tuple(chooser.skipped))


class _Chooser:
    def __init__(
        self,
        stack: Stack,
        needs: Needs,
        running: Container[str],
        wish: Wish,
        impossible: dict[Fault, str],
    ) -> None:
        self._stack = stack
        self._needs = needs
        self._running = running
        self._wish = wish
        self._impossible = impossible
        self.trials: list[Trial] = []
        self.skipped: list[Skipped] = []

    def add(self, name: str) -> None:
        """Choose the faults of one service."""
        service = self._stack.services[name]
        if service.job:
            return
        edges = self._list_edges(name)
        direct = tuple(n for n in self._needs.dependents[name] if n in self._running)
        for fault in self._list_faults(edges, direct):
            reason = self._find_obstacle(service, fault, direct)
            asked = []
            for edge in edges:
                why = reason or find_silence(self._stack.services[edge.service])
                if why:
                    self._skip(name, fault, edge.service, why)
                else:
                    asked.append(edge)
            if asked:
                self.trials.append(
                    Trial(service=name, fault=fault, edges=tuple(asked), direct=direct)
                )

    def _skip(self, name: str, fault: Fault, dependent: str, reason: str) -> None:
        self.skipped.append(
            Skipped(service=name, fault=fault, dependent=dependent, reason=reason)
        )

    def _list_edges(self, name: str) -> tuple[Edge, ...]:
        """Who needs it, and who asks something through those that do."""
        edges = []
        for other, service in self._stack.services.items():
            if other == name or other not in self._running or service.job:
                continue
            is_direct = name in self._needs.all[other]
            asks = service.drill.ask is not None
            if not is_direct and not (asks and name in self._needs.close([other])):
                continue
            required = self._needs.close_required([other])
            edges.append(Edge(service=other, is_optional=name not in required))
        return tuple(edges)

    def _list_faults(
        self, edges: tuple[Edge, ...], direct: tuple[str, ...]
    ) -> list[Fault]:
        if not direct:
            return []
        is_optional = any(each.is_optional for each in edges if each.service in direct)
        usual = list(Fault) if is_optional else [Fault.KILL]
        wanted = self._wish.faults
        return [fault for fault in usual if not wanted or fault in wanted]

    def _find_obstacle(
        self, service: Service, fault: Fault, direct: tuple[str, ...]
    ) -> str:
        """Why a fault is not done to a service; empty where it is."""
        if service.drill.skip is not None:
            return service.drill.skip
        is_named = fault in self._wish.faults
        if fault is Fault.KILL and service.is_store and not is_named:
            return "a data store is killed only with --faults kill"
        if fault is Fault.WITHOUT:
            strict = [n for n in direct if service.name in self._needs.required[n]]
            if strict:
                return f"{strict[0]} requires it"
        return self._impossible.get(fault, "")


def find_silence(service: Service) -> str:
    """Why a service cannot be asked; empty where it can."""
    drill, health = service.drill, service.health
    if drill.skip is not None:
        return f"{service.name} is not asked: {drill.skip}"
    if drill.ask is None and (health is None or not health.can_be_asked):
        return f"{service.name} has no health check and no `drill`"
    return ""
