"""Opens the pods of a project for a drill."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from composegen.drill.cluster import ClusterGround, give_back
from composegen.drill.ground import Ground
from composegen.drill.guard import mark_environment
from composegen.drill.noted import check_unchanged, read_selection
from composegen.drill.notes import DrillNotes
from composegen.drill.trials import Fault
from composegen.model import Stack
from composegen.places.cluster.contexts import check_noted, read_contexts
from composegen.places.cluster.faults import Hands
from composegen.places.cluster.kubectl import Kubectl
from composegen.places.cluster.manifests import (
    Object,
    build_objects,
    drop_services,
    render_texts,
)
from composegen.places.cluster.notes import Notes, read_notes
from composegen.places.cluster.options import choose_options
from composegen.planning.addressing import ClusterAddressing, name_on_cluster
from composegen.planning.exclusion import vary_plan
from composegen.planning.plan import Plan, make_plan
from composegen.records import replace
from composegen.targets.files import Cluster
from composegen.targets.kubernetes.names import KUBERNETES_FILE
from composegen.targets.output import read_recorded
from composegen.workspace.clusterfiles import make_cluster_files
from composegen.workspace.workspace import Workspace

_UP = "composegen up --on kubernetes"


@contextmanager
def open_cluster(
    notes: Notes,
    workspace: Workspace,
    stack: Stack,
    mark: str,
    *,
    is_strict: bool = True,
) -> Iterator[Ground]:
    """The pods of a project. Raises NotDrillable, OtherCluster and more.

    With ``is_strict`` the stack file must be the one that the stack was brought up
    from.
    """
    if is_strict:
        made = {each.name: each.definition for each in notes.services}
        check_unchanged(stack, made, _UP)
    kubectl = _make_kubectl(notes, workspace, mark)
    ground = ClusterGround(
        Hands(kubectl, notes),
        stack.services,
        workspace.fill,
        Rendered(kubectl, notes, workspace, stack),
    )
    try:
        yield ground
    finally:
        ground.close()


class Rendered:
    """The objects of a stack as `up` applies them, with other fallbacks if need be."""

    def __init__(
        self, kubectl: Kubectl, notes: Notes, workspace: Workspace, stack: Stack
    ) -> None:
        self._kubectl = kubectl
        self._notes = notes
        self._workspace = workspace
        self._stack = stack

    def make_whole(self) -> list[Object]:
        """As it runs, with the fallbacks that are used."""
        return self._build({})

    def make_without(self, service: str, dependents: tuple[str, ...]) -> list[Object]:
        """With the dependent services as they are without a service."""
        return self._build(dict.fromkeys(dependents, (service,)))

    def _build(self, more: Mapping[str, tuple[str, ...]]) -> list[Object]:
        folder = self._workspace.folder
        selection = read_selection(self._notes.flags)
        plan = make_plan(self._stack, selection, addressing=ClusterAddressing())
        varied = self._vary(plan, more)
        recorded = read_recorded(folder / KUBERNETES_FILE)
        asked = recorded.cluster if recorded is not None else Cluster()
        options = choose_options(plan, folder, asked, KUBERNETES_FILE)
        texts = render_texts(varied, options)
        values = self._workspace.values
        make_cluster_files(plan, folder, values, varied=varied)
        try:
            made = build_objects(self._kubectl, folder, texts, self._notes.where)
        finally:
            if more:
                make_cluster_files(plan, folder, values)
        gone = {each.service for each in self._notes.excluded}
        return drop_services(made, map(name_on_cluster, gone))

    def _vary(self, plan: Plan, more: Mapping[str, tuple[str, ...]]) -> Plan:
        without = {
            each.name: (*each.without, *more.get(each.name, ()))
            for each in self._notes.services
        }
        return vary_plan(plan, without, addressing=ClusterAddressing())


def undo_cluster(
    workspace: Workspace, load: Callable[[], Stack], notes: DrillNotes
) -> None:
    """Undo what a drill has left on a cluster; nothing where it was taken down."""
    up = read_notes(workspace.folder)
    if up is None or notes.undo is None:
        return
    if notes.undo.fault is Fault.WITHOUT:
        opened = open_cluster(up, workspace, load(), notes.mark, is_strict=False)
        with opened as ground:
            ground.undo(notes.undo, is_sure=False)
        return
    hands = Hands(_make_kubectl(up, workspace, notes.mark), up)
    give_back(hands, notes.undo, is_sure=False)


def _make_kubectl(notes: Notes, workspace: Workspace, mark: str) -> Kubectl:
    """What asks the cluster that the stack was brought up on. Raises OtherCluster."""
    check_noted(read_contexts(workspace.environment), notes.where)
    environment = mark_environment(workspace.environment, mark)
    return replace(notes.where.make_kubectl(environment), is_apart=True)
