"""Keys of a service that are Compose's own: read as Compose means them."""

from __future__ import annotations

import re
from typing import Any

from composegen.model import Raw
from composegen.stackfile.hints.inline import write_inline
from composegen.stackfile.keys.key import Schema
from composegen.stackfile.nodes import (
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    is_null,
)
from composegen.stackfile.reader import REMOVED, Path, Reader
from composegen.stackfile.text_map import read_text_map
from composegen.text import shorten, suggest
from composegen.values import (
    ENV_NAME,
    RESTARTS,
    double_dollars,
    guess_default,
    has_variables,
    parse_restart,
    remove_variables,
)

BUILD_KEYS = (
    "additional_contexts args cache_from cache_to context dockerfile dockerfile_inline "
    "entitlements extra_hosts isolation labels network no_cache no_cache_filter "
    "platforms privileged provenance pull sbom secrets shm_size ssh tags target ulimits"
).split()
_BUILD_SWITCHES = ("no_cache", "privileged", "pull")
MOST_REPLICAS = 1000
PULL_POLICIES = "always build daily if_not_present missing never refresh weekly".split()


def read_text(reader: Reader, node: Node, _: Path) -> Any:
    """A text."""
    return reader.read_text(node)


def read_bool(reader: Reader, node: Node, _: Path) -> Any:
    """``true`` or ``false``."""
    return reader.read_bool(node)


def read_switch(reader: Reader, node: Node, _: Path) -> Any:
    """``true``, ``false`` or a variable."""
    passed = _read_passed(node)
    return reader.read_bool(node) if passed is None else passed


def _read_passed(node: Node) -> str | None:
    """A text with variables in a key that nothing here computes with."""
    if isinstance(node, ScalarNode):
        text = double_dollars(node.value)
        return text if has_variables(text) else None
    return None


def read_duration(reader: Reader, node: Node, _: Path) -> Any:
    """A duration or a variable, as it was written."""
    passed = _read_passed(node)
    if passed is not None:
        return passed
    duration = reader.read_duration(node)
    return None if duration is None else duration.text


def read_size(reader: Reader, node: Node, _: Path) -> Any:
    """A size or a variable, as it was written."""
    passed = _read_passed(node)
    return reader.read_size(node) if passed is None else passed


def read_port(reader: Reader, node: Node, _: Path) -> Any:
    """A port number."""
    return reader.read_any_port(node)


def read_texts(reader: Reader, node: Node, _: Path) -> Any:
    """A list of texts."""
    return reader.read_texts(node)


def read_text_or_texts(reader: Reader, node: Node, _: Path) -> Any:
    """One text or a list of texts, as a list."""
    return reader.read_text_or_texts(node)


def read_raw(reader: Reader, node: Node, _: Path) -> Any:
    """A value that is passed on."""
    return reader.read_raw(node)


def read_raw_list(reader: Reader, node: Node, _: Path) -> Any:
    """A list of values that are passed on."""
    items = reader.read_items(node, "a list")
    return None if items is None else [reader.read_raw(item) for item in items]


def read_options(reader: Reader, node: MappingNode, *switches: str) -> dict[str, Raw]:
    """Options that are passed on, of which some are true, false or a variable."""
    options = reader.read_raw(node)
    assert isinstance(options, dict)
    for key, _, value in reader.source.pairs(node):
        if key in switches and isinstance(value, ScalarNode):
            options[key] = _read_option(reader, value, options[key])
    return options


def _read_option(reader: Reader, node: ScalarNode, raw: Raw) -> Raw:
    return raw if is_null(node) or "$" in node.value else reader.read_bool(node)


def read_environment(reader: Reader, node: Node, path: Path) -> Any:
    """Variables with their texts."""
    return read_text_map(
        reader, node, path, name_of=ENV_NAME, is_filled=True, may_pass=True
    )


def read_image(reader: Reader, node: Node, _: Path) -> Any:
    """The name of an image."""
    text = reader.read_text(node, "the name of an image")
    if text is None:
        return None
    without = remove_variables(text)
    if not text.strip() or any(character.isspace() for character in without):
        reader.add(
            "bad-name",
            f"`{shorten(text)}` is not the name of an image",
            node,
            "a name without blanks, and a tag; for example: postgres:17",
        )
        return None
    return text


def read_use(reader: Reader, node: Node, path: Path) -> Any:
    """The name of a recipe."""
    name = reader.read_text(node, "the name of a recipe", variables=False)
    if name is not None:
        reader.nodes[*path, name] = node
    return name


def read_command(reader: Reader, node: Node, _: Path) -> Any:
    """A text for a shell or a list of words."""
    if isinstance(node, SequenceNode):
        return reader.read_texts(node)
    return reader.read_text(node, "a text or a list of words")


def read_replicas(reader: Reader, node: Node, _: Path) -> Any:
    """How many containers."""
    return reader.read_number(node, least=1, most=MOST_REPLICAS)


def read_build(reader: Reader, node: Node, path: Path) -> Any:
    """A folder or a mapping, as a mapping."""
    if isinstance(node, ScalarNode):
        text = reader.read_text(node, "a folder")
        if text is None:
            return None
        reader.nodes[*path, "context", text] = node
        return {"context": text}
    pairs = reader.read_pairs(node, "a folder or a mapping")
    if pairs is None:
        return None
    options: dict[str, Any] = {}
    for key, key_node, value in pairs:
        reader.nodes[*path, key] = key_node
        if key not in BUILD_KEYS:
            reader.add_unknown_key(key, key_node, "`build`", BUILD_KEYS)
        elif key == "args":
            options |= _read_arguments(reader, value, (*path, key))
        elif key in {"context", "dockerfile", "target"}:
            options[key] = reader.read_text(value) or ""
            reader.nodes[*path, key, options[key]] = value
        else:
            options[key] = reader.read_raw(value, (*path, key))
            if key in _BUILD_SWITCHES and isinstance(value, ScalarNode):
                options[key] = _read_option(reader, value, options[key])
    if "context" not in options and "dockerfile_inline" not in options:
        options = {"context": ".", **options}
    return options


def _read_arguments(reader: Reader, node: Node, path: Path) -> dict[str, Any]:
    """The arguments of a build by their key; nothing where they cannot be read."""
    arguments = read_text_map(reader, node, path, may_pass=True)
    if arguments is None:
        return {}
    texts = {
        name: None if text is REMOVED else text for name, text in arguments.items()
    }
    return {"args": texts}


def read_env_file(reader: Reader, node: Node, path: Path) -> Any:
    """Files of variables, each a name or a mapping with a ``path``."""
    items = node.value if isinstance(node, SequenceNode) else [node]
    files: list[Raw] = []
    for item in items:
        if isinstance(item, MappingNode):
            raw = read_options(reader, item, "required")
            if not isinstance(raw.get("path"), str):
                reader.add_type(item, "a mapping with a `path`")
            else:
                reader.nodes[*path, str(raw["path"])] = item
                files.append(raw)
        else:
            text = reader.read_text(item, "a file")
            if text is not None:
                reader.nodes[*path, text] = item
                files.append(text)
    return files


def read_extra_hosts(reader: Reader, node: Node, _: Path) -> Any:
    """Hosts with their addresses, as texts."""
    if isinstance(node, MappingNode):
        hosts = []
        for key, _key_node, value in reader.source.pairs(node):
            addresses = reader.read_text_or_texts(value)
            # Compose fills in the items of a list, and no key of a mapping.
            name = key.replace("$", "$$")
            hosts += [f"{name}={address}" for address in addresses or []]
        return hosts
    texts = reader.read_texts(node)
    for text in texts or ():
        if not re.search(r"[=:]", text):
            reader.add(
                "wrong-type",
                f"`{shorten(text)}` has no address",
                node,
                f"{write_inline(f'{text}=192.0.2.1')}, or =host-gateway",
            )
    return texts


def read_pull_policy(reader: Reader, node: Node, _: Path) -> Any:
    """When an image is pulled."""
    text = reader.read_text(node, "a policy")
    if text is None or text in PULL_POLICIES or "$" in text:
        return text
    if not text.startswith("every_"):
        reader.add(
            "wrong-type",
            f"`{shorten(text)}` is not a pull policy",
            node,
            suggest(text, PULL_POLICIES, ", ".join(PULL_POLICIES)),
        )
    return text


def read_restart(reader: Reader, node: Node, _: Path) -> Any:
    """A restart policy, or a variable that may be one."""
    text = reader.read_text(node, "a restart policy")
    if text is None:
        return None
    default = guess_default(text)
    try:
        if default or not has_variables(text):
            parse_restart(default)
    except ValueError as error:
        near = suggest(default, RESTARTS)
        reader.add(
            "wrong-type",
            f"`{shorten(text)}` is not a restart policy",
            node,
            near or str(error),
        )
        return None
    return text


def read_ulimits(reader: Reader, node: Node, _: Path) -> Any:
    """Limits by name: one number, or soft and hard."""
    pairs = reader.read_pairs(node, "a mapping")
    if pairs is None:
        return None
    limits: dict[str, Raw] = {}
    for key, _key_node, value in pairs:
        if isinstance(value, MappingNode):
            both = reader.read_known(
                value, "soft and hard", "a limit", ("soft", "hard")
            )
            if both is not None and len(both) == 1:
                reader.add(
                    "wrong-type",
                    "a limit in two parts has `soft` and `hard`",
                    value,
                    f"use one number for both: {write_inline(key)}: 65536",
                )
            limits[key] = {
                name: _read_limit(reader, item)
                for name, (_, item) in (both or {}).items()
            }
        else:
            limits[key] = _read_limit(reader, value)
    return limits


def _read_limit(reader: Reader, node: Node) -> Raw:
    passed = _read_passed(node)
    return reader.read_integer(node, least=-1, most=2**62) if passed is None else passed


RESTART_SCHEMA: Schema = {
    "type": "string",
    "anyOf": [
        {"enum": [*RESTARTS]},
        {"pattern": r"^on-failure:[0-9]{1,5}$"},
        {"pattern": r"\$"},
    ],
}
