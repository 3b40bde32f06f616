"""A stack file becomes a Stack, in named phases: read, parse, look, build, check.

All problems of the file come together: a phase notes what is wrong and goes on with
what can be read; only what was itself unreadable is left out of later checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from composegen.checks import check_stack
from composegen.checks.checked import Checked
from composegen.composekeys import Draft
from composegen.errors import Location, Problem, ProblemsFound
from composegen.facts import find_facts, fits_image
from composegen.files import Folder, is_folder
from composegen.merging import check_removals, merge_drafts
from composegen.model import (
    Access,
    Build,
    Condition,
    Facts,
    Health,
    Local,
    Mount,
    Need,
    Otherwise,
    Raw,
    Resources,
    Secret,
    SecretKind,
    SecretUse,
    Service,
    Stack,
)
from composegen.reading import REMOVED, find_near, shorten
from composegen.reading import Path as NodePath
from composegen.recipes import Recipe, RecipeBook, RecipeFile
from composegen.records import field, record, replace
from composegen.selection import Selection
from composegen.shape import PASSED_KEYS, ShapeReader
from composegen.source import (
    MappingNode,
    Node,
    Problems,
    ScalarNode,
    Source,
    is_null,
    read_bytes,
)
from composegen.translate import TOP_LEVEL
from composegen.values import (
    PROJECT_NAME,
    RESERVED_NAMES,
    SECRET_NAME,
    SERVICE_NAME,
    VARIABLE_NAME,
    VOLUME_NAME,
    Port,
    parse_duration,
)

_NO_FLAGS = Selection()
_SAID_IN_COMPOSE = {
    "depends_on": ("needs",),
    "expose": ("port", "publish"),
    "healthcheck": ("health",),
    "ports": ("port", "publish"),
}
"""What a service did say, in Compose's words; it is not told as missing besides."""
TOP_KEYS = ("name", "services", "volumes", "secrets", "recipes", "relax", "compose")


@record(kw_only=False)
class Loaded:
    """A stack without errors, and what else was noted about it."""

    stack: Stack
    problems: tuple[Problem, ...]


@record(frozen=False)
class _Parts:
    """What the file says, key by key, before anything is put together."""

    name: str = ""
    drafts: dict[str, Draft] = field(default_factory=dict)
    broken: set[tuple[str, str]] = field(default_factory=set)
    volumes: dict[str, Raw] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)
    recipes: str = ""
    relax: dict[str, str] = field(default_factory=dict)
    compose: dict[str, Raw] = field(default_factory=dict)
    extensions: dict[str, Raw] = field(default_factory=dict)


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
    parts = loader.parse()
    found = _list_recipes(loader.folder.path, parts.recipes) if parts.recipes else None
    return {name: file for name, (file, _) in (found or {}).items()}


def _list_recipes(folder: Path, named: str) -> dict[str, tuple[Path, str]] | None:
    """Recipe name -> file and how it is shown; None where there is no such folder."""
    if not is_folder(folder / named):
        return None
    return {
        path.stem: (path, f"{named.rstrip('/')}/{path.name}")
        for path in sorted((folder / named).glob("*.yaml"))
    }


class _Loader:
    """One reading of one file: each phase is a method, in the order of their calls."""

    def __init__(self, path: Path, shown: str) -> None:
        self.path = path
        self.shown = shown
        self.folder = Folder(path.absolute().parent)
        self.problems = Problems()

    def load(self, selection: Selection | None) -> Loaded:
        """Run the phases; raises ProblemsFound where one of them found an error."""
        self.read()
        self.parts = self.parse()
        self.book = RecipeBook(self.problems, self.find_recipes())
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
        self.reader = ShapeReader(self.source)
        self.places = Places(self.source, self.reader.nodes)
        if self.source.root is None:
            raise ProblemsFound(self.problems.found)

    # Parse

    def parse(self) -> _Parts:
        parts = _Parts()
        root = self.source.root
        if not isinstance(root, MappingNode):
            assert root is not None
            self.reader.add_type(
                root, "a mapping", "a stack file begins with `services:`"
            )
            raise ProblemsFound(self.problems.found)
        seen = False
        for key, key_node, value in self.source.pairs(root):
            self.reader.nodes[key,] = key_node
            if key == "services":
                seen = True
                self._parse_services(value, parts)
            elif key.startswith("x-"):
                raw = self.reader.read_raw(value)
                if not self._is_fragment(root, value):
                    parts.extensions[key] = raw
            elif key in TOP_KEYS:
                getattr(self, f"_parse_{key}")(value, parts)
            elif self.source.find_lost_comma(root, key_node, value):
                self.reader.add_lost_comma(key, key_node)
            elif key in TOP_LEVEL:
                self.reader.add(
                    "compose-key",
                    f"`{key}` is not read here",
                    key_node,
                    TOP_LEVEL[key],
                )
            else:
                self.reader.add_unknown_key(key, key_node, "a stack", [*TOP_KEYS, "x-"])
        if not seen:
            self.problems.add(
                "no-services",
                "there are no services in this file",
                self.source.locate_at(0, 0),
                "begin with:\nservices:\n  web:\n    build: .\n    publish: 8080\n"
                "    health: /",
            )
        return parts

    def _is_fragment(self, root: MappingNode, value: Node) -> bool:
        """Whether an ``x-`` key only holds an anchor that stands elsewhere too."""
        if self._aliased is None:
            self._aliased = _find_aliased(root)
        return any(id(node) in self._aliased for node in _walk(value))

    _aliased: set[int] | None = None
    lacks_recipes = False

    def _parse_name(self, node: Node, parts: _Parts) -> None:
        name = self.reader.read_text(node, "a name", variables=False)
        if name is None:
            return
        if PROJECT_NAME.fullmatch(name):
            parts.name = name
        else:
            self.reader.add(
                "bad-name",
                f"`{shorten(name)}` cannot be the name of a stack",
                node,
                "lower-case letters, digits, - and _ , a letter or digit first",
            )

    def _parse_services(self, node: Node, parts: _Parts) -> None:
        pairs = self.reader.read_pairs(node, "a mapping of services")
        if pairs is None:
            return
        if not pairs:
            self.reader.add("no-services", "there are no services here", node)
        for name, key_node, value in pairs:
            self.reader.nodes["services", name] = key_node
            if not SERVICE_NAME.fullmatch(name) or name in RESERVED_NAMES:
                self._add_bad_service_name(name, key_node)
                parts.broken.add((name, ""))
            before = self.problems.count
            parts.drafts[name] = self.reader.read_service(name, value)
            if self.problems.count != before:
                self._note_broken(name, value, parts, before)

    def _note_broken(self, name: str, node: Node, parts: _Parts, before: int) -> None:
        """Remember which keys of a service could not be read."""
        parts.broken.add((name, "*"))
        if isinstance(node, MappingNode):
            draft = parts.drafts[name]
            keys = [key for key, _, _ in self.source.pairs(node) if key not in draft]
            words = [word for key in keys for word in _SAID_IN_COMPOSE.get(key, (key,))]
            parts.broken.update((name, word) for word in words)
            new = self.problems.list_since(before)
            lines = {problem.location.line for problem in new}
            for key, key_node, value in self.source.pairs(node):
                span = range(key_node.start_mark.line + 1, value.end_mark.line + 2)
                if lines.intersection(span):
                    parts.broken.add((name, key))

    def _add_bad_service_name(self, name: str, node: Node) -> None:
        lowered = name.lower().replace("_", "-").replace(".", "-")
        if name in RESERVED_NAMES:
            help = "Compose and Docker give that name a meaning of its own"
        elif SERVICE_NAME.fullmatch(lowered):
            help = f"did you mean `{lowered}`? lower-case letters, digits and -"
        else:
            help = "lower-case letters, digits and - , at most 63, a letter first"
        self.reader.add(
            "bad-name", f"`{shorten(name)}` cannot be the name of a service", node, help
        )

    def _parse_volumes(self, node: Node, parts: _Parts) -> None:
        pairs = self.reader.read_pairs(node, "a mapping of volumes")
        for name, key_node, value in pairs or ():
            self.reader.nodes["volumes", name] = key_node
            if not VOLUME_NAME.fullmatch(name):
                self.reader.add(
                    "bad-name",
                    f"`{shorten(name)}` cannot be the name of a volume",
                    key_node,
                    "letters, digits and _ . - , at least two",
                )
            elif is_null(value) or isinstance(value, MappingNode):
                parts.volumes[name] = self.reader.read_raw(value)
            else:
                self.reader.add_type(value, "a mapping of options")

    def _parse_secrets(self, node: Node, parts: _Parts) -> None:
        pairs = self.reader.read_pairs(node, "a mapping of secrets")
        for name, key_node, value in pairs or ():
            self.reader.nodes["secrets", name] = key_node
            if not SECRET_NAME.fullmatch(name):
                self.reader.add(
                    "bad-name",
                    f"`{shorten(name)}` cannot be the name of a secret",
                    key_node,
                    "letters, digits, _ and - , beginning with a letter or a digit",
                )
                continue
            secret = self._read_secret(name, value)
            if secret is not None:
                parts.secrets[name] = secret

    def _read_secret(self, name: str, node: Node) -> Secret | None:
        if is_null(node):
            return make_secret(name)
        kinds = ("env", "file", "generate")
        found = self.reader.read_known(
            node, "{env: VAR}, {file: path} or {generate: true}", "a secret", kinds
        )
        if found is None:
            return None
        if len(found) != 1:
            self.reader.add(
                "wrong-type",
                "a secret comes from one place",
                node,
                "{env: VAR}, {file: path} or {generate: true}",
            )
            return None
        kind, (_, value) = next(iter(found.items()))
        if kind == "generate":
            if self.reader.read_bool(value) is not True:
                self.reader.add_type(value, "`true`")
                return None
            return Secret(name=name, kind=SecretKind.GENERATE)
        text = self.reader.read_text(value, "a text", variables=False)
        if text is None:
            return None
        if kind == "env" and not VARIABLE_NAME.fullmatch(text):
            self.reader.add_bad_env_name(text, value)
            return None
        if not text:
            self.reader.add_type(value, "the path of a file")
            return None
        return Secret(name=name, kind=SecretKind(kind), source=text)

    def _parse_recipes(self, node: Node, parts: _Parts) -> None:
        parts.recipes = self.reader.read_text(node, "a folder", variables=False) or ""

    def _parse_relax(self, node: Node, parts: _Parts) -> None:
        parts.relax = self.reader._relax(node, ("relax",)) or {}

    def _parse_compose(self, node: Node, parts: _Parts) -> None:
        refused = {
            "services": "write them in `services`",
            "secrets": "write them in `secrets`",
            "name": "write `name: ..` at the top",
            "version": "leave it out",
        }
        for key, key_node, _ in self.reader.read_pairs(node, "a mapping") or ():
            if key in refused:
                self.reader.add(
                    "computed-key",
                    f"`{key}` may not stand in the top level's `compose`",
                    key_node,
                    refused[key],
                )
        raw = self.reader.read_raw(node) if isinstance(node, MappingNode) else {}
        parts.compose = raw if isinstance(raw, dict) else {}

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
        _make_room(brought, draft)
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
        self._check_complete(name, merged)
        self._check_port(name, merged, recipe)
        publish, port = _settle_ports(merged)
        return Service(
            name=name,
            recipe=str(draft.get("use", "")) if recipe else "",
            is_store=bool(recipe and recipe.is_store),
            image=image,
            build=build,
            port=port,
            publish=publish,
            health=_make_health(merged.get("health"), facts, recipe, port),
            needs=_make_needs(merged.get("needs", {})),
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
            passed={key: merged[key] for key in PASSED_KEYS if key in merged},
            job=bool(merged.get("job", False)),
            enabled=bool(merged.get("enabled", True)),
            replicas=int(merged.get("replicas", 1)),
            resources=Resources(**merged.get("resources", {})),
            relax={**self.parts.relax, **merged.get("relax", {})},
            local=_make_local(merged.get("local")),
            compose=merged.get("compose", {}),
            access=recipe.access if recipe else Access(),
            facts=facts,
        )

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
        _, port = _settle_ports(merged)
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


def _make_room(brought: Draft, own: Draft) -> None:
    """A tmpfs of one's own takes the place of a recipe's volume at its path."""
    tmpfs = own.get("tmpfs")
    if not isinstance(tmpfs, list) or "volumes" not in brought:
        return
    paths = {text.partition(":")[0].rstrip("/") for text in tmpfs}
    brought["volumes"] = [m for m in brought["volumes"] if m.target not in paths]


def _find_aliased(root: Node) -> set[int]:
    seen: set[int] = set()
    aliased: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            if not isinstance(node, ScalarNode) or node.value:
                aliased.add(id(node))
            continue
        seen.add(id(node))
        stack.extend(_walk_children(node))
    return aliased


def _walk_children(node: Node) -> list[Node]:
    if isinstance(node, MappingNode):
        return [child for pair in node.value for child in pair]
    return [] if isinstance(node, ScalarNode) else list(node.value)


def _walk(node: Node) -> Iterator[Node]:
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(_walk_children(node))


def make_secret(name: str) -> Secret:
    """A secret that is not declared: it comes from the variable of its name."""
    variable = name.upper().replace("-", "_") if "-" in name else name
    return Secret(name=name, kind=SecretKind.ENV, source=variable)


def _settle_ports(draft: Draft) -> tuple[tuple[Port, ...], int | None]:
    """Every published port with its target, and the port that the service has."""
    port = draft.get("port")
    publish = draft.get("publish", [])
    if publish is True:
        if port is None:
            return (), None
        return (Port(published=str(port), target=str(port)),), port
    settled: list[Port] = []
    for published in publish:
        if published.target:
            settled.append(published)
        elif port is not None:
            settled.append(replace(published, target=str(port)))
        else:
            hosts = published.host_ports
            target = str(hosts[0]) if len(hosts) else ""
            if len(hosts) > 1:
                target = f"{hosts[0]}-{hosts[-1]}"
            settled.append(replace(published, target=target))
    if port is None:
        for published in settled:
            if published.first_target is not None:
                port = published.first_target
                break
    return tuple(settled), port


def _make_health(
    draft: Draft | None, facts: Facts | None, recipe: Recipe | None, port: int | None
) -> Health | None:
    if not draft or "kind" not in draft:
        return None
    values = {key: value for key, value in draft.items() if key != "tool"}
    tool = draft.get("tool")
    values["tools"] = (tool,) if tool else (facts.tools if facts else ())
    values.setdefault("port", port)
    if recipe is not None and recipe.draft.get("health", {}).get(
        "command"
    ) == values.get("command", object()):
        if recipe.start_interval:
            values["start_interval"] = parse_duration(recipe.start_interval)
        values["command"] = _fill_port(values["command"], values["port"])
    return Health(**values)


def _fill_port(
    command: tuple[str, ...] | str, port: int | None
) -> tuple[str, ...] | str:
    if isinstance(command, str):
        return command.replace("{port}", str(port))
    return tuple(word.replace("{port}", str(port)) for word in command)


def _make_needs(drafts: Mapping[str, Draft]) -> tuple[Need, ...]:
    return tuple(
        Need(
            service=name,
            env=draft.get("env", {}),
            until=draft.get("until", Condition.HEALTHY),
            otherwise=Otherwise(**draft["otherwise"]) if "otherwise" in draft else None,
        )
        for name, draft in drafts.items()
    )


def _make_local(draft: Draft | None) -> Local | None:
    if not draft or "command" not in draft:
        return None
    values: dict[str, Any] = dict(draft)
    if isinstance(values["command"], list):
        values["command"] = tuple(values["command"])
    return Local(**values)
