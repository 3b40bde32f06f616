"""Whether this machine can run a stack, on the Docker engine and as processes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from composegen.errors import (
    CannotRun,
    ComposegenError,
    Level,
    MissingVariable,
)
from composegen.model import SecretKind
from composegen.oserrors import describe_closed, find_closed
from composegen.paths import is_file
from composegen.places.engine.client import Engine
from composegen.places.engine.compose import VERSION, ask_version, makes_folders
from composegen.places.engine.containers import Container, ImageBuild, Machine
from composegen.places.engine.endpoint import Endpoint, find_endpoint
from composegen.places.engine.examine import (
    has_systemd,
    look_at_images,
    look_at_limits,
    look_at_podman,
)
from composegen.places.engine.fit import list_missing
from composegen.places.engine.images import list_images
from composegen.places.engine.registry import Offer
from composegen.places.engine.tools import (
    look_at_api,
    look_at_tools,
    read_version,
    uses_start_interval,
)
from composegen.places.findings import (
    Finding,
    Where,
    say_broken,
    say_doubtful,
    say_fine,
    say_problem,
)
from composegen.places.processes.environment import Surroundings, read_surroundings
from composegen.places.processes.plan import find_obstacle, suggest_way
from composegen.planning.plan import Plan, Step
from composegen.records import record
from composegen.system.holders import describe_holder
from composegen.system.listeners import is_free
from composegen.targets.compose.render import render_plan
from composegen.targets.files import Options
from composegen.targets.output import find_refusal, suggest_output
from composegen.text import list_some
from composegen.workspace.dotenv import fill_variables
from composegen.workspace.project import find_project
from composegen.workspace.unset import find_unset
from composegen.workspace.workspace import Workspace

OLDEST_ENGINE = (25,)
_LITTLE_ROOM, _NO_ROOM = 5 << 30, 1 << 30


class Asked(Protocol):
    """What is asked of an engine."""

    def describe(self) -> Machine:
        """Its version and its machine."""
        ...

    def list_containers(self, project: str) -> tuple[Container, ...]:
        """The containers of a project."""
        ...

    def find_image(self, name: str) -> ImageBuild | None:
        """An image that it has."""
        ...

    def ask_registry(self, name: str) -> Offer:
        """Whether an image's registry offers it; from several threads at once."""
        ...


@record
class Means:
    """How this machine is looked at; tests hand in their own."""

    environment: Mapping[str, str]
    connect: Callable[[Endpoint], Asked] = Engine
    ask_version: Callable[..., str | None] = ask_version
    is_free: Callable[[int], bool] = is_free
    find_holder: Callable[[int], str] = describe_holder
    has_systemd: Callable[[], bool] = has_systemd
    measure_room: Callable[[str], int | None]


def look_at_this_machine() -> Means:
    """The means to look at the machine that this runs on."""
    return Means(environment=os.environ, measure_room=measure_room)


def measure_room(path: str) -> int | None:
    """The free bytes of a path's disk; None where it cannot be seen from here."""
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return None


def examine(plan: Plan | None, folder: Path, means: Means) -> list[Finding]:
    """Everything that matters for a plan; without one, for any stack."""
    return list(_Examination(plan, folder, means).look())


def find_ways(findings: list[Finding]) -> list[Where]:
    """The ways in which the stack can run here."""
    broken = {
        each.where for each in findings if each.blocks or each.level is Level.ERROR
    }
    if Where.BOTH in broken:
        return []
    return [each for each in (Where.ENGINE, Where.PROCESSES) if each not in broken]


class _Examination:
    """One look at the machine."""

    def __init__(self, plan: Plan | None, folder: Path, means: Means) -> None:
        self.plan = plan
        self.folder = folder
        self.means = means
        self.around: Surroundings = read_surroundings(
            Workspace(folder / "stack.yaml", means.environment)
        )
        self.steps: tuple[Step, ...] = plan.steps if plan is not None else ()
        self.own_ports: set[int] = set()
        self.has_engine = self.is_podman = False

    def look(self) -> Iterator[Finding]:
        yield from self._look_at_engine()
        yield from self._look_at_ports()
        yield from self._look_at_variables()
        yield from self._look_at_secrets()
        yield from self._look_at_files()
        yield from self._look_at_output()
        yield from self._look_at_programs()

    # The engine

    def _look_at_engine(self) -> Iterator[Finding]:
        endpoint = find_endpoint(self.means.environment)
        try:
            engine = self.means.connect(endpoint)
            machine = engine.describe()
        except ComposegenError as error:
            yield say_broken(Where.ENGINE, error.message, error.help)
        else:
            self.has_engine, self.is_podman = True, machine.is_podman
            yield from self._look_at_machine(machine, endpoint)
            self._note_ports(engine)
            if self.plan is not None:
                yield from look_at_limits(self.plan, machine)
                yield from look_at_api(self.plan, machine)
                yield from self._look_at_images(self.plan, engine)
        # Podman builds by itself, unless BuildKit is asked for.
        wants_buildkit = self.means.environment.get("DOCKER_BUILDKIT", "0") != "0"
        yield from look_at_tools(
            self.plan,
            self.means.ask_version,
            has_builder=self.is_podman and not wants_buildkit,
        )

    def _look_at_machine(
        self, machine: Machine, endpoint: Endpoint
    ) -> Iterator[Finding]:
        rootless = ", rootless" if machine.is_rootless else ""
        is_old = read_version(machine.version) < OLDEST_ENGINE
        name = "Podman" if machine.is_podman else "Docker engine"
        what = f"{name} {machine.version}, API {machine.api}{rootless}"
        if machine.is_podman:
            yield say_fine(Where.ENGINE, f"{what} ({endpoint})")
            yield from look_at_podman(
                self.plan,
                is_local=endpoint.is_local,
                has_systemd=self.means.has_systemd(),
            )
        elif is_old and uses_start_interval(self.plan):
            yield Finding(
                where=Where.ENGINE,
                message=f"{what}: it does not support start_interval",
                level=Level.WARNING,
                help="composegen render --engine "
                f"{read_version(machine.version)[0]}, or install 25 or later",
            )
        else:
            yield say_fine(Where.ENGINE, f"{what} ({endpoint})")
        room = self.means.measure_room(machine.root) if endpoint.is_local else None
        if room is None:
            return
        shown = f"{room / (1 << 30):.1f} GB are free for images and volumes"
        help = "what takes the room: docker system df; the cache: docker builder prune"
        if room < _NO_ROOM:
            yield say_broken(Where.ENGINE, shown, help)
        elif room < _LITTLE_ROOM:
            yield Finding(
                where=Where.ENGINE, message=shown, level=Level.WARNING, help=help
            )
        else:
            yield say_fine(Where.ENGINE, shown)

    def _look_at_images(self, plan: Plan, engine: Asked) -> Iterator[Finding]:
        try:
            wanted = list_images(plan, self._find_project(plan), self._fill)
            yield from look_at_images(plan, wanted, engine)
        except ComposegenError as error:
            yield say_broken(Where.ENGINE, error.message, error.help)

    def _fill(self, text: str) -> str:
        return fill_variables(text, self.around.values)

    def _find_project(self, plan: Plan) -> str:
        return find_project(plan.stack.name, self.folder, self.around.values)

    def _note_ports(self, engine: Asked) -> None:
        """The ports that this very stack has published already."""
        if self.plan is None:
            return
        try:
            containers = engine.list_containers(self._find_project(self.plan))
        except ComposegenError:
            return
        self.own_ports = {
            each.port
            for container in containers
            for each in container.published
            if container.is_running
        }

    # What the stack takes

    def _look_at_ports(self) -> Iterator[Finding]:
        free = []
        for step in self.steps:
            for port in self._list_ports(step):
                if port in self.own_ports:
                    continue
                if self.means.is_free(port):
                    free.append(port)
                    continue
                holder = self.means.find_holder(port)
                by = f" by {holder}" if holder else ""
                inside = step.service.port or port
                yield say_broken(
                    Where.BOTH,
                    f"port {port} of `{step.name}` is taken{by}",
                    f"stop it, or choose another port under `{step.name}`:\n"
                    f'publish: "{port + 1}:{inside}"',
                )
        if free:
            shown = ", ".join(map(str, sorted(set(free))))
            yield say_fine(Where.BOTH, f"free: port{'s' * (len(free) > 1)} {shown}")

    def _list_ports(self, step: Step) -> Iterator[int]:
        for port in step.service.publish:
            try:
                text = fill_variables(port.published, self.around.values)
            except MissingVariable:
                continue  # the variable is reported
            if port.protocol == "tcp" and text.isdigit():
                yield int(text)

    def _look_at_variables(self) -> Iterator[Finding]:
        if self.plan is None:
            return
        text = "".join(file.text for file in render_plan(self.plan, Options()))
        passwords = {each.variable: "set" for each in self.plan.secrets.values()}
        for unset in find_unset(text, {**passwords, **self.around.values}):
            say = say_broken if unset.is_required else say_doubtful
            yield say(Where.BOTH, unset.message, unset.help)

    def _look_at_secrets(self) -> Iterator[Finding]:
        secrets = self.plan.secrets.values() if self.plan is not None else ()
        for secret in secrets:
            path = self.folder / secret.file
            closed = find_closed(path)
            if closed is not None:
                words, help = describe_closed(closed)
                yield say_broken(Where.BOTH, f"{secret.file}: {words}", help)
                continue
            is_filled = is_file(path) and path.stat().st_size > 0
            if is_filled or secret.kind in {SecretKind.GENERATE, SecretKind.URL}:
                continue
            if secret.kind is SecretKind.FILE and not is_file(path):
                yield say_broken(
                    Where.BOTH, f"{secret.file} does not exist", f"make {secret.file}"
                )
            elif secret.kind is SecretKind.FILE:
                yield say_doubtful(
                    Where.BOTH, f"{secret.file} is empty", f"fill {secret.file}"
                )
            elif not self.around.values.get(secret.source):
                yield say_doubtful(
                    Where.BOTH,
                    f"the secret {secret.name} is empty",
                    f"set {secret.source} in .env or in the environment",
                )

    def _look_at_files(self) -> Iterator[Finding]:
        if self.plan is None:
            return
        is_local = find_endpoint(self.means.environment).is_local
        sources = {secret.source for secret in self.plan.secrets.values()}
        missing = list_missing(
            self.plan,
            self.folder,
            is_local=is_local,
            makes_folders=lambda: makes_folders(self.means.ask_version(*VERSION)),
        )
        for problem in missing:
            if not any(problem.message.startswith(f"`{file}`") for file in sources):
                yield say_problem(Where.ENGINE, problem)

    def _look_at_output(self) -> Iterator[Finding]:
        """Whether `up` may write the rendered file."""
        if self.plan is None:
            return
        path = self.folder / self.plan.stack.output
        try:
            reason = find_refusal(path)
        except ComposegenError as error:
            yield say_broken(Where.ENGINE, error.message, error.help)
            return
        if reason:
            yield say_broken(
                Where.ENGINE, f"{path.name} {reason}", suggest_output(path)
            )

    def _look_at_programs(self) -> Iterator[Finding]:
        """What can run as a process; a stack without `local` is not meant to."""
        is_meant = any(step.service.local for step in self._list_own())
        if not is_meant and self.steps:
            names = list_some(step.name for step in self._list_own())
            yield Finding(
                where=Where.PROCESSES,
                message=f"this stack is for containers: {names} "
                f"{'has' if len(self._list_own()) == 1 else 'have'} no `local`",
                level=Level.NOTE,
                help="docs/run.md explains how to run services as processes",
                blocks=True,
            )
            return
        for step in self.steps:
            yield from self._look_at_program(step)

    def _list_own(self) -> list[Step]:
        """The services that no recipe says how to run."""
        return [step for step in self.steps if not step.service.recipe]

    def _look_at_program(self, step: Step) -> Iterator[Finding]:
        try:
            obstacle = find_obstacle(step.service, self.around)
        except CannotRun as error:
            yield say_broken(Where.PROCESSES, error.message, error.help)
            return
        if not obstacle:
            yield say_fine(Where.PROCESSES, f"`{step.name}` can run as a process")
            return
        service = step.service
        is_needed_store = step.is_required and service.is_store
        if is_needed_store and service.image and self.has_engine:
            message = f"`{step.name}` can run in Docker next to processes"
            yield say_fine(Where.PROCESSES, message)
            return
        yield Finding(
            where=Where.PROCESSES,
            message=f"`{step.name}` cannot run as a process: {obstacle}",
            level=Level.ERROR if step.is_required else Level.WARNING,
            help=suggest_way(service, self.around),
        )
