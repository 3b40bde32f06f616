"""What a stack's services become on this machine, settled before the plan is made.

An optional service that has no way to run here is excluded, and its fallback is used; a
store that must be there runs in Docker; for anything else there is an error with its
help.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from composegen.errors import CannotRun, UsageError
from composegen.health import HealthKind
from composegen.model import Service, Stack
from composegen.needs import Condition
from composegen.oserrors import describe_closed, find_closed
from composegen.paths import is_folder
from composegen.places.place import check_services
from composegen.places.processes.environment import (
    LocalAddressing,
    Surroundings,
    find_folder,
    find_path,
    find_program,
    suggest_access,
)
from composegen.places.processes.ports import fill_stack, move_ports
from composegen.places.status import ALIVE_FOR
from composegen.planning.choices import choose_named, settle_choices
from composegen.planning.exclusion import require
from composegen.planning.fallbacks import list_excluded
from composegen.planning.needs import Needs
from composegen.planning.plan import Plan, Step, make_plan
from composegen.planning.selection import Selection, expand_groups
from composegen.records import field, record, replace


class Way(StrEnum):
    """How a service runs here."""

    PROCESS = "process"
    DOCKER = "docker"
    FOUND = "found"
    COMMAND = "command"
    OWNER = "owner"


@record
class Asked:
    """What was asked for: services by name, a command in place of one, what to reuse.

    With ``needed_only`` the named one is the caller, which is already running.
    """

    selection: Selection = field(default_factory=Selection)
    names: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    reuse: bool = False
    needed_only: bool = False


class Machine(Protocol):
    """What this machine offers."""

    def has_engine(self) -> bool:
        """Whether a Docker engine answers."""
        ...

    def is_listening(self, port: int) -> bool:
        """Whether a process listens on a port."""
        ...

    def find_stranger(self, service: Service, around: Surroundings) -> str:
        """Who has a service's port and must not be taken for it; empty: no process."""
        ...


@record
class LocalPlan:
    """The plan of a run on this machine; ``ways`` say how each service runs.

    ``written`` holds the services with the ports that they have in containers.
    """

    plan: Plan
    written: Mapping[str, Service]
    ways: Mapping[str, Way]
    asked: Asked
    notes: tuple[str, ...] = ()


def settle_plan(
    stack: Stack, asked: Asked, around: Surroundings, machine: Machine
) -> LocalPlan:
    """The plan of what can run here. Raises CannotRun, UsageError, SelectionError."""
    selection, names = choose_named(stack, asked.selection, asked.names)
    settled = settle_choices(stack, selection)
    asked = replace(
        asked, selection=expand_groups(settled.stack, settled.selection), names=names
    )
    small = restrict_stack(settled.stack, asked.names)
    for name in asked.names:
        if name in asked.selection.removed:
            raise UsageError(f"`{name}` is selected, and excluded with --without")
    added = tuple(
        dict.fromkeys(
            [
                *(name for name in asked.selection.added if name in small.services),
                *(name for name in asked.names if name in small.services),
            ]
        )
    )
    removed = tuple(n for n in asked.selection.removed if n in small.services)
    filled, refused = fill_stack(small, around)
    local = move_ports(small, filled)
    selection = Selection(added=added, removed=removed)
    settler = _Settler(
        local, asked, around, machine, refused, {} if names else settled.unchosen
    )
    return settler.settle(selection, filled.services)


def restrict_stack(stack: Stack, names: tuple[str, ...]) -> Stack:
    """The stack's services that are named, with all they need. Raises UsageError."""
    check_services(names, stack.services)
    if not names:
        return stack
    wanted = Needs(stack).close(names)
    kept = {name: each for name, each in stack.services.items() if name in wanted}
    return replace(stack, services=kept)


# Ways


class _Settler:
    """Excludes what cannot run here, until all that remains can."""

    def __init__(
        self,
        stack: Stack,
        asked: Asked,
        around: Surroundings,
        machine: Machine,
        refused: Mapping[str, CannotRun],
        unchosen: Mapping[str, str],
    ) -> None:
        self.stack = stack
        self.unchosen = unchosen
        self.refused = refused
        self.asked = asked
        self.around = around
        self.machine = machine
        self.reasons: dict[str, str] = {}
        self.insisted = frozenset(asked.selection.added) | frozenset(asked.names)

    def settle(self, selection: Selection, written: Mapping[str, Service]) -> LocalPlan:
        """The plan of what can run, with the services as they were written."""
        addressing = LocalAddressing(self.around.folder, self.stack.secrets)
        while True:
            plan = make_plan(self.stack, selection, addressing=addressing)
            ways: dict[str, Way] = {}
            out: list[str] = []
            for step in plan.steps:
                way = self._find_way(step)
                if way is None:
                    out.append(step.name)
                else:
                    ways[step.name] = way
            if not out:
                break
            removed = self._close_over(out, plan)
            selection = replace(selection, removed=(*selection.removed, *removed))
        self._check_ports(plan)
        insisted = self.insisted.intersection(plan.names)
        return LocalPlan(
            written=written,
            plan=_limit_waits(require(self._say_why(plan), insisted)),
            ways=ways,
            asked=self.asked,
            notes=tuple(self._list_notes(plan, ways)),
        )

    def _check_command(self, service: Service) -> None:
        """Before what it needs is brought up for it. Raises CannotRun."""
        word = self.asked.command[0]
        path = find_path(service, self.around)
        program, obstacle = find_program(word, Path.cwd(), path)
        if program is None:
            raise CannotRun(
                f"the command after `--` for `{service.name}` cannot run: {obstacle}",
                help=suggest_access(word, Path.cwd(), path)
                or "correct the command after `--`, or install it",
            )

    def _find_stranger(self, step: Step) -> str:
        """Which process keeps an optional service from its port; empty if none does.

        Its dependent services would be given the address, and use what is not ours.
        Raises CannotRun where the service was insisted on.
        """
        if step.is_required or self.asked.reuse:
            return ""
        who = self.machine.find_stranger(step.service, self.around)
        if not who:
            return ""
        obstacle = f"port {step.service.port} belongs to another program: {who}"
        if step.name in self.insisted:
            raise CannotRun(
                f"`{step.name}` cannot run here: {obstacle}",
                help="use it with --reuse, or end it",
            )
        return f"{obstacle} (--reuse would use it)"

    def _close_over(self, out: list[str], plan: Plan) -> list[str]:
        """What cannot run, and what could not run without it."""
        closed = list(out)
        for step in plan.steps:
            lost = [
                gate.service
                for gate in step.gates
                if gate.service in closed and not gate.is_optional
            ]
            if lost and step.name not in closed:
                self.reasons[step.name] = f"cannot run without `{lost[0]}`"
                closed.append(step.name)
        return closed

    def _find_way(self, step: Step) -> Way | None:
        """How it runs; None excludes it. Raises CannotRun."""
        service = step.service
        if step.name in self.asked.names[:1]:
            if self.asked.needed_only:
                return Way.OWNER
            if self.asked.command:
                self._check_command(service)
                return Way.COMMAND
        obstacle = find_obstacle(service, self.around)
        must = step.is_required or step.name in self.insisted
        if must or not obstacle:
            obstacle = self._find_stranger(step) or obstacle
        if not obstacle:
            return Way.PROCESS
        port = service.port
        if self.asked.reuse and port is not None and self.machine.is_listening(port):
            return Way.FOUND
        if must and service.is_store and service.image and self.machine.has_engine():
            return Way.DOCKER
        if must:
            raise CannotRun(
                f"`{step.name}` cannot run here: {obstacle}",
                help=suggest_way(service, self.around),
            )
        self.reasons[step.name] = f"cannot run here: {obstacle}"
        return None

    def _check_ports(self, plan: Plan) -> None:
        taken: dict[int, str] = {}
        for step in plan.steps:
            if step.name in self.refused:
                raise self.refused[step.name]
            port = step.service.port
            if port is None:
                continue
            if port in taken:
                raise CannotRun(
                    f"`{taken[port]}` and `{step.name}` would both listen on {port}",
                    help=f"give `{step.name}` another port for a local run:\n"
                    f"local: {{port: {port + 1}}}",
                )
            taken[port] = step.name

    def _say_why(self, plan: Plan) -> Plan:
        excluded = tuple(
            replace(each, reason=self.reasons.get(each.service, each.reason))
            for each in plan.excluded
        )
        services = self.stack.services
        removed = tuple(
            services[name].host_name
            for name in plan.selection.removed
            if name not in self.reasons
        )
        excluded += list_excluded(self.stack, self.unchosen, frozenset())
        added = tuple(
            n for n in plan.selection.added if n in self.asked.selection.added
        )
        selection = Selection(added=added, removed=removed)
        return replace(plan, excluded=excluded, selection=selection)

    def _list_notes(self, plan: Plan, ways: Mapping[str, Way]) -> list[str]:
        notes = []
        for step in plan.steps:
            health = step.service.health
            if step.replicas > 1:
                notes.append(f"{step.name} runs once here, not {step.replicas} times")
            if step.service.is_isolated:
                notes.append(f"{step.name} is not isolated from the network here")
            if ways[step.name] is Way.DOCKER:
                notes.append(f"{step.name} runs in Docker: {step.service.image}")
            elif health is not None and health.kind is HealthKind.IMAGE:
                notes.append(
                    f"{step.name} has no image here to run its check in: "
                    "it counts as ready after it has run for a second"
                )
        return notes


def _limit_waits(plan: Plan) -> Plan:
    """The plan with the waits that it has here: none is longer than ``boot``."""
    waits: dict[str, float] = {}
    ready: dict[str, float] = {}
    for step in plan.steps:
        name, health = step.name, step.service.health
        waits[name] = max(
            (
                (waits if gate.condition is Condition.STARTED else ready)[gate.service]
                for gate in step.gates
            ),
            default=0.0,
        )
        is_asked = health is not None and health.can_be_asked
        boot = health.boot.seconds if health is not None and is_asked else ALIVE_FOR
        ready[name] = math.inf if step.service.job else waits[name] + boot
    steps = tuple(replace(step, worst_wait=waits[step.name]) for step in plan.steps)
    return replace(plan, steps=steps)


def find_obstacle(service: Service, around: Surroundings) -> str:
    """Why a service cannot be started as a process; empty when it can."""
    if service.local is None:
        return "it has no `local`"
    folder = find_folder(service, around)
    closed = find_closed(folder / "any")
    if closed is not None:
        return describe_closed(closed)[0]
    if not is_folder(folder):
        return f"its folder {service.local.dir} does not exist"
    if isinstance(service.local.command, str):
        return ""
    word = around.fill(service.local.command[0], service.name)
    return find_program(word, folder, find_path(service, around))[1]


def suggest_way(service: Service, around: Surroundings) -> str:
    """The lines to add, or what to install or to make."""
    local = service.local
    folder = find_folder(service, around)
    closed = find_closed(folder / "any") if local is not None else None
    if closed is not None:
        return describe_closed(closed)[1]
    if local is not None and not is_folder(folder):
        return f"make it, or correct the `dir` of `{service.name}`"
    if service.is_store and service.image:
        install = "" if local is None else "install it, "
        return (
            f"{install}start a Docker engine, "
            "or use one that is already running: --reuse"
        )
    if local is not None and local.command and not isinstance(local.command, str):
        word = around.fill(local.command[0], service.name)
        access = suggest_access(word, folder, find_path(service, around))
        if access:
            return access
    if local is not None and local.command and local.command[0] == "python":
        return (
            "create an environment next to the stack file, and install in it what the "
            "service needs:\npython3 -m venv .venv"
        )
    if local is not None:
        return "install it, or correct `local`"
    context = service.build.context if service.build is not None else "."
    return (
        f"say how to run `{service.name}` without a container:\n"
        f"local:\n  command: [..]\n  dir: {context}"
    )
