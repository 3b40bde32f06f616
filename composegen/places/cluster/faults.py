"""What a drill does to the pods of a service, and takes back: it scales, and applies.

Every change is made as `up` makes it, so that no field gets another owner.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from composegen.errors import ComposegenError, FaultFailed
from composegen.places.cluster.applying import apply_objects, scale
from composegen.places.cluster.boot import Outside
from composegen.places.cluster.kubectl import Kubectl
from composegen.places.cluster.manifests import (
    Object,
    name_object,
    write_list,
)
from composegen.places.cluster.notes import Notes
from composegen.places.cluster.objects import (
    NAME,
    Kind,
    Pod,
    Workload,
    read_labels,
)
from composegen.places.cluster.snapshot import (
    Snapshot,
    select_project,
    take_snapshot,
)
from composegen.places.cluster.status import find_state
from composegen.places.status import State

_GONE = 180
_LOOK = 0.5
_LEAST_GRACE = 1
"""The shortest time that leaves a pod there until its program has ended."""
_VALUES = "secrets,configmaps"


class Hands:
    """Disturbs the services of a project. Methods raise FaultFailed."""

    def __init__(
        self, kubectl: Kubectl, notes: Notes, *, outside: Outside | None = None
    ) -> None:
        self.kubectl = kubectl
        self.notes = notes
        self._outside = outside or Outside(clock=time.monotonic)

    # What there is

    def look(self) -> Snapshot:
        """The project as it is now."""
        with _as_fault():
            return take_snapshot(self.kubectl, self.notes, with_events=False)

    def find(self, service: str, snapshot: Snapshot | None = None) -> Workload | None:
        """What keeps the pods of a service; None where it has none, or is a job."""
        noted = self.notes.find(service)
        if noted is None:
            return None
        found = (snapshot or self.look()).find_workload(noted.object)
        return found if found is not None and found.kind is not Kind.JOB else None

    def list_running(self, service: str) -> tuple[Pod, ...]:
        """The pods of its newest template in which its program runs, by their names."""
        snapshot = self.look()
        workload = self.find(service, snapshot)
        pods = snapshot.list_pods(workload) if workload is not None else ()
        running = [each for each in pods if each.is_running]
        return tuple(sorted(running, key=lambda each: each.name))

    def list_starts(self, service: str) -> tuple[str, ...]:
        """What names the present start of each of its pods."""
        return tuple(_identify(each) for each in self.list_running(service))

    # Pods

    def take_away(self, service: str, *, at_once: bool = False) -> None:
        """Let a service have no pods, and wait until they are gone.

        ``at_once`` leaves their programs no time to end by themselves.
        """
        workload = self.find(service)
        if workload is None:
            raise FaultFailed(f"{service} does not run")
        with _as_fault():
            scale(self.kubectl, workload.path, 0)
        chosen = select_project(self.notes.project, f"{NAME}={workload.service}")
        if at_once:
            self._call(
                *("delete", "pod", "--selector", chosen, "--ignore-not-found"),
                *(f"--grace-period={_LEAST_GRACE}", "--wait=false"),
            )
        with _as_fault():
            said = self.kubectl.ask(
                *("wait", "pod", "--for=delete", "--selector", chosen),
                f"--timeout={_GONE}s",
                timeout=_GONE + 20.0,
            )
        if said.code and "no matching resources" not in said.err:
            raise FaultFailed(self.kubectl.explain(said).message)

    def give_back(self, service: str, replicas: int) -> bool:
        """Let it have its pods again, where it has none; whether that was done."""
        workload = self.find(service)
        if workload is None or not workload.is_off:
            return False  # it was removed, or was given back already
        with _as_fault():
            scale(self.kubectl, workload.path, replicas)
        return True

    def renew(self, service: str, limit: float) -> None:
        """Replace its pods by others, and wait until those are ready or time is over.

        Nothing of its objects changes by that.
        """
        names = [each.name for each in self.list_running(service)]
        before = {*self.list_starts(service)}
        if names:
            self._call("delete", "pod", *names, "--ignore-not-found", "--wait=false")

        def is_renewed() -> bool:
            now = {*self.list_starts(service)}
            is_ready = {*self._list_states((service,))} <= {State.READY}
            return is_ready and not before & now

        self._wait(is_renewed, limit)

    # Objects

    def check_current(self, objects: Iterable[Object]) -> None:
        """Raise FaultFailed where applying them would change a workload.

        What is applied later to undo a fault would be something else than what ran.
        """
        workloads = [each for each in objects if each.get("kind") in {*Kind}]
        snapshot = self.look()
        said = self._call(
            *("apply", "--server-side", "--field-manager=composegen", "--filename=-"),
            *("--dry-run=server", "--output=json"),
            text=write_list(workloads),
        )
        try:
            made = json.loads(said)
        except ValueError:
            raise FaultFailed("`kubectl apply` did not answer with JSON") from None
        for each in made.get("items") or [made]:
            there = snapshot.find_workload(each["metadata"]["name"])
            if there is None or there.generation != each["metadata"]["generation"]:
                raise FaultFailed(
                    f"{name_object(each)} is not what the stack file and its values "
                    "make now: composegen up --on kubernetes"
                )

    def list_values(self) -> frozenset[str]:
        """The Secrets and ConfigMaps of the project, such as `secret/name`."""
        chosen = ("--selector", select_project(self.notes.project))
        said = self._call("get", _VALUES, *chosen, "--output=name")
        return frozenset(said.split())

    def apply(self, objects: Iterable[Object]) -> None:
        """Apply objects as `up` does."""
        listed = [*objects]
        if listed:
            with _as_fault():
                apply_objects(self.kubectl, listed)

    def remove_values(self, names: Iterable[str]) -> None:
        """Remove Secrets and ConfigMaps of the project, where they are there."""
        there = [each for each in sorted({*names}) if each in self.list_values()]
        if there:
            self._call("delete", *there, "--ignore-not-found", "--wait=false")

    def wait_until_ready(self, services: Iterable[str], limit: float) -> bool:
        """Until the services are ready in their newest form, or one of them has failed.

        Older pods may still serve meanwhile. False where one is not ready.
        """
        listed = tuple(services)

        def is_over() -> bool:
            states = self._list_states(listed)
            return State.FAILED in states or {*states} <= {State.READY}

        self._wait(is_over, limit)
        return {*self._list_states(listed)} <= {State.READY}

    def _list_states(self, services: Iterable[str]) -> list[State]:
        """What they do; those that are gone are left out."""
        snapshot = self.look()
        return [
            find_state(snapshot, self.notes, noted, workload)
            for name in services
            if (noted := self.notes.find(name)) is not None
            and (workload := self.find(name, snapshot)) is not None
        ]

    def _wait(self, is_over: Callable[[], bool], limit: float) -> bool:
        end = self._outside.clock() + limit
        while not is_over():
            if self._outside.clock() >= end:
                return False
            self._outside.pause(_LOOK)
        return True

    def _call(self, *words: str, text: str | None = None) -> str:
        with _as_fault():
            return self.kubectl.call(*words, text=text).out


@contextmanager
def _as_fault() -> Iterator[None]:
    """What the cluster refuses, or does not answer, is a fault that cannot be done."""
    try:
        yield
    except FaultFailed:
        raise
    except ComposegenError as error:
        raise FaultFailed(error.message) from None


def list_changed(objects: Iterable[Object], others: Iterable[Object]) -> list[Object]:
    """The objects that are not among others just as they are."""
    known = [*others]
    return [each for each in objects if each not in known]


def select_objects(objects: Iterable[Object], names: Iterable[str]) -> list[Object]:
    """The objects of some services, by the names of their objects."""
    wanted = {*names}
    return [each for each in objects if read_labels(each).get(NAME) in wanted]


def _identify(pod: Pod) -> str:
    main = pod.find_main()
    return f"{pod.name} {main.id if main is not None else ''}"
