"""What a cluster has of a folder's stack as one place."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import suppress

from composegen.errors import (
    ClusterUnreachable,
    ComposegenError,
    VolumesLeft,
)
from composegen.model import Service, Stack
from composegen.needs import Later
from composegen.places.cluster.acts import Acts
from composegen.places.cluster.applying import find_namespace, remove_project
from composegen.places.cluster.boot import Outside
from composegen.places.cluster.causes import UP
from composegen.places.cluster.contexts import check_noted, read_contexts
from composegen.places.cluster.entering import prepare_call
from composegen.places.cluster.kubectl import Kubectl
from composegen.places.cluster.logs import LogReader
from composegen.places.cluster.notes import Notes, read_notes, remove_notes
from composegen.places.cluster.objects import PART_OF, read_claim
from composegen.places.cluster.snapshot import Snapshot, take_snapshot
from composegen.places.cluster.status import ClusterSeen, list_excluded, make_seen
from composegen.places.cluster.why import find_cluster_reasons
from composegen.places.events import Event, Message, Report
from composegen.places.names import KUBERNETES
from composegen.places.place import (
    Act,
    Acted,
    Call,
    Explanation,
    Logs,
    Request,
    Seen,
    Tell,
    Usage,
    Volume,
    Volumes,
    check_part,
    note_excluded_logs,
    settle_names,
)
from composegen.places.present import describe_change, describe_present
from composegen.places.status import FINE, ServiceStatus, State
from composegen.workspace.workspace import Workspace

_LOOK = 1.0
_LOST = "the connection to the cluster was lost; trying again"
_WORKING = frozenset({State.READY, State.STARTING})


class ClusterPlace:
    """A project in a namespace of the cluster that it was brought up on.

    It works without a stack file: the notes of `up` say what belongs to the project.
    ``load`` reads the stack file, for what only that can say. Methods raise
    KubectlMissing, OtherCluster, ClusterUnreachable and ClusterRefused.
    """

    def __init__(
        self,
        workspace: Workspace,
        notes: Notes,
        load: Callable[[], Stack] | None = None,
        *,
        outside: Outside | None = None,
    ) -> None:
        self._folder = workspace.folder
        self._environment = workspace.environment
        self._notes = notes
        self._load = load
        self._outside = outside or Outside()
        self._known: Kubectl | None = None

    name = KUBERNETES

    @property
    def notes(self) -> Notes:
        """What `up` noted of the project."""
        return self._notes

    @property
    def _kubectl(self) -> Kubectl:
        """What asks the cluster; it is the one that was noted. Raises OtherCluster."""
        if self._known is None:
            check_noted(read_contexts(self._environment), self._notes.where)
            self._known = self._notes.where.make_kubectl(self._environment)
        return self._known

    def look(self) -> Seen:
        """How every service is doing now."""
        seen = make_seen(self._notes, self._take())
        return Seen(
            statuses=seen.statuses,
            is_running=not seen.snapshot.is_empty,
            is_up=seen.is_up,
            excluded=list_excluded(self._notes, seen.statuses),
            notes=tuple(_list_lost(seen)),
        )

    def _take(self) -> Snapshot:
        return take_snapshot(self._kubectl, self._notes)

    def explain(self, service: str) -> Explanation:
        """Why a service, or any, is not up."""
        service = self._check((service,))[0] if service else ""
        reasons = find_cluster_reasons(
            self._kubectl, self._notes, self._take(), service=service
        )
        return Explanation(reasons=tuple(reasons))

    def read_logs(self, names: Iterable[str], count: int, *, follow: bool) -> Logs:
        """Lines of the containers' logs, those of the gates too."""
        listed = self._check(names)
        snapshot = take_snapshot(self._kubectl, self._notes, with_events=False)
        seen = make_seen(self._notes, snapshot)
        logged = tuple(name for name in listed if name in self._notes.names)
        reader = LogReader(self._kubectl, self._notes, logged)
        read = reader.follow if follow else reader.read
        excluded = list_excluded(self._notes, seen.statuses)
        return Logs(
            names=logged or self._notes.names,
            lines=read(snapshot, count) if logged or not listed else iter(()),
            notes=note_excluded_logs(listed, excluded),
            stop=reader.stop,
        )

    def measure(self) -> tuple[Usage, ...]:
        """Nothing: a cluster counts this only where it has a metrics server."""
        return ()

    def prepare(self, request: Request, tell: Tell) -> Call:
        """How kubectl runs a command in a pod of a service."""
        del tell
        snapshot = take_snapshot(self._kubectl, self._notes, with_events=False)
        return prepare_call(self._kubectl, self._notes, snapshot, request)

    def act(
        self,
        act: Act,
        names: Iterable[str],
        report: Report,
        *,
        take_over: bool = False,
    ) -> tuple[Acted, ...]:
        """Scale services; what is acted on carries the labels of this project."""
        del take_over
        acts = Acts(
            self._kubectl,
            self._notes,
            self._folder,
            self._list_services(),
            report,
            outside=self._outside,
        )
        return acts.perform(act, self._settle(names))

    def follow(self) -> Iterator[Event]:
        """State changes of the services; a lost connection is made again."""
        began = self._outside.clock()
        shown = _Shown()
        snapshot: Snapshot | None = take_snapshot(self._kubectl, self._notes)
        is_lost = False
        while True:
            at = self._outside.clock() - began
            if snapshot is not None:
                yield from shown.take(make_seen(self._notes, snapshot).statuses, at)
            elif not is_lost:
                yield Message(at=at, text=_LOST)
            is_lost = snapshot is None
            self._outside.pause(_LOOK)
            snapshot = self._look_again()

    def _look_again(self) -> Snapshot | None:
        noted = read_notes(self._folder)
        if noted is not None and noted.where == self._notes.where:
            self._notes = noted
        with suppress(ClusterUnreachable):
            return take_snapshot(self._kubectl, self._notes)
        return None

    def take_down(self, tell: Tell, *, take_over: bool = False) -> tuple[str, ...]:
        """Remove the project's objects; its claims stay, with their data.

        The namespace is removed if `up` made it and nothing is left in it.
        """
        del take_over
        kubectl, notes = self._kubectl, self._notes
        sentences = []
        if find_namespace(kubectl) and remove_project(kubectl, notes.project, tell):
            sentences.append(f"removed the objects of {notes.project}")
        sentences += self.remove_namespace()
        remove_notes(self._folder)
        return tuple(sentences)

    def remove_namespace(self) -> tuple[str, ...]:
        """Remove the namespace if `up` made it and nothing is left in it."""
        kubectl, notes = self._kubectl, self._notes
        if not notes.made_namespace or not find_namespace(kubectl):
            return ()
        if self._list_left():
            return ()
        kubectl.call("delete", "namespace", notes.namespace, timeout=300.0)
        return (f"removed the namespace {notes.namespace}",)

    def _list_left(self) -> list[str]:
        """What is left in the namespace, but for what every namespace has."""
        kinds = (
            "all,persistentvolumeclaims,secrets,configmaps,ingresses.networking.k8s.io"
        )
        found = self._kubectl.call("get", kinds, "--output=name", "--ignore-not-found")
        own = {"configmap/kube-root-ca.crt"}
        return [each for each in found.out.split() if each not in own]

    def list_volumes(
        self,
        external: Container[str] = (),
        *,
        take_over: bool = False,
        measures: bool = True,
    ) -> Volumes:
        """The claims of this project."""
        del take_over, measures
        selector = f"{PART_OF}={self._notes.project}"
        found = self._kubectl.read("persistentvolumeclaims", "--selector", selector)
        claims = map(read_claim, found["items"])
        return Volumes(
            own=tuple(
                Volume(
                    name=each.name,
                    size=each.size,
                    folder=f"{self._notes.context}/{self._notes.namespace}",
                )
                for each in claims
                if each.name not in external
            )
        )

    def remove_volumes(self, volumes: Iterable[Volume]) -> Iterator[str]:
        """Remove claims, and with them their data."""
        left = {}
        for volume in volumes:
            said = self._kubectl.ask(
                *("delete", "persistentvolumeclaim", volume.name),
                *("--ignore-not-found", "--timeout=120s"),
                timeout=150.0,
            )
            if said.code:
                left[volume.name] = self._kubectl.explain(said).args[0]
            else:
                yield f"removed the claim {volume.name}"
        if left:
            raise VolumesLeft(left)

    # The stack file

    def _load_stack(self) -> Stack | None:
        try:
            return self._load() if self._load is not None else None
        except ComposegenError:
            return None  # the stack file is being edited

    def _list_services(self) -> Mapping[str, Service]:
        stack = self._load_stack()
        return stack.services if stack is not None else {}

    def _settle(self, names: Iterable[str]) -> tuple[str, ...]:
        stack = self._load_stack()
        choices = stack.choices if stack is not None else {}
        return settle_names(names, (*self._notes.names, *self._excluded), choices)

    def _check(self, names: Iterable[str]) -> tuple[str, ...]:
        """The services of these names. Raises UsageError and NotPart."""
        part = (*self._notes.names, *self._excluded)
        known = self._list_services()
        return check_part(self._settle(names), part, known, where="there", up=UP)

    @property
    def _excluded(self) -> tuple[str, ...]:
        return tuple(str(each["service"]) for each in self._notes.left_out)


class _Shown:
    """What was reported of each service, and since when it has been so."""

    def __init__(self) -> None:
        self._statuses: dict[str, ServiceStatus] = {}
        self._since: dict[str, float] = {}

    def take(self, statuses: Iterable[ServiceStatus], at: float) -> Iterator[Event]:
        """The events between the last look and this one."""
        for status in statuses:
            name = status.service
            before = self._statuses.get(name)
            self._statuses[name] = status
            if before is None:
                yield from describe_present(status)
                continue
            after = at - self._since.get(name, at)
            if before.state is not status.state:
                self._since[name] = at
            yield from describe_change(before, status, at=at, after=after)


def _list_lost(seen: ClusterSeen) -> Iterator[str]:
    """What `up` would change: a service still uses one that is gone, or is back."""
    states = {each.service: each.state for each in seen.statuses}
    for each in seen.notes.services:
        if states[each.name] not in _WORKING:
            continue
        for need in each.needs:
            gone = states.get(need.service) not in {*FINE, State.STARTING}
            if (
                need.later is Later.RESTART
                and gone
                and need.service not in each.without
            ):
                yield f"{each.name} still uses {need.service}, which is gone: {UP}"
            elif need.service in each.without and states[need.service] in FINE:
                yield f"{each.name} runs without {need.service}, which is up: {UP}"
