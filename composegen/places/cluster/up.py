"""``composegen up --on kubernetes``: render, apply, watch the cluster, end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from composegen.errors import (
    ClusterRefused,
    ExitCode,
    FileRefused,
    Interrupted,
)
from composegen.places.bringing import bring_up, make_secrets
from composegen.places.cluster.applying import (
    Live,
    apply_objects,
    find_namespace,
    find_outdated_jobs,
    find_scaled,
    find_suspended,
    look_at_live,
    make_namespace,
    prune,
    remove_jobs,
    remove_services,
    scale,
)
from composegen.places.cluster.boot import Booting, Outside
from composegen.places.cluster.causes import UP
from composegen.places.cluster.contexts import Where
from composegen.places.cluster.finding import choose_where
from composegen.places.cluster.forwarding import list_forwards
from composegen.places.cluster.kubectl import find_kubectl
from composegen.places.cluster.leaving_out import LeavingOut, Without
from composegen.places.cluster.manifests import (
    Object,
    Texts,
    build_objects,
    drop_services,
    find_project,
)
from composegen.places.cluster.notes import (
    Notes,
    read_notes,
    write_notes,
)
from composegen.places.cluster.noting import make_notes, merge_notes
from composegen.places.cluster.place import ClusterPlace
from composegen.places.cluster.stay import Staying
from composegen.places.events import (
    Address,
    FileKept,
    Message,
    Noted,
    NotUp,
    Planned,
    Report,
    Up,
    Wrote,
)
from composegen.places.excluded import note_excluded
from composegen.places.reasons import format_reasons
from composegen.places.status import ExcludedNote
from composegen.planning.addressing import ClusterAddressing, name_on_cluster
from composegen.planning.exclusion import require, vary_plan
from composegen.planning.plan import Plan, reduce_stack, take_part
from composegen.records import field, record, replace
from composegen.system.signals import catch_signals
from composegen.targets.kubernetes.names import KUBERNETES_FILE, KUSTOMIZATION_FILE
from composegen.targets.output import Written, write_rendered
from composegen.workspace.clusterfiles import make_cluster_files
from composegen.workspace.secrets import Outcome
from composegen.workspace.workspace import Workspace

_STAYS = (
    "What was applied stays: inspect it with `composegen why` and `composegen logs`, "
    "remove it with `composegen down`."
)
_LOCK = "kubernetes.lock"
_PURPOSE = "bring the stack up"


@record
class UpOptions:
    """How to bring it up on a cluster.

    ``render`` makes the rendered files of a plan. ``limit`` is one deadline in seconds
    for everything, in place of each ``boot``; ``is_chosen`` says that a selection was
    typed: the files on the disk are left alone then. ``names`` are the services to
    bring up with all that they need, all where none is named; ``required`` are those
    that were asked for. ``level`` is what a namespace that is made admits; ``context``
    and ``namespace`` are those that were typed. ``ask`` asks a person, None where there
    is no one. With ``stay`` it goes on until a signal, and with ``forward`` the
    published ports lead to the cluster meanwhile.
    """

    render: Callable[[Plan], Texts]
    limit: float | None = None
    is_chosen: bool = False
    names: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    level: str = "restricted"
    context: str = ""
    namespace: str = ""
    ask: Callable[[str], bool] | None = None
    stay: bool = False
    forward: bool = False
    outside: Outside = field(default_factory=Outside)


def up_on_cluster(
    plan: Plan, workspace: Workspace, options: UpOptions, *, report: Report
) -> int:
    """Bring a plan up on a cluster; the exit code.

    Everything that happens is an event that is reported. Raises KubectlMissing,
    NoContext, OtherCluster, UsageError, ClusterUnreachable, ClusterRefused,
    ForeignObject and FileRefused before anything is changed, and Interrupted.
    """
    with catch_signals(_interrupt):
        find_kubectl(workspace.environment)
        return bring_up(
            lambda: _Up(plan, workspace, options, report),
            workspace.folder,
            lock=_LOCK,
            command="composegen up --on kubernetes",
            stays=options.stay,
        )


def _interrupt(code: ExitCode) -> None:
    raise Interrupted(code, help=_STAYS)


class _Up:
    """One bringing up, from the plan to the exit code."""

    def __init__(
        self, plan: Plan, workspace: Workspace, options: UpOptions, report: Report
    ) -> None:
        self.whole = plan
        part = take_part(plan, options.names) if options.names else plan
        self.plan = require(part, options.required)
        self.workspace = workspace
        self.folder = workspace.folder
        self.options = options
        self.report = report
        self.before = read_notes(self.folder)
        self.applied: list[Object] = []
        self.others: tuple[str, ...] = tuple(
            name_on_cluster(each) for each in plan.names if each not in self.plan.names
        )

    def carry_out(self) -> int:
        """Everything in its order; the exit code."""
        self.report(Planned(services=self.plan.names))
        texts = self.options.render(self.whole)
        where = self._choose_where()
        if where is None:
            self.report(Noted(text="nothing was applied"))
            return ExitCode.PROBLEM
        self.kubectl = where.make_kubectl(self.workspace.environment)
        is_there = find_namespace(self.kubectl)
        self._write_files(texts)
        self._make_secrets()
        objects = self._build(texts, where)
        project = find_project(objects)
        live = Live(found=())
        if is_there:
            live = look_at_live(self.kubectl, objects, project)
        self.notes = replace(
            make_notes(self.plan, project, where),
            began=time.time(),
            limit=self.options.limit,
            made_namespace=not is_there
            or bool(
                self.before is not None
                and self.before.where == where
                and self.before.made_namespace
            ),
        )
        if not is_there:
            make_namespace(self.kubectl, project, self.options.level)
            self.report(Noted(text=f"made the namespace {where.namespace}"))
        self._keep(self.notes)
        self._apply(objects, live)
        return self._boot()

    def stay(self) -> int:
        """Show what happens now that it is up, until a signal; its exit code."""
        forwards = list_forwards(self.plan, self.workspace.fill)
        notes = read_notes(self.folder) or self.notes
        out = {each.service for each in notes.excluded}
        staying = Staying(
            self.kubectl, ClusterPlace(self.workspace, notes), self.report
        )
        return staying.carry_out(
            each
            for each in forwards
            if self.options.forward and each.service not in out
        )

    def _choose_where(self) -> Where | None:
        options = self.options
        where = choose_where(
            self.workspace,
            self.plan.stack.name,
            context=options.context,
            namespace=options.namespace,
            ask=options.ask,
            purpose=_PURPOSE,
        )
        if where is None:
            return None
        noted = self.before.where if self.before is not None else None
        if noted is not None and where != noted:
            raise ClusterRefused(
                f"this stack is up in another place: {noted}",
                help="composegen down --on kubernetes removes it there; then bring it "
                "up here",
            )
        return where

    def _keep(self, notes: Notes) -> None:
        try:
            is_part = bool(self.options.names)
            # Read again: the user may have stopped another service meanwhile.
            kept = merge_notes(read_notes(self.folder), notes) if is_part else notes
            write_notes(self.folder, kept)
        except FileRefused as refused:
            self.report(Noted(text=refused.message))

    # Before anything is applied

    def _write_files(self, texts: Texts) -> None:
        if self.options.names:
            return
        files = {
            KUBERNETES_FILE: texts.objects,
            KUSTOMIZATION_FILE: texts.kustomization,
        }
        if self.options.is_chosen:
            flags = self.plan.selection.flags
            self.report(FileKept(file=" and ".join(files), flags=flags))
            return
        is_new = False
        for name, text in files.items():
            written = write_rendered(text, self.folder / name, is_named=False)
            if written is not Written.SAME:
                is_new = True
                self.report(Wrote(file=name, how=written.value))
        for line in texts.lost if is_new else ():
            self.report(Noted(text=f"a cluster does not carry this: {line}"))

    def _make_secrets(self) -> None:
        make_secrets(reduce_stack(self.whole), self.workspace, self.report)
        values = self.workspace.values
        for file in make_cluster_files(self.whole, self.folder, values):
            if file.outcome is Outcome.WRITTEN:
                self.report(Wrote(file=file.file))

    def _build(self, texts: Texts, where: Where) -> list[Object]:
        found = build_objects(self.kubectl, self.folder, texts, where)
        return drop_services(found, self.others)

    # Applying

    def _apply(self, objects: list[Object], live: Live) -> None:
        """Apply everything; a service that is scaled to 0 is started again."""
        stopped = () if self.before is None else self.before.stopped
        by_us = {name_on_cluster(each.service) for each in stopped}
        for each in find_scaled(live, objects):
            if each.is_off and each.service not in by_us:
                text = "was scaled to 0, and not by composegen: it is started"
                self.report(Message(service=each.service, text=text))
            scale(self.kubectl, each.path, each.replicas)
        jobs = find_outdated_jobs(self.kubectl, live, objects)
        for name in jobs:
            self.report(Message(service=name, text="is run again"))
        remove_jobs(self.kubectl, jobs)
        self.applied = objects
        for warning in apply_objects(self.kubectl, objects):
            self.report(Noted(text=f"the cluster says: {warning}"))
        for name in find_suspended(live):
            if name not in jobs:
                self.report(Message(service=name, text="was suspended: it goes on"))
                patch = '--patch={"spec":{"suspend":false}}'
                self.kubectl.call("patch", f"job/{name}", "--type=merge", patch)

    def _apply_without(self, without: Without, excluded: Iterable[str]) -> None:
        """Apply the services as they are without those that are excluded."""
        names = [name_on_cluster(each) for each in excluded]
        varied = vary_plan(self.whole, without, addressing=ClusterAddressing())
        make_cluster_files(
            self.whole, self.folder, self.workspace.values, varied=varied
        )
        objects = self._build(self.options.render(varied), self.notes.where)
        self.applied = drop_services(objects, names)
        apply_objects(self.kubectl, self.applied)
        remove_services(self.kubectl, self.notes.project, names)

    def _boot(self) -> int:
        booting = Booting(
            self.kubectl,
            self.notes,
            self.report,
            leaving=LeavingOut(
                self.kubectl,
                self.plan,
                self.report,
                apply=self._apply_without,
                keep=self._keep,
            ),
            outside=self.options.outside,
        )
        verdict = booting.carry_out()
        self._keep(verdict.notes)
        if verdict.reasons:
            text = format_reasons(verdict.reasons)
            self.report(NotUp(text=text, help=_STAYS))
            return ExitCode.PROBLEM
        if not self.options.names:
            prune(self.kubectl, self.notes.project, self.applied)
        self.report(self._describe_outcome(booting, verdict.notes))
        return ExitCode.FINE

    def _describe_outcome(self, booting: Booting, notes: Notes) -> Up:
        return Up(
            boots=booting.judge.list_boots(),
            addresses=tuple(
                Address(
                    service=each.name,
                    url=f"{each.object}.{notes.namespace}:{each.port}",
                )
                for each in notes.services
                if each.port is not None
                and notes.find_exclusion(each.name) is None
                and self._is_published(each.name)
            ),
            excluded=tuple(
                ExcludedNote(
                    service=each.service,
                    reason=each.reason,
                    instead=tuple(f"{one.service}: {one}" for one in each.fallbacks),
                )
                for each in self.plan.excluded
            )
            + note_excluded(notes.excluded),
            again=UP if notes.excluded else "",
        )

    def _is_published(self, name: str) -> bool:
        return bool(self.plan.stack.services[name].publish)
