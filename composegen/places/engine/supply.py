"""Gets the images of a plan before anything is started: builds and pulls them.

Those of optional services come by calls of Compose of their own: one that cannot be got
excludes its service, and stops nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from composegen.errors import MissingVariable
from composegen.model import Service
from composegen.places.engine.client import Engine
from composegen.places.engine.compose import Project, run_compose
from composegen.places.engine.culprit import speaks_of
from composegen.places.engine.giving_up import GivenUp, explain_compose
from composegen.places.engine.leaving_out import Lost
from composegen.places.engine.notes import Notes
from composegen.planning.asking import find_helper
from composegen.planning.plan import Plan
from composegen.records import replace
from composegen.workspace.workspace import Workspace

_PULL = ("pull", "--policy", "missing")


class Supply:
    """Gets images; ``lost`` are the optional services that are without theirs.

    ``show`` gets what Compose prints; ``in_terminal`` says that it goes to a terminal.
    """

    def __init__(
        self,
        engine: Engine,
        project: Project,
        notes: Notes,
        workspace: Workspace,
        show: Callable[[str], None],
        *,
        in_terminal: bool,
    ) -> None:
        self.lost: dict[str, Lost] = {}
        self._engine = engine
        self._project = project
        self._notes = notes
        self._workspace = workspace
        self._show = show
        self._in_terminal = in_terminal
        self._probe_image = ""

    def get(self, plan: Plan, *, builds: bool) -> GivenUp | None:
        """Build and pull what is missing; why a required image cannot be got."""
        self._probe_image = plan.stack.probe_image
        required = [step.service for step in plan.steps if step.is_required]
        optional = [step.service for step in plan.steps if not step.is_required]
        return (
            (self._build_required(required) if builds else None)
            or self._pull_required(required)
            or (self._build_optional(optional) if builds else None)
            or self._pull_optional(optional)
            or self._pull_optional_helper(optional)
        )

    # Required ones

    def _build_required(self, services: Iterable[Service]) -> GivenUp | None:
        names = [service.name for service in services if service.build]
        return self._call("build", *names, about=names) if names else None

    def _pull_required(self, services: Iterable[Service]) -> GivenUp | None:
        services = tuple(services)
        names = [service.name for service in services if self._must_pull(service)]
        names += self._list_helpers_to_pull(services)
        return self._call(*_PULL, *names, about=names) if names else None

    def _list_helpers_to_pull(self, services: Iterable[Service]) -> list[str]:
        """The first helper of services, where the image that all have is missing."""
        helpers = [name for service in services if (name := find_helper(service))]
        asking = Service(name="", image=self._probe_image)
        return helpers[:1] if helpers and self._must_pull(asking) else []

    def _must_pull(self, service: Service) -> bool:
        policy = service.passed.get("pull_policy", "missing")
        if service.build is not None or policy not in {"missing", "if_not_present"}:
            return False
        try:
            image = self._workspace.fill(service.image)
        except MissingVariable:
            return False  # Compose says better what is not set
        return self._engine.find_image(image) is None

    # Optional ones

    def _build_optional(self, services: Iterable[Service]) -> GivenUp | None:
        names = [service.name for service in services if service.build]
        failed = self._call("build", *names, about=names) if names else None
        if failed is None:
            return None
        if len(names) == 1:
            return self._lose(names[0], "built", failed)
        for name in names:  # one that fails has stopped the others
            failed = self._call("build", name, about=[name])
            ended = self._lose(name, "built", failed) if failed is not None else None
            if ended is not None:
                return ended
        return None

    def _pull_optional(self, services: Iterable[Service]) -> GivenUp | None:
        wanted = {each.name: each for each in services if self._must_pull(each)}
        if not wanted:
            return None
        words = (*_PULL, "--ignore-pull-failures", *wanted)
        code, said = self._run(*words)
        for name, service in wanted.items():
            if self._must_pull(service):
                lines = said.splitlines()
                own = [line for line in lines if self._speaks_of(name, line)] or lines
                failed = self._explain(own, [name], code or 1)
                ended = self._lose(name, "pulled", failed)
                if ended is not None:
                    return ended
        return None

    def _pull_optional_helper(self, services: Iterable[Service]) -> GivenUp | None:
        """Pull what asks optional services from outside, which all are lost without."""
        asked = [service for service in services if find_helper(service)]
        names = self._list_helpers_to_pull(asked)
        code, said = self._run(*_PULL, *names) if names else (0, "")
        for service in asked if code else ():
            failed = self._explain(said.splitlines(), [service.name], code)
            ended = self._lose(service.name, "pulled", failed)
            if ended is not None:
                return ended
        return None

    def _speaks_of(self, name: str, line: str) -> bool:
        noted = self._notes.find(name)
        return noted is not None and speaks_of(noted, line)

    def _lose(self, name: str, verb: str, given_up: GivenUp) -> GivenUp | None:
        """Note that an optional service has no image, unless it is not its fault."""
        failures = (each.failure for each in given_up.reasons)
        failure = next((each for each in failures if each is not None), None)
        if failure is None or failure.service != name:
            return given_up  # Compose was killed, or the engine has gone
        self.lost[name] = Lost(
            reason=f"its image cannot be {verb}",
            failure=replace(failure, reason=f"{name} was not started"),
        )
        return None

    # Compose

    def _call(self, *words: str, about: list[str]) -> GivenUp | None:
        code, said = self._run(*words)
        return None if code == 0 else self._explain(said.splitlines(), about, code)

    def _run(self, *words: str) -> tuple[int, str]:
        return run_compose(
            self._project, *words, show=self._show, in_terminal=self._in_terminal
        )

    def _explain(self, lines: list[str], about: list[str], code: int) -> GivenUp:
        return explain_compose(
            self._engine,
            self._notes,
            self._workspace.folder,
            lines,
            code=code,
            among=about,
        )
