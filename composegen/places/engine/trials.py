"""Starting a service in a project of its own, as often as it takes to know something.

Nothing of the real project is touched, and nothing of the scratch project is left.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Mapping
from typing import Any

from composegen.errors import CannotHarden
from composegen.model import SecretKind
from composegen.paths import exists, is_folder
from composegen.places.engine.boot import UP_PART, Booting
from composegen.places.engine.cause import CauseName
from composegen.places.engine.client import Engine
from composegen.places.engine.compose import (
    Project,
    ask_compose,
    find_docker,
    run_compose,
)
from composegen.places.engine.compose_lines import find_complaint
from composegen.places.engine.fit import fit_environment, fit_options, fit_plan
from composegen.places.engine.lasting import find_death
from composegen.places.engine.noting import make_notes
from composegen.places.engine.phases import OneCall
from composegen.places.engine.scratch import (
    VOLUME_LABEL,
    Scratch,
    check_size,
    copy_files,
    make_scratch,
)
from composegen.places.events import Event
from composegen.places.reasons import Reason
from composegen.planning.plan import Plan, reduce_stack
from composegen.records import record, replace
from composegen.targets.compose.render import render_plan
from composegen.targets.files import Options
from composegen.text import list_some
from composegen.workspace.secrets import check_made, make_secret_files, read_passwords
from composegen.workspace.state import make_state_folder
from composegen.workspace.workspace import Workspace

_FOLDER = "harden"
_LINES = 8
_DOWN = ("down", "--volumes", "--remove-orphans", "--timeout", "1")

_CHANGES_DEFINITION = frozenset(
    {
        CauseName.READ_ONLY_FOLDER,
        CauseName.FOLDER_DENIED,
        CauseName.IMAGE_FOLDER_DENIED,
        CauseName.NO_EXEC,
        CauseName.CAPABILITY_MISSING,
        CauseName.PORT_DENIED,
        CauseName.PORT_DENIED_TO_USER,
    }
)
"""The causes whose help is lines for the stack file in place of the relaxation.

Others name volumes and files of the scratch project, or say to relax.
"""


@record
class Started:
    """How one start went: without a reason the service came up."""

    seconds: float
    reason: Reason | None = None


class Trials:
    """Starts plans in a scratch project; ``clear`` removes all of it.

    ``project`` is its name on the engine.
    """

    def __init__(self, engine: Engine, workspace: Workspace, project: str) -> None:
        self._engine = engine
        self._workspace = workspace
        self._folder = make_state_folder(workspace.folder) / _FOLDER
        self._project = Project(
            name=project,
            folder=workspace.folder,
            endpoint=engine.endpoint,
            environment=fit_environment(workspace.environment, engine.describe()),
        )
        self._is_built = False

    def start(self, plan: Plan, service: str, *, is_fresh: bool) -> Started:
        """Start a plan, on new volumes or on those that the start before has left.

        Raises CannotHarden where it cannot be tried at all.
        """
        if is_fresh:
            self._take_down()
        began = time.monotonic()
        fitted = fit_plan(
            plan,
            self._workspace.folder,
            self._engine.describe(),
            is_local=self._project.endpoint.is_local,
            is_classic=self._project.environment.get("DOCKER_BUILDKIT") == "0",
        ).plan
        scratch, project = self._make_project(fitted)
        if not self._is_built:
            self._get_images(project, fitted)
        if is_fresh:
            self._copy(scratch, project)
        notes = replace(
            make_notes(fitted, project.name, project.endpoint, self._workspace.fill),
            began=self._engine.read_clock(),
        )
        again = () if is_fresh else ("--force-recreate",)
        call = OneCall(fitted.names, (*UP_PART, *again), makes_containers=True)
        boot = Booting(self._engine, project, notes, _ignore, call)
        ended = boot.carry_out()
        about = [each for each in ended.reasons if each.service == service]
        reason = next(iter((*about, *ended.reasons)), None) or find_death(
            self._engine, ended.notes, project.folder, service
        )
        seconds = time.monotonic() - began
        return Started(seconds=seconds, reason=reason and _shorten(reason))

    def has_data(self, service: str) -> bool:
        """Whether a service that was started has volumes, which a start may find."""
        found = self._engine.list_containers(self._project.name)
        return any(
            mount.kind == "volume"
            for each in found
            if each.service == service
            for mount in each.mounts
        )

    def check_volumes(self) -> None:
        """Refuse to remove volumes of a real project of this name.

        Raises CannotHarden.
        """
        own = self._list_volumes(f"{VOLUME_LABEL}={self._folder}")
        others = sorted(self._list_volumes() - own)
        if others:
            raise CannotHarden(
                f"the engine has volumes of a project `{self._project.name}` that "
                f"`harden` has not made: {list_some(others)}",
                help="give this stack another `name`, or remove them if they hold "
                f"nothing:\ndocker volume rm {' '.join(others)}",
            )

    def _list_volumes(self, *labels: str) -> set[str]:
        wanted = (f"com.docker.compose.project={self._project.name}", *labels)
        filters = [word for text in wanted for word in ("--filter", f"label={text}")]
        return {*self._run_docker("volume", "ls", "--quiet", *filters).stdout.split()}

    def clear(self) -> None:
        """Remove everything that was made, of an earlier call too."""
        self._take_down()
        listed = self._run_docker(
            *("image", "ls", "--quiet", "--no-trunc", "--filter"),
            f"label=com.docker.compose.project={self._project.name}",
        )
        images = sorted({*listed.stdout.split()})
        if images:
            self._run_docker("image", "rm", "--force", *images)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _take_down(self) -> None:
        run_compose(self._project, *_DOWN, show=_ignore)

    def _make_project(self, plan: Plan) -> tuple[Scratch, Project]:
        """The project for Compose; the secrets of it are made, copies are not."""
        [file] = render_plan(plan, fit_options(Options(), self._engine.describe()))
        passwords = self._make_secrets(plan)
        values = {**self._project.environment, **passwords}
        project = replace(self._project, text=file.text, environment=values)
        done = ask_compose(project, "config", "--format", "json")
        if done.returncode:
            raise CannotHarden(find_complaint(done.stderr.splitlines()))
        model: Mapping[str, Any] = json.loads(done.stdout)
        secrets = self._workspace.folder / ".secrets"
        scratch = make_scratch(model, self._folder, secrets)
        if not self._project.endpoint.is_local and (scratch.copies or scratch.fillings):
            raise CannotHarden(
                "the engine is on another machine, whose folders cannot be copied"
            )
        return scratch, replace(project, text=json.dumps(scratch.model))

    def _make_secrets(self, plan: Plan) -> dict[str, str]:
        """Make the secrets' files in the scratch folder; the passwords among them."""
        stack = reduce_stack(plan)
        found = {
            name: replace(secret, source=str(self._workspace.folder / secret.source))
            if secret.kind is SecretKind.FILE
            else secret
            for name, secret in stack.secrets.items()
        }
        stack = replace(stack, secrets=found)
        own, copies = self._workspace.folder / ".secrets", self._folder / ".secrets"
        if is_folder(own) and not exists(copies):
            shutil.copytree(own, copies)
        self._folder.mkdir(exist_ok=True)
        check_made(make_secret_files(stack, self._folder, self._workspace.values))
        return read_passwords(stack, self._folder)

    def _get_images(self, project: Project, plan: Plan) -> None:
        """Build and pull what is missing, once."""
        services = [step.service for step in plan.steps]
        words = ("build",) if any(each.build for each in services) else ()
        for command in (words, ("pull", "--policy", "missing", "--ignore-buildable")):
            if not command:
                continue
            code, said = run_compose(project, *command, show=_ignore)
            if code:
                raise CannotHarden(find_complaint(said.splitlines()))
        self._is_built = True

    def _copy(self, scratch: Scratch, project: Project) -> None:
        """Copy what is mounted of the host; the folders into volumes, as the engine."""
        mounted = {each.source: each.service for each in scratch.fillings}
        check_size({**dict.fromkeys(scratch.copies, "a service"), **mounted})
        shutil.rmtree(self._folder / "copies", ignore_errors=True)
        copy_files(scratch, self._folder)
        if not scratch.fillings:
            return
        code, said = run_compose(
            project, *UP_PART[:1], "--no-start", "--no-build", show=_ignore
        )
        if code:
            raise CannotHarden(find_complaint(said.splitlines()))
        ids = {
            each.service: each.id
            for each in self._engine.list_containers(self._project.name)
        }
        for each in scratch.fillings:
            place = f"{ids[each.service]}:{each.target}"
            done = self._run_docker("cp", "--archive", f"{each.source}/.", place)
            if done.returncode:
                said = done.stderr.strip()
                raise CannotHarden(f"{each.source} cannot be copied: {said}")

    def _run_docker(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [find_docker(), *words],
            cwd=self._project.place,
            env=self._project.make_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            start_new_session=True,
        )


def _shorten(reason: Reason) -> Reason:
    """What was seen; only a help that is about the service's definition stays."""
    failure = reason.failure
    if failure is not None and failure.cause_name not in _CHANGES_DEFINITION:
        failure = replace(failure, help="")
    return replace(reason, failure=failure, lines=reason.lines[-_LINES:])


def _ignore(_: Event | str) -> None:
    """What happens in the scratch project is not what a person asked about."""
