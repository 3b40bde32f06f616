"""``composegen up``: render, run Compose, watch the engine, end.

Compose's exit code alone decides nothing: ``judge`` does, from the engine's events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from composegen.errors import ExitCode, FileRefused, Interrupted
from composegen.places.bringing import bring_up, make_secrets
from composegen.places.engine.boot import UP, UP_PART, Booting, BootOptions
from composegen.places.engine.client import Engine
from composegen.places.engine.compose import (
    VERSION,
    Project,
    ask_version,
    find_docker,
    makes_folders,
    would_replace,
)
from composegen.places.engine.compose_lines import speaks_of_unset
from composegen.places.engine.containers import Container
from composegen.places.engine.endpoint import Endpoint, find_endpoint
from composegen.places.engine.fit import Fitted, fit_environment, fit_plan
from composegen.places.engine.giving_up import GivenUp
from composegen.places.engine.leaving_out import Lost
from composegen.places.engine.lost_secrets import check_secrets
from composegen.places.engine.notes import (
    Notes,
    change_notes,
    write_notes,
)
from composegen.places.engine.noting import make_notes, merge_notes, recall_made
from composegen.places.engine.other_compose import describe_remade, find_unchanged
from composegen.places.engine.outcome import describe_outcome
from composegen.places.engine.ownership import check_makers, check_ownership
from composegen.places.engine.phases import Before, Phases
from composegen.places.engine.reach import find_unreached
from composegen.places.engine.renewal import list_outdated, stop_outlived
from composegen.places.engine.stay import Staying
from composegen.places.engine.supply import Supply
from composegen.places.engine.volumes import note_volumes
from composegen.places.engine.writing import Writing
from composegen.places.events import (
    Noted,
    NotUp,
    Output,
    Planned,
    Report,
)
from composegen.places.reasons import format_reasons
from composegen.planning.exclusion import require
from composegen.planning.plan import Plan, reduce_stack, take_part
from composegen.records import record, replace
from composegen.system.signals import catch_signals
from composegen.workspace.secrets import read_passwords
from composegen.workspace.unset import find_unset
from composegen.workspace.workspace import Workspace

_STAYS = (
    "The containers are still there: inspect them with `composegen why` and "
    "`composegen logs`, remove them with `composegen down`."
)
_LOCK = "up.lock"


@record
class UpOptions:
    """How to bring it up.

    ``limit`` is one deadline in seconds for everything, in place of each ``boot``;
    ``engine`` names the one that the file is for; ``is_chosen`` says that a
    selection was typed: the file on the disk is left alone then. ``names`` are the
    services to bring up with all that they need, all where none is named; the others
    stay as they are; ``required`` are those that were asked for, so that nothing starts
    without them. ``in_terminal`` says that what Compose prints in front goes to a
    terminal: it draws its progress there. ``take_over`` lets it replace containers of
    another folder, or of another Compose file; ``ask`` asks a person about the latter,
    None where there is no one. With ``stay`` it goes on until a signal.
    """

    build: bool = True
    limit: float | None = None
    engine: str = ""
    is_chosen: bool = False
    names: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    in_terminal: bool = False
    take_over: bool = False
    ask: Callable[[str], bool] | None = None
    stay: bool = False


def up_stack(
    plan: Plan, workspace: Workspace, options: UpOptions, *, report: Report
) -> int:
    """Bring a plan up on the Docker engine; the exit code.

    Everything that happens is an event that is reported.
    Raises EngineUnreachable, ComposeMissing, FileRefused, NoProjectName, UpAlready,
    OtherFolder, OtherFile and LostSecret before anything is changed, and Interrupted.
    """
    with catch_signals(_interrupt):
        find_docker()
        endpoint = find_endpoint(workspace.environment)
        with Engine(endpoint) as engine:
            return bring_up(
                lambda: _Up(plan, workspace, options, report, engine, endpoint),
                workspace.folder,
                lock=_LOCK,
                command="composegen up",
                stays=options.stay,
            )


def _interrupt(code: ExitCode) -> None:
    raise Interrupted(code, help=_STAYS)


class _Up:
    """One bringing up, from the plan to the exit code."""

    def __init__(
        self,
        plan: Plan,
        workspace: Workspace,
        options: UpOptions,
        report: Report,
        engine: Engine,
        endpoint: Endpoint,
    ) -> None:
        part = take_part(plan, options.names) if options.names else plan
        self.plan = require(part, options.required)
        self.workspace = workspace
        self.folder = workspace.folder
        self.options = options
        self.report = report
        self.engine = engine
        project = workspace.find_project(plan.stack.name)
        made = make_notes(self.plan, project, endpoint, workspace.fill)
        self.machine = engine.describe()
        self.writing = Writing(workspace, self.machine, options.engine)
        self.notes = replace(
            recall_made(workspace.folder, made, engine.list_containers(made.project)),
            began=engine.read_clock(),
            limit=options.limit,
        )
        self.project = Project(
            name=self.notes.project,
            folder=self.folder,
            endpoint=endpoint,
            environment=fit_environment(workspace.environment, self.machine),
            is_part=bool(options.names),
        )
        self.unchanged = find_unchanged(workspace.folder, self.notes)
        self.unset: frozenset[str] = frozenset()
        self.lost: Mapping[str, Lost] = {}
        self.fitted = self.plan
        self.is_noted = False

    def carry_out(self) -> int:
        """Everything in its order; the exit code. Notes that it was interrupted."""
        try:
            return self._carry_out()
        except Interrupted:
            if self.is_noted:
                self._keep(replace(self.notes, interrupted=True))
            raise

    def _carry_out(self) -> int:
        self._prepare()
        note_volumes(self.engine, self.notes, self.folder, is_before=True)
        given_up = self._get_images()
        if given_up is None:
            before = self.engine.list_containers(self.notes.project)
            stop_outlived(self.project, self.notes, before, self.report)
            boot = self._make_boot()
            given_up = boot.carry_out()
            self._tell_remade(before)
            note_volumes(self.engine, self.notes, self.folder)
            if not given_up.reasons:
                self._keep(given_up.notes)
                return self._end_boot(boot, given_up.notes)
        self._keep(given_up.notes)
        return self._give_up(given_up)

    def _prepare(self) -> None:
        """Check, render, make secrets and note it: then Compose may begin."""
        self.report(Planned(services=tuple(self.plan.names)))
        self._check_owner()
        check_secrets(self.engine, self.plan, self.workspace, self.notes.project)
        fitted = self._fit()
        self.fitted = fitted.plan
        text = self._render()
        if fitted.note:
            self.report(Noted(text=fitted.note))
        if fitted.note or self.writing.is_fitted:
            text = self.writing.render_fitted(fitted.plan)
        stack = reduce_stack(self.plan)
        make_secrets(stack, self.workspace, self.report)
        passwords = read_passwords(stack, self.folder)
        self.project = replace(
            self.project,
            text=text,
            environment={**self.project.environment, **passwords},
        )
        self._tell_unset(text, {**self.workspace.values, **passwords})
        self._write_notes()
        self.is_noted = True

    def _give_up(self, given_up: GivenUp) -> int:
        """Report why it is not up, and what still runs as it did before."""
        is_there = self.engine.list_containers(self.notes.project)
        for line in list_outdated(given_up.notes, is_there):
            self.report(Noted(text=line))
        text = format_reasons(given_up.reasons)
        self.report(NotUp(text=text, help=_STAYS if is_there else ""))
        return ExitCode.PROBLEM

    def stay(self) -> int:
        """Show what happens now that it is up, until a signal; its exit code."""
        staying = Staying(
            self.fitted,
            self.project,
            self.notes,
            self.writing.render_fitted,
            self.report,
            lock=_LOCK,
        )
        return staying.carry_out()

    def _make_boot(self) -> Booting:
        options = self.options
        phases = Phases(
            self.fitted,
            self.writing.render_fitted,
            UP_PART if options.names else UP,
            before=Before(
                without={each.name: each.without for each in self.notes.services},
                is_replaced=lambda name, text: would_replace(self.project, name, text),
            ),
            recreate=options.take_over,
        )
        return Booting(
            self.engine,
            self.project,
            self.notes,
            self.report,
            phases,
            BootOptions(
                limit=options.limit, unset=self.unset, lost=self.lost, keep=self._keep
            ),
        )

    def _write_notes(self) -> None:
        if not self.options.names:
            write_notes(self.folder, self.notes)
            return
        change_notes(
            self.folder, self.notes, lambda noted: merge_notes(noted, self.notes)
        )

    def _keep(self, notes: Notes) -> None:
        """Note what was seen; what is to be said matters more than that it is kept."""
        if notes == self.notes:
            return
        keep = merge_notes if self.options.names else _keep_whole
        try:
            change_notes(self.folder, notes, lambda noted: keep(noted, notes))
        except FileRefused as refused:
            self.report(Noted(text=refused.message))

    def _check_owner(self) -> None:
        """Whose the containers are that would be changed."""
        options, project = self.options, self.notes.project
        check_ownership(
            self.engine,
            project,
            self.folder,
            take_over=options.take_over,
            tell=lambda text: self.report(Noted(text=text)),
        )
        check_makers(
            self.engine,
            project,
            self.folder,
            take_over=options.take_over,
            ask=options.ask,
        )

    def _fit(self) -> Fitted:
        """The plan as this engine can start it; what does not fit is raised."""
        return fit_plan(
            self.plan,
            self.folder,
            self.machine,
            is_local=self.project.endpoint.is_local,
            builds=self.options.build,
            is_classic=self.project.environment.get("DOCKER_BUILDKIT") == "0",
            makes_folders=lambda: makes_folders(ask_version(*VERSION)),
            fill=self.workspace.fill,
        )

    def _render(self) -> str:
        """The text of the file, which is written unless a part was chosen."""
        text = self.writing.render(self.plan)
        if self.options.is_chosen and not self.options.names:
            self.writing.keep_file(self.plan, self.report)
        elif not self.options.names:
            self.writing.write_file(self.plan, text, self.report)
        return text

    def _tell_unset(self, text: str, values: Mapping[str, str]) -> None:
        """Say which variables will be empty, and of whom; Compose says it in vain."""
        unset = [each for each in find_unset(text, values) if not each.is_required]
        for each in unset:
            self.report(Noted(text=f"{each.message}; {each.help}"))
        self.unset = frozenset(each.name for each in unset)

    def _get_images(self) -> GivenUp | None:
        """Build and pull what is missing, its progress shown; what went wrong."""
        supply = Supply(
            self.engine,
            self.project,
            self.notes,
            self.workspace,
            self._show,
            in_terminal=self.options.in_terminal,
        )
        given_up = supply.get(self.plan, builds=self.options.build)
        self.lost = supply.lost
        return given_up

    def _tell_remade(self, before: tuple[Container, ...]) -> None:
        """Say what was recreated although nothing of it has changed."""
        if not before or not self.unchanged:
            return
        after = self.engine.list_containers(self.notes.project)
        text = describe_remade(before, after, self.unchanged)
        if text:
            self.report(Noted(text=text))

    def _show(self, text: str) -> None:
        """Show what Compose prints, but for what was reported better."""
        lines = text.splitlines(keepends=True)
        shown = "".join(each for each in lines if not speaks_of_unset(each, self.unset))
        if shown:
            self.report(Output(text=shown))

    def _end_boot(self, boot: Booting, notes: Notes) -> int:
        """Everything is ready; the exit code says whether it can be reached too."""
        containers = self.engine.list_containers(self.notes.project)
        required = []
        for reason in find_unreached(self.engine, notes, containers):
            noted = self.notes.find(reason.service)
            if noted is not None and noted.is_required:
                required.append(reason)
            else:
                self.report(Noted(text=str(reason).rstrip()))
        if required:
            self.report(NotUp(text=format_reasons(required), help=_STAYS))
            return ExitCode.PROBLEM
        self.report(
            describe_outcome(
                self.plan,
                notes,
                boot.judge.list_boots(),
                containers,
                stays=self.options.stay,
            )
        )
        return ExitCode.FINE


def _keep_whole(noted: Notes, seen: Notes) -> Notes:
    """What was seen, and what another terminal has stopped meanwhile."""
    return replace(seen, stopped=noted.stopped)
