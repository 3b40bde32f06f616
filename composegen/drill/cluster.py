"""A stack on a cluster, as a drill disturbs it and asks it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from composegen.ask import Drill
from composegen.drill.asking import Question
from composegen.drill.cluster_way import PodWay
from composegen.drill.ground import Undo
from composegen.drill.request import make_wanted
from composegen.drill.trials import Fault, Trial
from composegen.errors import ComposegenError, FaultFailed
from composegen.health import Health, HealthKind
from composegen.model import Service
from composegen.places.cluster.faults import Hands, list_changed, select_objects
from composegen.places.cluster.manifests import Object
from composegen.places.cluster.notes import NotedService
from composegen.places.cluster.objects import Doing
from composegen.places.names import KUBERNETES
from composegen.records import replace
from composegen.text import escape_control

_LAST_LINES = 5
_APART = 0.5
_ROLLOUT = 15.0
"""Seconds that a cluster may take for a rollout, over the boot of what starts."""
_NO_FREEZE = "not possible on a cluster: Kubernetes cannot pause a container"
_NO_CUT = (
    "not possible on a cluster: many enforce no policy, and a policy leaves open "
    "connections open"
)
_VALUES = frozenset({"Secret", "ConfigMap"})


class Variants(Protocol):
    """The objects of a stack as they are applied. Methods raise ComposegenError."""

    def make_whole(self) -> list[Object]:
        """As it runs."""
        ...

    def make_without(self, service: str, dependents: tuple[str, ...]) -> list[Object]:
        """With the dependent services as they are without a service."""
        ...


class ClusterGround:
    """The pods of one project; ``services`` are those of the stack file."""

    name = KUBERNETES
    impossible: Mapping[Fault, str] = {Fault.FREEZE: _NO_FREEZE, Fault.CUT: _NO_CUT}

    def __init__(
        self,
        hands: Hands,
        services: Mapping[str, Service],
        fill: Callable[[str], str],
        variants: Variants,
    ) -> None:
        self._hands = hands
        self._services = services
        self._fill = fill
        self._variants = variants
        self._ways: dict[str, PodWay] = {}
        self._made: dict[tuple[str, ...], list[Object]] = {}
        self._seen: dict[str, tuple[str, ...]] = {}

    # Faults

    def plan(self, trial: Trial) -> Undo:
        """How many pods it has; for *without*, what will be applied, too."""
        workload = self._hands.find(trial.service)
        if workload is None or workload.is_off:
            raise FaultFailed(f"{trial.service} does not run")
        undo = Undo(
            service=trial.service, fault=trial.fault, replicas=workload.replicas
        )
        if trial.fault is not Fault.WITHOUT:
            return undo
        dependents = tuple(n for n in trial.direct if not self._services[n].job)
        if not dependents:
            raise FaultFailed(f"only jobs need {trial.service}: none is run again")
        fallen = [n for n in dependents if self._get(n).without]
        if fallen:
            raise FaultFailed(f"{fallen[0]} runs with a fallback already")
        self._hands.check_current(self._select_whole(dependents))
        there = self._hands.list_values()
        made = (
            name_value(each)
            for each in self._list_without(trial.service, dependents)
            if each["kind"] in _VALUES
        )
        made = (each for each in made if each not in there)
        return replace(undo, dependents=dependents, made=tuple(made))

    def plan_restart(self, service: str) -> Undo:
        """Nothing more is needed than its name."""
        return Undo(service=service)

    def do(self, undo: Undo) -> None:
        """Do the fault to all pods of the service."""
        self._seen = {}
        if undo.fault is None:
            self._hands.renew(undo.service, self._limit((undo.service,)))
            return
        if undo.fault is Fault.WITHOUT:
            self._hands.apply(self._list_without(undo.service, undo.dependents))
            limit = self._limit(undo.dependents)
            if not self._hands.wait_until_ready(undo.dependents, limit):
                # That it does not start shows when it is asked: why is gone by then.
                self._seen = {n: self._describe(n) for n in undo.dependents}
        self._hands.take_away(undo.service, at_once=undo.fault is Fault.KILL)

    def undo(self, undo: Undo, *, is_sure: bool) -> None:
        """Undo the fault; what was removed from the cluster meanwhile stays away."""
        if undo.fault is None:
            return  # the cluster makes the pods by itself
        give_back(self._hands, undo, is_sure=is_sure)
        if undo.fault is Fault.WITHOUT:
            self._bring_back(undo)

    def _bring_back(self, undo: Undo) -> None:
        """The dependent services as they were; those that are gone stay gone."""
        snapshot = self._hands.look()
        there = tuple(n for n in undo.dependents if self._hands.find(n, snapshot))
        self._hands.apply(self._select_whole(there))
        limit = self._limit((undo.service,)) + self._limit(there)
        if self._hands.wait_until_ready(there, limit):
            self._hands.remove_values(undo.made)

    # What is applied

    def _select_whole(self, names: tuple[str, ...]) -> list[Object]:
        """The objects of some services as they run, and values that are not there."""
        there = self._hands.list_values()
        whole = self._make()
        return [
            each
            for each in select_objects(whole, [self._get(n).object for n in names])
            if each["kind"] not in _VALUES
        ] + [
            each
            for each in whole
            if each["kind"] in _VALUES and name_value(each) not in there
        ]

    def _list_without(self, service: str, names: tuple[str, ...]) -> list[Object]:
        """What differs where some services run without a service."""
        changed = list_changed(self._make(service, *names), self._make())
        values = [each for each in changed if each["kind"] in _VALUES]
        own = select_objects(changed, [self._get(n).object for n in names])
        return values + [each for each in own if each["kind"] not in _VALUES]

    def _make(self, service: str = "", *dependents: str) -> list[Object]:
        """The objects, made once: without a service, or as all runs."""
        key = (service, *dependents)
        if key not in self._made:
            try:
                self._made[key] = (
                    self._variants.make_without(service, dependents)
                    if service
                    else self._variants.make_whole()
                )
            except ComposegenError as error:
                raise FaultFailed(error.message) from None
        return self._made[key]

    def _get(self, service: str) -> NotedService:
        noted = self._hands.notes.find(service)
        if noted is None:
            raise FaultFailed(f"{service} does not run")
        return noted

    def _limit(self, names: tuple[str, ...]) -> float:
        boots = (self._get(name).boot for name in names)
        return _ROLLOUT + max(boots, default=0.0)

    # Asking

    def make_question(self, service: str, drill: Drill) -> Question | None:
        """How a service is asked once, through a port that leads into its pods."""
        known = self._services[service]
        health = _simplify(known.health, known.port)
        command: tuple[str, ...] = ()
        if health is not None and health.kind is HealthKind.COMMAND:
            command = self._read_check(service)
        wanted = make_wanted(drill, health, known.port, command, self._fill)
        if wanted is None:
            return None
        if service not in self._ways:
            object = self._get(service).object
            self._ways[service] = PodWay(self._hands, service, object)
        way = self._ways[service]
        return lambda: way.ask(wanted)

    def _read_check(self, service: str) -> tuple[str, ...]:
        """The command of its readiness probe, as the kubelet runs it."""
        workload = self._hands.find(service)
        if workload is None:
            return ()
        return tuple(word.replace("$$", "$") for word in workload.check)

    def find_starts(self, service: str) -> tuple[str, ...]:
        """Its pods, and what names the present start of each."""
        return self._hands.list_starts(service)

    def look_closer(
        self,
        service: str,
        since: float,  # noqa: ARG002 - times of a cluster are those of its nodes
    ) -> tuple[str, ...]:
        """What its pods do that are not ready, and the last lines of one."""
        return self._seen.get(service) or self._describe(service)

    def _describe(self, service: str) -> tuple[str, ...]:
        lines: list[str] = []
        snapshot = self._hands.look()
        workload = self._hands.find(service, snapshot)
        pods = snapshot.list_pods(workload) if workload is not None else ()
        for pod in pods:
            main = pod.find_main()
            if main is None or main.doing is Doing.RUNNING:
                continue
            code = "" if main.ending is None else f", exit code {main.ending.exit_code}"
            lines.append(f"it is {main.reason or main.doing.value}{code}")
        lines += [f"| {line}" for line in self._read_log([each.name for each in pods])]
        return tuple(escape_control(line) for line in lines)

    def _read_log(self, pods: list[str]) -> list[str]:
        if not pods:
            return []
        said = self._hands.kubectl.ask("logs", pods[0], f"--tail={_LAST_LINES}")
        return said.out.splitlines()

    def close(self) -> None:
        """Close the ports that were forwarded."""
        for way in self._ways.values():
            way.close()


def give_back(hands: Hands, undo: Undo, *, is_sure: bool) -> None:
    """Let the service have its pods again."""
    calm = 0
    while calm < (1 if is_sure else 2):
        was_given = hands.give_back(undo.service, undo.replicas)
        calm = 0 if was_given and not is_sure else calm + 1
        time.sleep(0 if is_sure else _APART)


def name_value(found: Object) -> str:
    """A Secret or a ConfigMap as kubectl names it."""
    return f"{found['kind'].lower()}/{found['metadata']['name']}"


def _simplify(health: Health | None, port: int | None) -> Health | None:
    """What is asked on a cluster: it knows no health check of an image."""
    if health is None or health.kind is not HealthKind.IMAGE:
        return health
    return replace(health, kind=HealthKind.TCP, port=port) if port is not None else None
