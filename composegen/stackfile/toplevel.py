"""The top level of a stack file: each key read, services as drafts of their keys."""

from __future__ import annotations

from composegen.errors import ProblemsFound
from composegen.model import (
    Raw,
    Secret,
    SecretKind,
)
from composegen.records import field, record
from composegen.stackfile.file import File
from composegen.stackfile.keys.key import Draft
from composegen.stackfile.keys.own import read_relax
from composegen.stackfile.keys.service import read_service
from composegen.stackfile.keys.words import list_said
from composegen.stackfile.nodes import MappingNode, Node, ScalarNode, is_null
from composegen.stackfile.reader import Reader
from composegen.stackfile.tree import find_aliased, to_plain, walk
from composegen.text import shorten
from composegen.values import (
    PROJECT_NAME,
    RESERVED_NAMES,
    SECRET_NAME,
    SERVICE_NAME,
    VARIABLE_NAME,
    VOLUME_NAME,
)

_COMPOSE_SECRETS = {
    "environment": "{{env: {}}}",
    "external": "create the file yourself: {{file: ./my-secret}}",
}
TOP_KEYS = ("name", "services", "volumes", "secrets", "recipes", "relax", "compose")


@record(frozen=False)
class Parts:
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


def parse_parts(file: File) -> Parts:
    """Read every key; raises ProblemsFound where the file is no mapping."""
    return _TopLevel(file.reader).parse()


class _TopLevel:
    """Reads one file's keys; what could not be read is remembered as broken."""

    def __init__(self, reader: Reader) -> None:
        self.source = reader.source
        self.reader = reader
        self.problems = reader.source.problems
        self._aliased: set[int] | None = None

    def parse(self) -> Parts:
        """Read every key; raises ProblemsFound where the file is no mapping."""
        parts = Parts()
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
            else:
                self._add_strange_key(key, key_node, value)
        if not seen:
            self.problems.add(
                "no-services",
                "there are no services in this file",
                self.source.locate_at(0, 0),
                "begin with:\nservices:\n  web:\n    build: .\n    publish: 8080\n"
                "    health: /",
            )
        return parts

    def _add_strange_key(self, key: str, key_node: Node, value: Node) -> None:
        from composegen.stackfile.hints.keys import TOP_LEVEL, translate_top_key

        if key in TOP_LEVEL:
            help = translate_top_key(key, to_plain(value))
            self.reader.add("compose-key", f"`{key}` is not read here", key_node, help)
        else:
            self.reader.add_unknown_key(key, key_node, "a stack", [*TOP_KEYS, "x-"])

    def _is_fragment(self, root: MappingNode, value: Node) -> bool:
        """Whether an ``x-`` key only holds an anchor that is used elsewhere."""
        if self._aliased is None:
            self._aliased = find_aliased(root)
        return any(id(node) in self._aliased for node in walk(value))

    def _parse_name(self, node: Node, parts: Parts) -> None:
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

    def _parse_services(self, node: Node, parts: Parts) -> None:
        pairs = self.reader.read_pairs(node, "a mapping of services")
        if pairs is None:
            return
        if not pairs:
            self.reader.add("no-services", "there are no services here", node)
        for name, key_node, value in pairs:
            self.reader.nodes["services", name] = key_node
            if not SERVICE_NAME.fullmatch(name) or name in RESERVED_NAMES:
                self._add_bad_service_name(name, key_node, value)
                parts.broken.add((name, ""))
            before = self.problems.count
            parts.drafts[name] = read_service(self.reader, name, value)
            if self.problems.count != before:
                self._note_broken(name, value, parts, before)

    def _note_broken(self, name: str, node: Node, parts: Parts, before: int) -> None:
        """Remember which keys of a service could not be read."""
        parts.broken.add((name, "*"))
        if isinstance(node, MappingNode):
            draft = parts.drafts[name]
            keys = [key for key, _, _ in self.source.pairs(node) if key not in draft]
            words = [word for key in keys for word in list_said(key)]
            parts.broken.update((name, word) for word in words)
            new = self.problems.list_since(before)
            lines = {problem.location.line for problem in new}
            for key, key_node, value in self.source.pairs(node):
                span = range(key_node.start_mark.line + 1, value.end_mark.line + 2)
                if lines.intersection(span):
                    parts.broken.add((name, key))

    def _add_bad_service_name(self, name: str, node: Node, value: Node) -> None:
        from composegen.stackfile.hints.names import suggest_service_name

        help = suggest_service_name(name, to_plain(value))
        self.reader.add(
            "bad-name", f"`{shorten(name)}` cannot be the name of a service", node, help
        )

    def _parse_volumes(self, node: Node, parts: Parts) -> None:
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

    def _parse_secrets(self, node: Node, parts: Parts) -> None:
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
        if isinstance(node, MappingNode) and self._is_compose_secret(node):
            return None
        kinds = ("env", "file", "generate")
        found = self.reader.read_known(
            node, "{env: VAR}, {file: path} or {generate: true}", "a secret", kinds
        )
        if found is None:
            return None
        if len(found) != 1:
            self.reader.add(
                "wrong-type",
                "a secret has exactly one source",
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

    def _is_compose_secret(self, node: MappingNode) -> bool:
        """Whether a secret comes from where Compose says it; that is noted then."""
        for key, key_node, value in self.source.pairs(node):
            if key not in _COMPOSE_SECRETS:
                continue
            from composegen.stackfile.hints.inline import write_inline

            word = value.value if isinstance(value, ScalarNode) else "VAR"
            help = _COMPOSE_SECRETS[key].format(write_inline(word))
            self.reader.add("compose-key", f"`{key}` is not read here", key_node, help)
            return True
        return False

    def _parse_recipes(self, node: Node, parts: Parts) -> None:
        parts.recipes = self.reader.read_text(node, "a folder", variables=False) or ""

    def _parse_relax(self, node: Node, parts: Parts) -> None:
        parts.relax = read_relax(self.reader, node, ("relax",)) or {}

    def _parse_compose(self, node: Node, parts: Parts) -> None:
        refused = {
            "services": "write them in `services`",
            "secrets": "write them in `secrets`",
            "name": "write `name: ..` at the top",
            "version": "remove it",
        }
        for key, key_node, _ in self.reader.read_pairs(node, "a mapping") or ():
            if key in refused:
                self.reader.add(
                    "computed-key",
                    f"`{key}` is not allowed in the top level's `compose`",
                    key_node,
                    refused[key],
                )
        raw = self.reader.read_raw(node) if isinstance(node, MappingNode) else {}
        parts.compose = raw if isinstance(raw, dict) else {}


def make_secret(name: str) -> Secret:
    """A secret that is not declared: it comes from the variable of its name."""
    variable = name.upper().replace("-", "_") if "-" in name else name
    return Secret(name=name, kind=SecretKind.ENV, source=variable)
