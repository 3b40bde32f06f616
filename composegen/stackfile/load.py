"""A stack file becomes a Stack, in named phases: read, parse, look, build, check.

All problems of the file come together: a phase notes what is wrong and goes on with
what can be read; only what was itself unreadable is left out of later checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from composegen.errors import FileRefused, Location, Problem, ProblemsFound
from composegen.images.facts import find_facts, fits_image
from composegen.model import (
    Access,
    Build,
    Condition,
    Facts,
    Mount,
    Resources,
    SecretUse,
    Service,
    Stack,
)
from composegen.paths import is_file, is_folder, leads_inside, list_matching
from composegen.planning.selection import Selection
from composegen.records import record, replace
from composegen.stackfile.build import (
    make_health,
    make_local,
    make_needs,
    make_room,
    settle_ports,
)
from composegen.stackfile.checks import check_stack
from composegen.stackfile.checks.checked import Checked
from composegen.stackfile.folder import Folder
from composegen.stackfile.keys.key import Draft
from composegen.stackfile.keys.service import KEYS
from composegen.stackfile.merge import check_removals, merge_drafts
from composegen.stackfile.nodes import Node, Source, read_bytes
from composegen.stackfile.problems import Problems
from composegen.stackfile.reader import REMOVED, Reader
from composegen.stackfile.reader import Path as NodePath
from composegen.stackfile.recipes import Recipe, RecipeBook, RecipeFile
from composegen.stackfile.toplevel import TopLevel, make_secret
from composegen.system.files import check_readable
from composegen.text import find_near, shorten

_NO_FLAGS = Selection()


@record(kw_only=False)
class Loaded:
    """A stack without errors, and what else was noted about it."""

    stack: Stack
    problems: tuple[Problem, ...]


class Places(Mapping[NodePath, Location]):
    """Where each path of a stack stands; the longest known prefix counts."""

    def __init__(self, source: Source, nodes: Mapping[NodePath, Node]) -> None:
        self._source = source
        self._nodes = nodes

    def __getitem__(self, path: NodePath) -> Location:
        for length in range(len(path), 0, -1):
            node = self._nodes.get(path[:length])
            if node is not None:
                return self._source.locate(node)
        return Location(file=self._source.file)

    def __contains__(self, path: object) -> bool:
        return path in self._nodes

    def __iter__(self) -> Iterator[NodePath]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)


def load_stack(
    path: Path, shown: str = "", *, selection: Selection | None = _NO_FLAGS
) -> Loaded:
    """Read a stack file and what it names.

    ``selection`` is judged too: what it leaves out must not be required; None judges
    none. Raises ProblemsFound with every problem when one of them is an error,
    FileRefused where there is no file to read.
    """
    return _Loader(path, shown or str(path)).load(selection)


def find_own_recipes(path: Path) -> dict[str, Path]:
    """The files of a stack's own recipes by name; other problems do not matter."""
    loader = _Loader(path, str(path))
    loader.read()
    parts = TopLevel(loader.source, loader.reader).parse()
    found = _list_recipes(loader.folder.path, parts.recipes) if parts.recipes else None
    return {name: file for name, (file, _) in (found or {}).items()}


def find_service_names(path: Path) -> tuple[str, ...]:
    """The services of a stack file as far as it can be read, whatever is wrong."""
    loader = _Loader(path, str(path))
    try:
        loader.read()
        parts = TopLevel(loader.source, loader.reader).parse()
    except (FileRefused, ProblemsFound):
        return ()
    return tuple(parts.drafts)


def _list_recipes(folder: Path, named: str) -> dict[str, tuple[Path, str]] | None:
    """Recipe name -> file and how it is shown; None where there is no such folder."""
    place = folder / named
    check_readable(place, named)
    if not is_folder(place):
        return None
    # A link that leads out of the folder is no recipe: it would be read and shown.
    return {
        path.stem: (path, f"{named.rstrip('/')}/{path.name}")
        for path in list_matching(place, "*.yaml")
        if is_file(path) and leads_inside(path, place)
    }


class _Loader:
    """One reading of one file: each phase is a method, in the order of their calls."""

    def __init__(self, path: Path, shown: str) -> None:
        self.path = path
        self.shown = shown
        self.folder = Folder(path.absolute().parent)
        self.problems = Problems()
        self.lacks_recipes = False

    def load(self, selection: Selection | None) -> Loaded:
        """Run the phases; raises ProblemsFound where one of them found an error."""
        self.read()
        self.parts = TopLevel(self.source, self.reader).parse()
        self.book = RecipeBook(
            self.problems,
            self.find_recipes(),
            is_quoted=self.folder.find_inside(self.parts.recipes) is not None,
        )
        stack = self.build_stack()
        check_stack(
            Checked(
                stack=stack,
                problems=self.problems,
                broken=frozenset(self.parts.broken),
                folder=self.folder,
                recipes=self.chosen,
                unreadable_recipes=frozenset(self.unreadable),
                given_secrets=frozenset(self.parts.secrets),
                known_recipes=self.book.names,
                selection=selection,
            )
        )
        if self.problems.has_errors:
            raise ProblemsFound(self.problems.found)
        return Loaded(stack, self.problems.found)

    # Read

    def read(self) -> None:
        """The file becomes nodes; raises ProblemsFound where it is not YAML."""
        self.source = Source(
            self.shown, read_bytes(self.path, self.shown), self.problems
        )
        self.reader = Reader(self.source)
        self.places = Places(self.source, self.reader.nodes)
        if self.source.root is None:
            raise ProblemsFound(self.problems.found)

    # Look: at the recipes and at the files that the stack names

    def find_recipes(self) -> dict[str, tuple[Path, str]]:
        """The recipes in the stack's own folder of them: name -> file."""
        if not self.parts.recipes:
            return {}
        found = _list_recipes(self.folder.path, self.parts.recipes)
        if found is None:
            self.lacks_recipes = True
            self.problems.add(
                "missing-file",
                f"`{shorten(self.parts.recipes)}` is no folder",
                self.places["recipes",],
                "make it, with one YAML file a recipe",
            )
            return {}
        return found

    def _find_recipe(self, name: str, draft: Draft) -> RecipeFile | None:
        use = draft.get("use")
        if not isinstance(use, str):
            return None
        recipe = self.book.find(use)
        if recipe is None:
            self.unreadable.add(name)
            if use not in self.book.names and not self.lacks_recipes:
                near = find_near(use, self.book.names)
                self.problems.add(
                    "unknown-recipe",
                    f"there is no recipe `{shorten(use)}`",
                    self.places["services", name, "use"],
                    f"did you mean `{near}`?"
                    if near
                    else f"there are {', '.join(self.book.names)}",
                )
        return recipe

    # Merge and build

    def build_stack(self) -> Stack:
        self.chosen: dict[str, Recipe] = {}
        self.unreadable: set[str] = set()
        services = {
            name: self._build_service(name, draft)
            for name, draft in self.parts.drafts.items()
        }
        used = [use.name for service in services.values() for use in service.secrets]
        secrets = dict(self.parts.secrets)
        for name in used:
            secrets.setdefault(name, make_secret(name))
        return Stack(
            file=self.path.name,
            name=self.parts.name,
            services=self._settle_needs(services),
            volumes=self.parts.volumes,
            secrets=secrets,
            compose=self.parts.compose,
            extensions=self.parts.extensions,
            places=self.places,
        )

    def _build_service(self, name: str, draft: Draft) -> Service:
        build = self._look_at_build(draft)
        recipe_file = self._find_recipe(name, draft)
        recipe = self._choose_recipe(recipe_file, draft, build)
        if recipe is not None:
            self.chosen[name] = recipe
        brought = self._list_brought(name, recipe, draft)
        make_room(brought, draft)
        if recipe is not None and recipe.facts.user and draft.get("user") is REMOVED:
            draft = {key: value for key, value in draft.items() if key != "user"}
            recipe = replace(recipe, facts=replace(recipe.facts, user=""))
        check_removals(self.reader, name, brought, draft)
        self.parts.broken.update(
            (name, key)
            for key, value in draft.items()
            if value is REMOVED and key not in brought
        )
        merged = merge_drafts(brought, draft)
        image = str(merged.get("image", ""))
        facts = self._find_facts(recipe, image, build)
        self._check_target(name, build)
        self._check_complete(name, merged)
        self._check_port(name, merged, recipe)
        publish, port = settle_ports(merged)
        return Service(
            name=name,
            recipe=str(draft.get("use", "")) if recipe else "",
            is_store=bool(recipe and recipe.is_store),
            image=image,
            build=build,
            port=port,
            publish=publish,
            health=make_health(merged.get("health"), facts, recipe, port),
            needs=make_needs(merged.get("needs", {})),
            environment=merged.get("environment", {}),
            env_file=tuple(merged.get("env_file", ())),
            env_file_names=self.folder.read_env_names(merged.get("env_file", ())),
            volumes=tuple(merged.get("volumes", ())),
            tmpfs=tuple(merged.get("tmpfs", ())),
            labels=merged.get("labels", {}),
            secrets=tuple(
                SecretUse(name=secret, variables=tuple(variables))
                for secret, variables in merged.get("secrets", {}).items()
            ),
            user=str(merged.get("user", "")),
            cap_add=tuple(merged.get("cap_add", ())),
            passed={
                key.name: merged[key.name]
                for key in KEYS.values()
                if key.is_passed and key.name in merged
            },
            job=bool(merged.get("job", False)),
            enabled=bool(merged.get("enabled", True)),
            replicas=int(merged.get("replicas", 1)),
            resources=Resources(**merged.get("resources", {})),
            relax={**self.parts.relax, **merged.get("relax", {})},
            local=make_local(merged.get("local")),
            compose=merged.get("compose", {}),
            access=recipe.access if recipe else Access(),
            facts=facts,
        )

    def _check_target(self, name: str, build: Build | None) -> None:
        """The stage that is built is one of the Dockerfile's."""
        if build is None or not build.lacks_target:
            return
        target = shorten(str(build.options["target"]))
        self.problems.add(
            "unknown-target",
            f"the Dockerfile of `{name}` has no stage `{target}`",
            self.places["services", name, "build", "target"],
            "correct `target`, or leave it out for the last stage",
        )
        self.parts.broken.add((name, "build"))

    def _check_complete(self, name: str, merged: Draft) -> None:
        """A health check says how to ask, a way to run locally says what to run."""
        health = merged.get("health")
        is_readable = (name, "health") not in self.parts.broken
        if health is not None and "kind" not in health and is_readable:
            self.problems.add(
                "no-health",
                f"`health` of `{name}` does not say how to ask",
                self.places["services", name, "health"],
                "a path: health: {http: /health, ..}, or tcp, command, image, none",
            )
            self.parts.broken.add((name, "health"))
        local = merged.get("local")
        is_readable = (name, "local") not in self.parts.broken
        if local is not None and "command" not in local and is_readable:
            self.problems.add(
                "local-command",
                f"`local` of `{name}` does not say what to run",
                self.places["services", name, "local"],
                "local: {command: [python, -m, app], dir: .}",
            )

    def _check_port(self, name: str, merged: Draft, recipe: Recipe | None) -> None:
        """What needs a port has one: ``publish: true``, a recipe's probe."""
        _, port = settle_ports(merged)
        is_broken = self.parts.broken & {(name, "port"), (name, "publish")}
        if port is not None or is_broken or name in self.unreadable:
            return
        asked = recipe.draft.get("health", {}) if recipe else {}
        uses_port = merged.get("health", {}).get("command") == asked.get("command", "")
        if merged.get("publish") is True or (uses_port and "{port}" in str(asked)):
            key = "publish" if merged.get("publish") is True else "port"
            self.problems.add(
                "no-port",
                f"nobody knows the port of `{name}`",
                self.places["services", name, key],
                "say which port it listens on:\nport: 8080",
            )

    def _look_at_build(self, draft: Draft) -> Build | None:
        options = draft.get("build")
        if not isinstance(options, dict):
            return None
        return self.folder.look_at_build(options)

    def _choose_recipe(
        self, recipe: RecipeFile | None, draft: Draft, build: Build | None
    ) -> Recipe | None:
        """The recipe for the image that will run: its own, its base, or the default."""
        if recipe is None:
            return None
        if build is not None:
            return recipe.choose(build.base_image)
        image = draft.get("image")
        return recipe.choose(image if isinstance(image, str) else recipe.default_image)

    def _list_brought(self, name: str, recipe: Recipe | None, draft: Draft) -> Draft:
        if recipe is None:
            return {}
        brought: Draft = dict(recipe.draft)
        if draft.get("build") not in (None, REMOVED) and "image" not in draft:
            brought.pop("image", None)
        if recipe.volumes:
            brought["volumes"] = [
                Mount(source=f"{name}-{end}", target=target)
                for end, target in recipe.volumes.items()
            ]
        return brought

    def _find_facts(
        self, recipe: Recipe | None, image: str, build: Build | None
    ) -> Facts | None:
        """The recipe's facts, asked with what is in the image that really runs."""
        runs = build.base_image if build is not None else image
        if recipe is None:
            return find_facts(runs) if runs else None
        if not runs or fits_image({"images": recipe.images}, runs):
            return recipe.facts
        own = find_facts(runs)
        return recipe.facts if own is None else replace(recipe.facts, tools=own.tools)

    def _settle_needs(self, services: dict[str, Service]) -> dict[str, Service]:
        """Let needs of a job that name no condition wait until it has finished."""
        settled = {}
        for name, service in services.items():
            drafts = self.parts.drafts[name].get("needs", {})
            needs = tuple(
                replace(need, until=Condition.FINISHED)
                if "until" not in drafts[need.service]
                and need.service in services
                and services[need.service].job
                else need
                for need in service.needs
            )
            settled[name] = (
                service if needs == service.needs else replace(service, needs=needs)
            )
        return settled
