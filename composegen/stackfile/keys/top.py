"""The keys of the top level, in one table: a new key is one entry of it."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any

from composegen.model import PROBE_IMAGE, Raw, Secret, SecretKind
from composegen.patterns import make_pattern
from composegen.records import field, record
from composegen.stackfile.keys import compose, networks, own, shapes
from composegen.stackfile.keys.key import Draft, Key, Schema
from composegen.stackfile.keys.service import KEYS, read_service
from composegen.stackfile.keys.words import WORDS, list_said
from composegen.stackfile.nodes import MappingNode, Node, ScalarNode, is_null
from composegen.stackfile.reader import Path, Reader
from composegen.text import find_near, shorten
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
_REFUSED_RAW = {
    "services": "write them in `services`",
    "secrets": "write them in `secrets`",
    "name": "write `name: ..` at the top",
    "version": "remove it",
}
_OUTPUT = make_pattern(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,120}\.ya?ml", re.ASCII)
_COMPUTED_TOP = ("networks", "volumes")


@record(frozen=False)
class Services:
    """The drafts of the services; ``broken`` holds (service, key) of the unreadable."""

    drafts: dict[str, Draft] = field(default_factory=dict)
    broken: set[tuple[str, str]] = field(default_factory=set)


def read_name(reader: Reader, node: Node, _: Path) -> Any:
    """The name of the project."""
    name = reader.read_text(node, "a name", variables=False)
    if name is None or PROJECT_NAME.fullmatch(name):
        return name
    reader.add(
        "bad-name",
        f"`{shorten(name)}` cannot be the name of a stack",
        node,
        "lower-case letters, digits, - and _ , a letter or digit first",
    )
    return None


def read_output(reader: Reader, node: Node, _: Path) -> Any:
    """The name of the rendered file, which lies next to the stack file."""
    name = reader.read_text(node, "the name of a file", variables=False)
    if name is None:
        return None
    if not _OUTPUT.fullmatch(name):
        reader.add(
            "bad-name",
            f"`{shorten(name)}` cannot be the name of the rendered file",
            node,
            "a name without a folder that ends in .yaml or .yml, as in "
            "compose.gated.yaml; `composegen render -o` writes elsewhere",
        )
        return None
    if name == PurePath(reader.source.file).name:
        reader.add(
            "bad-name",
            f"`{name}` is the stack file itself",
            node,
            "name another file: compose.gated.yaml",
        )
        return None
    return name


# Services


def read_services(reader: Reader, node: Node, path: Path) -> Any:
    """The services; what could not be read is remembered as broken."""
    pairs = reader.read_pairs(node, "a mapping of services")
    if pairs is None:
        return None
    if not pairs:
        reader.add(
            "no-services",
            "there are no services here",
            node,
            "add one, for example:\nweb: {use: nginx}",
        )
    services = Services()
    problems = reader.source.problems
    for name, key_node, value in pairs:
        reader.nodes[*path, name] = key_node
        if not SERVICE_NAME.fullmatch(name) or name in RESERVED_NAMES:
            _add_bad_service_name(reader, name, key_node)
            services.broken.add((name, ""))
        before = problems.count
        services.drafts[name] = read_service(reader, name, value)
        if problems.count != before:
            _note_broken(reader, name, value, services, before)
    return services


def _note_broken(
    reader: Reader, name: str, node: Node, services: Services, before: int
) -> None:
    """Remember which keys of a service could not be read."""
    broken = services.broken
    broken.add((name, "*"))
    if not isinstance(node, MappingNode):
        return
    draft = services.drafts[name]
    pairs = reader.source.pairs(node)
    for key in (key for key, _, _ in pairs if key not in draft):
        broken.update((name, word) for word in _list_meant(key))
    new = reader.source.problems.list_since(before)
    lines = {problem.location.line for problem in new}
    for key, key_node, value in pairs:
        span = range(key_node.start_mark.line + 1, value.end_mark.line + 2)
        if lines.intersection(span):
            broken.add((name, key))


def _list_meant(key: str) -> tuple[str, ...]:
    """The keys that an unreadable one stands for: itself, Compose's, a mistyped one."""
    if key in KEYS:
        return (key,)
    near = key if key in WORDS else find_near(key, [*KEYS, *WORDS])
    return (key, *list_said(near)) if near else (key,)


def _add_bad_service_name(reader: Reader, name: str, node: Node) -> None:
    from composegen.stackfile.hints.names import suggest_service_name

    help = suggest_service_name(name)
    reader.add(
        "bad-name", f"`{shorten(name)}` cannot be the name of a service", node, help
    )


# What services share


def read_volumes(reader: Reader, node: Node, path: Path) -> Any:
    """Options by the name of a volume."""
    volumes: dict[str, Raw] = {}
    for name, key_node, value in reader.read_pairs(node, "a mapping of volumes") or ():
        reader.nodes[*path, name] = key_node
        if not VOLUME_NAME.fullmatch(name):
            reader.add(
                "bad-name",
                f"`{shorten(name)}` cannot be the name of a volume",
                key_node,
                "letters, digits and _ . - , at least two",
            )
        elif is_null(value):
            volumes[name] = None
        elif isinstance(value, MappingNode):
            volumes[name] = compose.read_options(reader, value, "external")
        else:
            reader.add_type(value, "a mapping of options")
    return volumes


def read_secrets(reader: Reader, node: Node, path: Path) -> Any:
    """Secrets by their names."""
    secrets = {}
    for name, key_node, value in reader.read_pairs(node, "a mapping of secrets") or ():
        reader.nodes[*path, name] = key_node
        if not SECRET_NAME.fullmatch(name):
            reader.add(
                "bad-name",
                f"`{shorten(name)}` cannot be the name of a secret",
                key_node,
                "letters, digits, _ and - , beginning with a letter or a digit",
            )
            continue
        secret = _read_secret(reader, name, value, (*path, name))
        if secret is not None:
            secrets[name] = secret
    return secrets


def _read_secret(reader: Reader, name: str, node: Node, path: Path) -> Secret | None:
    if is_null(node):
        return make_secret(name)
    if isinstance(node, MappingNode) and _is_compose_secret(reader, node):
        return None
    kinds = ("env", "file", "generate")
    sources = "{env: VAR}, {file: path} or {generate: true}"
    found = reader.read_known(node, sources, "a secret", kinds)
    if found is None:
        return None
    if len(found) != 1:
        reader.add("wrong-type", "a secret has exactly one source", node, sources)
        return None
    kind, (_, value) = next(iter(found.items()))
    if kind == "generate":
        if reader.read_bool(value) is not True:
            reader.add_type(value, "`true`")
            return None
        return Secret(name=name, kind=SecretKind.GENERATE)
    text = reader.read_text(value, "a text", variables=False)
    if text is None:
        return None
    if kind == "env" and not VARIABLE_NAME.fullmatch(text):
        reader.add_bad_env_name(text, value)
        return None
    if not text:
        reader.add_type(value, "the path of a file")
        return None
    reader.nodes[*path, kind] = value
    return Secret(name=name, kind=SecretKind(kind), source=text)


def _is_compose_secret(reader: Reader, node: MappingNode) -> bool:
    """Whether a secret comes from where Compose says it; that is noted then."""
    for key, key_node, value in reader.source.pairs(node):
        if key not in _COMPOSE_SECRETS:
            continue
        from composegen.stackfile.hints.inline import write_inline

        word = value.value if isinstance(value, ScalarNode) else "VAR"
        help = _COMPOSE_SECRETS[key].format(write_inline(word))
        reader.add("compose-key", f"`{key}` is not read here", key_node, help)
        return True
    return False


def make_secret(name: str) -> Secret:
    """A secret that is not declared: it comes from the variable of its name."""
    variable = name.upper().replace("-", "_") if "-" in name else name
    return Secret(name=name, kind=SecretKind.ENV, source=variable)


def read_recipes(reader: Reader, node: Node, path: Path) -> Any:
    """The folder of the stack's own recipes."""
    folder = reader.read_text(node, "a folder", variables=False)
    if folder is not None:
        reader.nodes[*path, folder] = node
    return folder


def read_compose(reader: Reader, node: Node, path: Path) -> Any:
    """Raw settings; what composegen writes itself is refused."""
    for key, key_node, value in reader.read_pairs(node, "a mapping") or ():
        reader.nodes[*path, key] = key_node
        help = _REFUSED_RAW.get(key)
        if key in _COMPUTED_TOP and is_null(value):
            help = "remove the line: services use what composegen declares there"
        if help:
            reader.add(
                "computed-key",
                f"`{key}` is not allowed in the top level's `compose`"
                if key in _REFUSED_RAW
                else f"`{key}` cannot be removed from the top level",
                key_node,
                help,
            )
    return reader.read_raw(node, path) if isinstance(node, MappingNode) else None


# The table


_SERVICES_SCHEMA: Schema = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": False,
}
"""What is said of each service is the table of its keys."""
_VOLUMES_SCHEMA: Schema = {
    "type": "object",
    "additionalProperties": {"type": ["object", "null"]},
}
_SECRETS_SCHEMA: Schema = {
    "type": "object",
    "additionalProperties": {
        "anyOf": [
            {"type": "null"},
            *(
                {**shapes.make_object({kind: schema}), "required": [kind]}
                for kind, schema in (
                    ("env", {"type": "string"}),
                    ("file", {"type": "string"}),
                    ("generate", {"const": True}),
                )
            ),
        ]
    },
}

_TABLE = (
    Key("name", read_name, shapes.say(shapes.PLAIN_TEXT, "The name of the project")),
    Key(
        "output",
        read_output,
        shapes.say(
            {"type": "string", "pattern": f"^{_OUTPUT.pattern}$"},
            "The file that render and up write, compose.yaml if it is not given",
        ),
    ),
    Key("services", read_services, _SERVICES_SCHEMA),
    Key(
        "volumes",
        read_volumes,
        shapes.say(
            _VOLUMES_SCHEMA, "Options of named volumes; a volume needs no declaration"
        ),
    ),
    Key("networks", networks.read_top_networks, networks.TOP_SCHEMA),
    Key("secrets", read_secrets, _SECRETS_SCHEMA),
    Key(
        "recipes",
        read_recipes,
        shapes.say(shapes.PLAIN_TEXT, "A folder with your own recipes"),
    ),
    Key("relax", own.read_relax, own.RELAX_SCHEMA),
    Key(
        "resources",
        own.read_resources,
        shapes.say(own.RESOURCES_SCHEMA, "Limits of every service that has none"),
    ),
    Key(
        "probe_image",
        compose.read_image,
        shapes.say(
            shapes.PLAIN_TEXT, f"What asks from outside; {PROBE_IMAGE} by default"
        ),
    ),
    Key(
        "compose",
        read_compose,
        shapes.say(shapes.RAW, "Raw settings of Compose's top level"),
    ),
)

TOP_KEYS = {key.name: key for key in _TABLE}
"""Every key of the top level by its name, in the order of the schema."""
