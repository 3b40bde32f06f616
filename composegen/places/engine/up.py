"""``composegen up``: render, run Compose, watch the engine, end.

Compose's exit code alone decides nothing: ``judging`` does, from the engine's events.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from composegen.errors import (
    ExitCode,
    FileRefused,
    Interrupted,
    MissingVariable,
    UpAlready,
)
from composegen.paths import exists
from composegen.places.engine.boot import Booting
from composegen.places.engine.client import Engine
from composegen.places.engine.compose import Project, find_docker, run_compose
from composegen.places.engine.containers import Container
from composegen.places.engine.endpoint import Endpoint, find_endpoint
from composegen.places.engine.lost_secrets import check_secrets
from composegen.places.engine.notes import Notes, write_notes
from composegen.places.engine.noting import make_notes
from composegen.places.engine.ownership import check_makers, check_ownership
from composegen.places.engine.reach import find_unreached
from composegen.places.engine.status import find_addresses
from composegen.places.engine.why import explain_compose
from composegen.places.events import (
    Address,
    FileIgnored,
    FileKept,
    Noted,
    NotUp,
    Output,
    Planned,
    Report,
    SecretEmpty,
    Up,
    Wrote,
)
from composegen.places.reasons import Reason, format_reasons
from composegen.places.status import LeftOutNote
from composegen.planning.plan import Plan, reduce_stack
from composegen.records import record, replace
from composegen.system.signals import catch_signals
from composegen.targets.compose.render import render_plan
from composegen.targets.files import Options
from composegen.targets.output import Written, find_prefix, write_rendered
from composegen.workspace.secrets import (
    Outcome,
    check_made,
    make_secret_files,
    read_passwords,
)
from composegen.workspace.state import hold_lock
from composegen.workspace.workspace import Workspace

_STAYS = (
    "The containers are still there: inspect them with `composegen why` and "
    "`composegen logs`, remove them with `composegen down`."
)
_LOCK = "up.lock"
_OVERRIDES = ("compose.override.yaml", "compose.override.yml")


@record
class UpOptions:
    """How to bring it up.

    ``limit`` is one deadline in seconds for everything, in place of each ``boot``;
    ``engine`` the oldest engine that the file is for; ``is_chosen`` says that a
    selection was typed: the file on the disk is left alone then. ``in_terminal`` says
    that what Compose prints in front goes to a terminal: it draws its progress there.
    ``take_over`` lets it replace containers of another folder, or of another Compose
    file; ``ask`` asks a person about the latter, None where there is no one.
    """

    build: bool = True
    limit: float | None = None
    engine: int = Options().engine
    is_chosen: bool = False
    in_terminal: bool = False
    take_over: bool = False
    ask: Callable[[str], bool] | None = None


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
        with (
            Engine(endpoint) as engine,
            hold_lock(workspace.folder, _LOCK) as is_ours,
        ):
            if not is_ours:
                raise UpAlready(
                    "another `composegen up` is running in this folder",
                    help="wait for it, or stop it with Ctrl-C in its terminal",
                )
            up = _Up(plan, workspace, options, report, engine, endpoint)
            return up.carry_out()


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
        self.plan = plan
        self.workspace = workspace
        self.folder = workspace.folder
        self.options = options
        self.report = report
        self.engine = engine
        project = workspace.find_project(plan.stack.name)
        self.notes = make_notes(plan, project, endpoint)
        self.project = Project(
            name=self.notes.project,
            folder=self.folder,
            endpoint=endpoint,
            environment=workspace.environment,
        )

    def carry_out(self) -> int:
        """Everything in its order; the exit code."""
        self.report(Planned(services=tuple(self.plan.names)))
        self._check_owner()
        check_secrets(self.engine, self.plan, self.workspace, self.notes.project)
        text = self._render()
        self._make_secrets()
        passwords = read_passwords(reduce_stack(self.plan), self.folder)
        self.project = replace(
            self.project,
            text=text,
            environment={**self.workspace.environment, **passwords},
        )
        write_notes(self.folder, self.notes)
        reasons = self._get_images()
        if not reasons:
            boot = Booting(
                self.engine,
                self.project,
                self.notes,
                self.report,
                limit=self.options.limit,
                recreate=self.options.take_over,
            )
            reasons = boot.carry_out()
            if not reasons:
                return self._end_boot(boot)
        try:
            write_notes(self.folder, _note_failures(self.notes, reasons))
        except FileRefused as refused:  # the reasons matter more
            self.report(Noted(text=refused.message))
        is_there = self.engine.list_containers(self.notes.project)
        text = format_reasons(reasons)
        self.report(NotUp(text=text, help=_STAYS if is_there else ""))
        return ExitCode.PROBLEM

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

    def _render(self) -> str:
        path = self.folder / "compose.yaml"
        made = Options(
            engine=self.options.engine,
            prefix=find_prefix(path, self.folder),
            name=path.name,
        )
        [file] = render_plan(self.plan, made)
        if self.options.is_chosen:
            flags = self.plan.selection.flags
            self.report(FileKept(file=path.name, flags=flags))
            return file.text
        try:
            written = write_rendered(file.text, path)
        except FileRefused as refused:
            refused.help = (
                "composegen render --force replaces it and keeps a .bak; "
                "or move it out of the way"
            )
            raise
        if written is not Written.SAME:
            self.report(Wrote(file=path.name, how=written.value))
        for name in _OVERRIDES:
            if exists(self.folder / name):
                self.report(FileIgnored(file=name, stack=self.plan.stack.file))
        return file.text

    def _make_secrets(self) -> None:
        made = make_secret_files(
            reduce_stack(self.plan), self.folder, self.workspace.environment
        )
        check_made(made)
        for each in made:
            if each.outcome is Outcome.WRITTEN:
                self.report(Wrote(file=each.secret.file))
            elif each.outcome is Outcome.EMPTY:
                self.report(SecretEmpty(file=each.secret.file, help=each.help))

    def _get_images(self) -> list[Reason]:
        """Build and pull what is missing, its progress shown; what went wrong."""
        services = [step.service for step in self.plan.steps]
        if self.options.build and any(service.build for service in services):
            built = [service.name for service in services if service.build]
            failed = self._compose_in_front("build", about=built)
            if failed:
                return failed
        missing = [service.name for service in services if self._must_pull(service)]
        if missing:
            words = ("pull", "--policy", "missing", *missing)
            return self._compose_in_front(*words, about=missing)
        return []

    def _must_pull(self, service: Any) -> bool:
        policy = service.passed.get("pull_policy", "missing")
        if service.build is not None or policy not in {"missing", "if_not_present"}:
            return False
        try:
            image = self.workspace.fill(service.image)
        except MissingVariable:
            return False  # Compose says better what is not set
        return self.engine.find_image(image) is None

    def _compose_in_front(self, *words: str, about: list[str]) -> list[Reason]:
        code, said = run_compose(
            self.project,
            *words,
            show=lambda text: self.report(Output(text=text)),
            in_terminal=self.options.in_terminal,
        )
        if code == 0:
            return []
        lines = said.splitlines()
        return explain_compose(self.engine, self.notes, self.folder, lines, among=about)

    def _end_boot(self, boot: Booting) -> int:
        """Everything is ready; the exit code says whether it can be reached too."""
        containers = self.engine.list_containers(self.notes.project)
        required = []
        for reason in find_unreached(self.engine, self.notes, containers):
            noted = self.notes.find(reason.status.service)
            if noted is not None and noted.is_required:
                required.append(reason)
            else:
                self.report(Noted(text=str(reason).rstrip()))
        if required:
            self.report(NotUp(text=format_reasons(required), help=_STAYS))
            return ExitCode.PROBLEM
        self.report(self._describe_outcome(boot, containers))
        return ExitCode.FINE

    def _describe_outcome(self, boot: Booting, containers: tuple[Container, ...]) -> Up:
        return Up(
            boots=boot.judge.list_boots(),
            addresses=tuple(
                Address(service=name, url=address)
                for name, address in find_addresses(self.notes, containers)
            ),
            left_out=tuple(
                LeftOutNote(
                    service=each.service,
                    reason=each.reason,
                    instead=tuple(f"{one.service}: {one}" for one in each.fallbacks),
                )
                for each in self.plan.left_out
            ),
        )


def _note_failures(notes: Notes, reasons: list[Reason]) -> Notes:
    failures = [each.failure for each in reasons if each.failure is not None]
    return replace(
        notes,
        complaint="\n".join(each.reason.removeprefix("Compose: ") for each in failures),
        failed=tuple(each.service for each in failures),
        late=tuple(each.service for each in failures if each.exit_code is None),
    )
