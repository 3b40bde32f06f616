"""A stack on the Docker engine, as a drill disturbs it and asks it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from composegen.ask import Drill
from composegen.drill.asking import Answer, Question
from composegen.drill.ground import Undo
from composegen.drill.helper import Helper
from composegen.drill.request import (
    Deadline,
    Unanswered,
    Wanted,
    ask_once,
    exchange_on,
    make_wanted,
    open_connection,
    run_command,
)
from composegen.drill.trials import Fault, Trial
from composegen.errors import ComposegenError, FaultFailed
from composegen.model import Service
from composegen.places.engine.client import Engine
from composegen.places.engine.compose import Project, find_docker, run_compose
from composegen.places.engine.compose_lines import find_complaint
from composegen.places.engine.containers import Container
from composegen.places.engine.endpoint import use_endpoint
from composegen.places.engine.faults import Hands
from composegen.places.engine.sharing import list_sharing
from composegen.places.names import ENGINE
from composegen.records import record, replace
from composegen.text import escape_control
from composegen.workspace.workspace import Workspace

_LAST_LINES = 5
_BACK = ("up", "--detach", "--no-deps", "--no-build")


@record
class Texts:
    """The Compose files of a stack: as it is, and without one service each.

    ``missing`` says why one cannot be made.
    """

    whole: str
    without: Mapping[str, str]
    missing: Mapping[str, str]


class EngineGround:
    """The containers of one project.

    ``services`` are those of the stack file, ``make_texts`` makes the files
    that recreate dependent ones. ``fallen`` are services that run with a fallback.
    """

    name = ENGINE
    impossible: Mapping[Fault, str] = {}

    def __init__(
        self,
        engine: Engine,
        project: Project,
        services: Mapping[str, Service],
        workspace: Workspace,
        make_texts: Callable[[], Texts],
        helper: Helper,
        *,
        fallen: Collection[str] = (),
    ) -> None:
        self._engine = engine
        self._project = project
        self._fallen = fallen
        self._services = services
        self._workspace = workspace
        self._make_texts = make_texts
        self._helper = helper
        self._hands = Hands(engine, project.name)

    def _list_all(self) -> tuple[Container, ...]:
        return self._engine.list_containers(self._project.name)

    def _list(self, service: str) -> list[Container]:
        return [each for each in self._list_all() if each.service == service]

    # Faults

    def plan(self, trial: Trial) -> Undo:
        """The containers that run, and how they are attached."""
        every = self._list_all()
        ids = tuple(
            each.id
            for each in every
            if each.service == trial.service and each.is_running
        )
        if not ids:
            raise FaultFailed(f"{trial.service} does not run")
        undo = Undo(
            service=trial.service,
            fault=trial.fault,
            containers=ids,
            sharing=list_sharing(every, ids),
        )
        if trial.fault is Fault.CUT:
            links = self._hands.list_links(ids)
            if not any(each.links for each in links):
                raise FaultFailed(f"{trial.service} has no network of its own")
            return replace(undo, links=links)
        if trial.fault is Fault.WITHOUT:
            fallen = [name for name in trial.direct if name in self._fallen]
            if fallen:
                raise FaultFailed(f"{fallen[0]} runs with a fallback already")
            missing = self._make_texts().missing.get(trial.service)
            if missing:
                raise FaultFailed(missing)
            return replace(undo, dependents=trial.direct)
        return undo

    def plan_restart(self, service: str) -> Undo:
        """Its containers."""
        every = self._list_all()
        ids = tuple(each.id for each in every if each.service == service)
        return Undo(service=service, containers=ids, sharing=list_sharing(every, ids))

    def do(self, undo: Undo) -> None:
        """Do the fault to all containers of the service."""
        ids, hands = undo.containers, self._hands
        if undo.fault is None:
            hands.restart(ids)
            hands.start_sharing(undo.sharing, ids)
        elif undo.fault is Fault.STOP:
            hands.stop(ids)
        elif undo.fault is Fault.KILL:
            hands.kill(ids)
        elif undo.fault is Fault.FREEZE:
            hands.freeze(ids)
        elif undo.fault is Fault.CUT:
            hands.cut(undo.links)
        else:
            text = self._make_texts().without[undo.service]
            self._recreate(text, undo.dependents)
            hands.stop(ids)

    def undo(self, undo: Undo, *, is_sure: bool) -> None:
        """Undo the fault; a container that was removed meanwhile is passed over."""
        undo_containers(self._hands, undo, is_sure=is_sure)
        if undo.fault is Fault.WITHOUT:
            self._bring_back(undo, is_sure=is_sure)

    def _bring_back(self, undo: Undo, *, is_sure: bool) -> None:
        """The dependent services as they were; those that are gone stay gone."""
        there = [name for name in undo.dependents if self._list(name)]
        if not is_sure:
            self._hands.start([c.id for name in there for c in self._list(name)])
        if there:
            self._recreate(self._make_texts().whole, there)
        if not is_sure:
            self._hands.start([c.id for name in there for c in self._list(name)])

    def _recreate(self, text: str, names: Sequence[str]) -> None:
        project = replace(self._project, text=text, is_part=True)
        code, said = run_compose(project, *_BACK, *names, show=lambda _: None)
        if code != 0:
            complaint = find_complaint(said.splitlines())
            raise FaultFailed(f"Compose could not recreate {names[0]}: {complaint}")

    # Asking

    def make_question(self, service: str, drill: Drill) -> Question | None:
        """How a service is asked, each time where its containers are then."""
        known = self._services[service]
        tests = [each.test for each in self._list(service) if each.test]
        wanted = make_wanted(
            drill,
            known.health,
            known.port,
            _read_test(tests[0]) if tests else (),
            self._workspace.fill,
        )
        if wanted is None:
            return None
        way = ContainerWay(self._engine, self._project, service, self._helper)
        return lambda: way.ask(wanted)

    def find_starts(self, service: str) -> tuple[str, ...]:
        """The containers and when each was started."""
        return tuple(f"{each.id} {each.started_at}" for each in self._list(service))

    def look_closer(self, service: str, since: float) -> tuple[str, ...]:
        """What became of its containers, its own check, its last lines."""
        ago = time.monotonic() - since
        begun = self._engine.read_clock() - ago
        lines: list[str] = []
        for each in self._list(service):
            if not each.is_running:
                lines.append(f"it is {each.status.value}, exit code {each.exit_code}")
            elif each.health == "unhealthy" and each.probes:
                said = each.probes[-1].output.strip().splitlines()[-1:]
                lines += [f"its health check says: {text}" for text in said]
            log = self._engine.read_logs(each.id, _LAST_LINES, begun)
            lines += [f"| {line}" for line in log]
        return tuple(escape_control(line) for line in lines)

    def close(self) -> None:
        """Remove the helper, if there is one."""
        self._helper.remove()


def undo_containers(hands: Hands, undo: Undo, *, is_sure: bool) -> None:
    """Undo what was done to the service's own containers."""
    ids = undo.containers
    if undo.fault is Fault.FREEZE and is_sure:
        hands.undo_at_once("unpause", ids)
    elif undo.fault is Fault.FREEZE:
        hands.thaw(ids)
    elif undo.fault is Fault.CUT and is_sure:
        hands.connect_at_once(undo.links)
    elif undo.fault is Fault.CUT:
        hands.connect(undo.links)
    elif is_sure:
        hands.undo_at_once("start", ids)
        hands.start_sharing(undo.sharing, ids)
    else:
        hands.start(ids)
        hands.start_sharing(undo.sharing, ids)


def _read_test(test: tuple[str, ...]) -> tuple[str, ...]:
    """The command of a health check as the engine has it."""
    if test[:1] == ("CMD",):
        return test[1:]
    if test[:1] == ("CMD-SHELL",):
        return ("sh", "-c", *test[1:])
    return ()


@record
class Target:
    """A container, and the address at which it is asked; None: only by the helper."""

    container: Container
    address: tuple[str, int] | None
    network: str = ""


class ContainerWay:
    """How the containers of one service are asked, one after the other.

    The published address comes first, then the address of a container where the engine
    is on this machine, and else a helper asks from within the network. Where a question
    failed, the containers are looked for again.
    """

    def __init__(
        self, engine: Engine, project: Project, service: str, helper: Helper
    ) -> None:
        self._endpoint = engine.endpoint
        self._is_here = engine.is_here
        self._engine: Engine | None = None
        self._project = project
        self._service = service
        self._helper = helper
        self._turns = itertools.count()
        self._targets: tuple[Target, ...] = ()

    def ask(self, wanted: Wanted) -> Answer:
        """Ask the container whose turn it is; looking for it counts for no time."""
        begun = time.monotonic()
        try:
            self._targets = self._targets or self._find(wanted.port)
        except ComposegenError as error:
            took = time.monotonic() - begun
            return Answer(at=begun, seconds=took, problem=error.message)
        if not self._targets:
            return Answer(at=begun, seconds=0.0, problem="it does not run")
        target = self._targets[next(self._turns) % len(self._targets)]
        answer = ask_once(_TargetWay(self, target), wanted)
        if not answer.is_good:
            self._targets = ()
        return answer

    def _find(self, port: int | None) -> tuple[Target, ...]:
        if self._engine is None:  # one of this thread alone
            self._engine = Engine(self._endpoint)
        found = self._engine.list_containers(self._project.name)
        return tuple(
            self._aim(self._engine, each, port)
            for each in found
            if each.service == self._service and each.is_running
        )

    def _aim(self, engine: Engine, container: Container, port: int | None) -> Target:
        for each in container.published if self._is_here else ():
            if each.target == f"{port}/tcp":
                host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(each.host, each.host)
                return Target(container=container, address=(host, each.port))
        hands = Hands(engine, self._project.name)
        shared = container.network.removeprefix("container:")
        is_shared = shared != container.network
        reached = hands.find_reached(shared if is_shared else container.id)
        networks = reached.addresses if reached is not None else {}
        network, address = next(iter(networks.items()), ("", ""))
        if not self._helper.sees_addresses:
            return Target(container=container, address=None, network=network)
        if container.network == "host":
            address = "127.0.0.1"
        return Target(container=container, address=(address, port or 0))

    def execute(self, container: Container, wanted: Wanted) -> tuple[int, str]:
        """Run a command in a container."""
        words = [find_docker(), "exec", container.id, *wanted.command]
        env = use_endpoint(self._endpoint, self._project.environment)
        return run_command(words, wanted, env=env)

    def ask_helper(self, target: Target, wanted: Wanted, request: bytes) -> bytes:
        """Let the helper send a request."""
        if not target.network:
            raise Unanswered("it has no network")
        name = target.container.name
        return self._helper.send(target.network, name, wanted, request)


class _TargetWay:
    """The way to one container, for one question."""

    def __init__(self, way: ContainerWay, target: Target) -> None:
        self._way = way
        self._target = target

    def exchange(self, wanted: Wanted, make_request: Callable[[str], bytes]) -> bytes:
        """Over a connection from here, or through the helper."""
        if self._target.address is None:
            request = make_request(f"{self._target.container.service}:{wanted.port}")
            return self._way.ask_helper(self._target, wanted, request)
        host, port = self._target.address
        deadline = Deadline(wanted.limit)
        with open_connection(host, port, deadline) as link:
            return exchange_on(link, make_request(f"{host}:{port}"), deadline)

    def connect(self, wanted: Wanted) -> None:
        """A connection from here, or one of the helper."""
        if self._target.address is None:
            self._way.ask_helper(self._target, wanted, b"")
            return
        open_connection(*self._target.address, Deadline(wanted.limit)).close()

    def execute(self, wanted: Wanted) -> tuple[int, str]:
        """In the container."""
        return self._way.execute(self._target.container, wanted)
