"""What every part of the rendering gets: the plan, and where to note what is lost.

Texts of the stack keep Compose's escapes. An object of a cluster holds no variable: the
default is filled in, and a variable without one is a problem.
"""

from __future__ import annotations

from collections.abc import Mapping

from composegen.errors import Location, Problem, ProblemsFound
from composegen.model import Raw, Service, Stack
from composegen.planning.addressing import name_on_cluster
from composegen.planning.plan import Plan
from composegen.records import record
from composegen.targets.files import Cluster
from composegen.values import BadVariable, find_default, parse_variables

Path = tuple[str, ...]

MANAGER = "composegen"
NAME_LABEL = "app.kubernetes.io/name"
PART_LABEL = "app.kubernetes.io/part-of"
MANAGER_LABEL = "app.kubernetes.io/managed-by"


class Faults:
    """Collects what a cluster cannot take, with its place in the stack file."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._found: dict[tuple[str, Location, str], Problem] = {}

    def add(self, name: str, message: str, path: Path, help: str = "") -> None:
        """Note one problem; the same one at the same place counts once."""
        where = self._find(path)
        problem = Problem(name=name, message=message, location=where, help=help)
        self._found.setdefault((name, where, message), problem)

    def check(self) -> None:
        """Raise ProblemsFound for all that was noted, if anything was."""
        if self._found:
            found = sorted(self._found.values(), key=lambda problem: problem.order)
            raise ProblemsFound(tuple(found))

    def _find(self, path: Path) -> Location:
        places: Mapping[Path, Location] = self._stack.places
        try:
            return places[path]
        except KeyError:
            return Location(file=self._stack.file)


class Losses:
    """Collects what a cluster cannot carry, each with what replaces it."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[str]] = {}

    def note(self, what: str, instead: str, service: str = "") -> None:
        """Note one loss, of a service or of the whole stack."""
        services = self._found.setdefault((what, instead), [])
        if service and service not in services:
            services.append(service)

    def list_lines(self, everything: tuple[str, ...]) -> tuple[str, ...]:
        """A line for each, in the order in which they were noted.

        One that concerns ``everything``, and more than one service, names none.
        """
        lines = []
        for (what, instead), services in self._found.items():
            is_common = len(services) > 1 and len(services) == len(everything)
            of = "" if is_common or not services else f"{', '.join(services)}: "
            lines.append(f"{of}{what} -> {instead}")
        return tuple(lines)


@record
class Scene:
    """A plan on its way to a cluster, and what was noted about it.

    ``project`` is the name that its objects are part of, ``dependents`` are the
    services that need one, ``mounting`` those that mount a named volume.
    """

    plan: Plan
    cluster: Cluster
    project: str
    faults: Faults
    losses: Losses
    dependents: Mapping[str, tuple[str, ...]]
    mounting: Mapping[str, tuple[str, ...]]

    def fill(self, text: str, path: Path) -> str:
        """The text with the defaults of its variables; one without is noted."""
        if "$" not in text:
            return text
        try:
            missing = find_unset(text)
            filled = find_default(text)
        except BadVariable:
            return text
        if missing:
            self.faults.add(
                "variable-on-cluster",
                f"`${{{missing}}}` has no default, and an object of a cluster holds no "
                "value of the environment",
                path,
                f"give it a default: ${{{missing}:-VALUE}}",
            )
        return filled

    def escape(self, text: str, path: Path) -> str:
        """The same, and so that Kubernetes replaces nothing in it."""
        return escape_text(self.fill(text, path))

    def label(self, name: str) -> dict[str, Raw]:
        """The labels of every object of a service, by its name on the cluster."""
        return {**self.select(name), MANAGER_LABEL: MANAGER}

    def select(self, name: str) -> dict[str, Raw]:
        """The labels by which the pods of a service are found."""
        return {NAME_LABEL: name, PART_LABEL: self.project}


def list_dependents(plan: Plan) -> dict[str, tuple[str, ...]]:
    """The services of a plan that need one, by its name, but for isolated ones."""
    found: dict[str, list[str]] = {}
    for step in plan.steps:
        if not step.service.is_isolated:
            for need in step.service.needs:
                found.setdefault(need.service, []).append(step.name)
    return {name: tuple(names) for name, names in found.items()}


def list_mounting(plan: Plan) -> dict[str, tuple[str, ...]]:
    """The services of a plan that mount a named volume, by its name."""
    found: dict[str, dict[str, None]] = {}
    for step in plan.steps:
        for mount in step.service.volumes:
            if mount.volume_name:
                found.setdefault(mount.volume_name, {})[step.name] = None
    return {volume: tuple(names) for volume, names in found.items()}


def escape_text(text: str) -> str:
    """A text in which Kubernetes, which replaces ``$(NAME)``, replaces nothing."""
    return text.replace("$", "$$")


def find_unset(text: str) -> str:
    """The name of the first variable that nothing but the environment can say.

    Empty where each has a default, which may be empty.
    """
    for variable in parse_variables(text):
        if variable.operator in {"", "?", ":?"}:
            return variable.name
        inner = find_unset(variable.argument) if variable.operator[-1] == "-" else ""
        if inner:
            return inner
    return ""


def name_service(service: Service) -> str:
    """The name of a service's objects."""
    return name_on_cluster(service.name)
