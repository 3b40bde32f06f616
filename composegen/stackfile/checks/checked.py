"""What every check gets: the stack, its places, and where to note problems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from composegen.errors import Level, Location
from composegen.model import Service, Stack
from composegen.needs import Need
from composegen.planning.networks import list_all_networks
from composegen.planning.selection import Selection
from composegen.records import field, record
from composegen.stackfile.folder import Folder
from composegen.stackfile.problems import Problems
from composegen.stackfile.recipes import Recipe


@record
class Checked:
    """What the checks look at, and where they note what they find.

    ``broken`` holds (service, key) of what could not be read; ``recipes`` the recipe
    of each service that has one; ``target`` is what the stack is checked for,
    ``with_files`` whether the files that it names are looked for. ``networks`` holds
    those of the services that were asked for.
    """

    stack: Stack
    problems: Problems
    broken: frozenset[tuple[str, str]]
    folder: Folder
    recipes: Mapping[str, Recipe]
    unreadable_recipes: frozenset[str]
    given_secrets: frozenset[str]
    known_recipes: tuple[str, ...]
    selection: Selection | None
    target: str = "compose"
    with_files: bool = False
    networks: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    def find(self, *path: str) -> Location:
        """The place of a path of the stack."""
        return self.stack.places[path]

    def is_broken(self, service: str, *keys: str) -> bool:
        """Whether one of the keys, or the service's recipe, could not be read."""
        if service in self.unreadable_recipes:
            return True
        if not self.broken:
            return False
        return any((service, key) in self.broken for key in keys)

    def add(
        self,
        name: str,
        message: str,
        path: tuple[str, ...],
        help: str,
        *,
        level: Level | None = None,
    ) -> None:
        """Note a problem at a path; ``level`` replaces that of its name."""
        self.problems.add(name, message, self.find(*path), help, level=level)

    def list_networks(self, service: Service) -> tuple[str, ...]:
        """The networks that a service is on, by the defaults of their variables."""
        known = self.networks.get(service.name)
        if known is None:
            known = list_all_networks(self.stack, service)
            self.networks[service.name] = known
        return known

    def needs(self) -> Iterator[tuple[Service, Need, Service]]:
        """Every need whose service exists, with both ends."""
        for service in self.stack.services.values():
            for need in service.needs:
                target = self.stack.services.get(need.service)
                if target is not None:
                    yield service, need, target


def list_values(service: Service) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Each variable that a service is given, with its path and its text."""
    base = ("services", service.name)
    for variable, text in service.environment.items():
        if text is not None:
            yield variable, (*base, "environment", variable), text
    for need in service.needs:
        for variable, text in need.env.items():
            yield variable, (*base, "needs", need.service, "env", variable), text
    raw = service.compose.get("environment")
    pairs: Mapping[str, object] = raw if isinstance(raw, dict) else {}
    for variable, value in pairs.items():
        yield variable, (*base, "compose", "environment"), str(value)
