"""The other words of composegen: publish, resources, secrets, relax, local, compose."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from composegen.model import RELAXABLE
from composegen.planning.addressing import ContainerAddressing
from composegen.ports import Port, parse_published_port
from composegen.stackfile.hints.inline import write_inline
from composegen.stackfile.keys import shapes
from composegen.stackfile.keys.compose import read_command
from composegen.stackfile.keys.key import Draft, Schema, drop_removed
from composegen.stackfile.keys.words import REFUSED_RAW
from composegen.stackfile.nodes import (
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    is_null,
)
from composegen.stackfile.reader import Path, Reader
from composegen.stackfile.text_map import read_text_map
from composegen.stackfile.tree import to_plain
from composegen.text import shorten
from composegen.values import (
    ENV_NAME,
    GROUP_NAME,
    SECRET_NAME,
    Number,
    find_default,
    parse_size,
)

_CPUS = r"[0-9]{1,4}(\.[0-9]{1,3})?|\.[0-9]{1,3}"


def read_publish(reader: Reader, node: Node, _: Path) -> Any:
    """Ports of the host: a list, or true for the service's own port."""
    if isinstance(node, SequenceNode):
        ports = [_read_published(reader, item) for item in node.value]
        return list(dict.fromkeys(port for port in ports if port is not None))
    if isinstance(node, ScalarNode) and node.value == "true" and not node.style:
        return True
    if isinstance(node, ScalarNode) and node.value == "false" and not node.style:
        return []
    port = _read_published(reader, node)
    return None if port is None else [port]


def _read_published(reader: Reader, node: Node) -> Port | None:
    if isinstance(node, MappingNode):
        reader.add_type(
            node, "a port in the short form", 'write "127.0.0.1:8080:80" or 8080:80'
        )
        return None
    text = reader.read_text(node, "a port")
    if text is None:
        return None
    try:
        return parse_published_port(text)
    except ValueError as error:
        reader.add("bad-port", f"`{shorten(text)}` is not a port", node, str(error))
        return None


def read_group(reader: Reader, node: Node, path: Path) -> Any:
    """The names of the groups that a service is in."""
    items = node.value if isinstance(node, SequenceNode) else [node]
    groups: list[str] = []
    for item in items:
        name = reader.read_text(item, "the name of a group", variables=False)
        if name is None:
            continue
        if GROUP_NAME.fullmatch(name):
            reader.nodes[*path, name] = item
            groups.append(name)
        else:
            reader.add(
                "bad-name",
                f"`{shorten(name)}` cannot be the name of a group",
                item,
                "letters, digits, _ . and - , beginning with a letter or a digit",
            )
    return list(dict.fromkeys(groups))


def read_one_of(reader: Reader, node: Node, path: Path) -> Any:
    """The services that a choice is one of."""
    members = []
    for item in reader.read_items(node, "a list of services") or ():
        name = reader.read_text(item, "the name of a service", variables=False)
        if name is not None:
            reader.nodes[*path, name] = item
            members.append(name)
    return list(dict.fromkeys(members))


def read_resources(reader: Reader, node: Node, path: Path) -> Any:
    """``resources`` without what could not be read; ``none`` sets no limit."""
    if _is_none(node):
        return {name: no_limit for name, (_, no_limit) in _LIMITS.items()}
    found = reader.read_known(
        node, "a mapping or `none`", "`resources`", tuple(_LIMITS)
    )
    if found is None:
        return None
    draft: Draft = {}
    for name, (_, value) in found.items():
        read, no_limit = _LIMITS[name]
        reader.nodes[*path, name] = value
        draft[name] = no_limit if _is_none(value) else read(reader, value)
    return {key: value for key, value in draft.items() if value is not None}


def _is_none(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value == "none"


def _read_cpus(reader: Reader, node: Node) -> str | None:
    read = reader.read_parsed(
        node, "a number of processors", "wrong-type", _parse_cpus, example="2"
    )
    return None if read is None else read[0]


def _parse_cpus(text: str) -> float:
    if not re.fullmatch(_CPUS, text) or float(text) <= 0:
        raise ValueError("such as 0.5 or 2; `none` sets no limit")
    return float(text)


def _read_memory(reader: Reader, node: Node) -> str | None:
    text = reader.read_size(node)
    least = 6 * 1024 * 1024
    if text is not None and parse_size(find_default(text)) < least:
        reader.add(
            "bad-size",
            f"`{text}` is less than a container can have",
            node,
            "at least 6M; a size without a unit is a number of bytes; `none` sets no "
            "limit",
        )
        return None
    return text


def _read_pids(reader: Reader, node: Node) -> int | str | None:
    if isinstance(node, ScalarNode) and node.value in {"0", "-1"}:
        reader.add_type(node, "a number of processes", "`none` sets no limit")
        return None
    number = reader.read_number(node, least=1, most=4_194_304)
    return number.text if isinstance(number, Number) else number


_LIMITS: Mapping[str, tuple[Callable[[Reader, Node], Any], Any]] = {
    "cpus": (_read_cpus, ""),
    "memory": (_read_memory, ""),
    "pids": (_read_pids, 0),
}
"""How each limit is read, and what stands for `none`."""


def read_secrets(reader: Reader, node: Node, path: Path) -> Any:
    """Variables by the secret whose path they get; ``none`` sets no variable."""
    secrets: dict[str, list[str]] = {}
    if isinstance(node, SequenceNode):
        for item in node.value:
            name = _read_listed_secret(reader, item)
            if name is not None:
                reader.nodes[*path, name] = item
                secrets[name] = [make_file_variable(name)]
        return secrets
    pairs = reader.read_pairs(node, "a list of secrets or a mapping")
    if pairs is None:
        return None
    for name, key_node, value in pairs:
        reader.nodes[*path, name] = key_node
        if not _check_secret_name(reader, name, key_node):
            continue
        variables = _read_secret_variables(reader, name, value)
        if variables is not None:
            secrets[name] = variables
    return secrets


def _read_secret_variables(reader: Reader, name: str, node: Node) -> list[str] | None:
    """The variables that get the path of a secret's file: none, the usual, its own."""
    if is_null(node):
        return [make_file_variable(name)]
    if _is_none(node):
        return []
    variable = reader.read_text(node, "the name of a variable", variables=False)
    if variable is None:
        return None
    if ENV_NAME.fullmatch(variable):
        return [variable]
    reader.add_bad_env_name(variable, node)
    return None


def _read_listed_secret(reader: Reader, node: Node) -> str | None:
    if isinstance(node, MappingNode):
        plain = to_plain(node)
        source = plain.get("source") if isinstance(plain, dict) else None
        wanted = str(source or "db-password")
        reader.add(
            "compose-key",
            "a secret's long form is a mapping here",
            node,
            f"secrets: {write_inline({wanted: make_file_variable(wanted)})}",
        )
        return None
    name = reader.read_text(node, "the name of a secret", variables=False)
    if name is None or not _check_secret_name(reader, name, node):
        return None
    return name


def _check_secret_name(reader: Reader, name: str, node: Node) -> bool:
    if SECRET_NAME.fullmatch(name):
        return True
    reader.add(
        "bad-name",
        f"`{shorten(name)}` cannot be the name of a secret",
        node,
        "letters, digits, _ and - , beginning with a letter or a digit",
    )
    return False


def read_relax(reader: Reader, node: Node, path: Path) -> Any:
    """The reason of each protection that is switched off.

    False keeps a protection in one service, whatever the top level or facts say.
    """
    may_keep = len(path) > 1
    if isinstance(node, ScalarNode):
        common = _read_reason(reader, node, may_keep=may_keep)
        return None if common is None else dict.fromkeys(RELAXABLE, common)
    found = reader.read_known(node, "a mapping or a reason", "`relax`", RELAXABLE)
    if found is None:
        return None
    relax: dict[str, str | bool] = {}
    for key, (key_node, value) in found.items():
        reader.nodes[*path, key] = key_node
        reason = _read_reason(reader, value, may_keep=may_keep)
        if reason is not None:
            relax[key] = reason
    return relax


def _read_reason(reader: Reader, node: Node, *, may_keep: bool) -> str | bool | None:
    """A reason, or False where the protection is kept."""
    reason = reader.read_line(node, "the reason")
    if may_keep and reason is not None and reason.lower() == "false":
        return False
    if reason is not None and reason.lower() in {"true", "false", "yes", "no"}:
        reader.add(
            "wrong-type",
            f"`{reason}` is not a reason: `relax` switches off what it names",
            node,
            "write the reason, or `false` in a service to keep the protection",
        )
        return None
    return reason


def read_local(reader: Reader, node: Node, path: Path) -> Any:
    """How to run as a process, as a draft."""
    keys = ("command", "dir", "port", "env")
    found = reader.read_known(node, "a mapping", "`local`", keys)
    if found is None:
        return None
    draft: Draft = {}
    if "command" in found:
        draft["command"] = read_command(reader, found["command"][1], ())
        if draft["command"] in ("", []):
            reader.add(
                "wrong-type",
                "the command is empty",
                found["command"][0],
                "name the command to run",
            )
    if "dir" in found:
        draft["dir"] = reader.read_text(found["dir"][1], "a folder", variables=False)
        reader.nodes[*path, "dir"] = found["dir"][1]
    if "port" in found:
        draft["port"] = reader.read_port(found["port"][1])
    if "env" in found:
        draft["env"] = read_text_map(
            reader, found["env"][1], (*path, "env"), name_of=ENV_NAME
        )
    return {key: value for key, value in draft.items() if value is not None}


def read_compose(reader: Reader, node: Node, path: Path) -> Any:
    """Raw settings; what composegen writes itself is refused."""
    pairs = reader.read_pairs(node, "a mapping of Compose's keys")
    if pairs is None:
        return None
    for key, key_node, value in pairs:
        reader.nodes[*path, key] = key_node
        help = REFUSED_RAW.get(key)
        if key == "network_mode" and to_plain(value) != "host":
            help = f"write it as a key:\nnetwork_mode: {write_inline(to_plain(value))}"
        if key == "deploy" and isinstance(value, MappingNode):
            _check_raw_deploy(reader, value)
        if help:
            _add_computed(reader, key, key_node, help)
    return reader.read_raw(node, path)


def _check_raw_deploy(reader: Reader, node: MappingNode) -> None:
    for key, key_node, value in reader.source.pairs(node):
        if key == "replicas":
            _add_computed(reader, "deploy.replicas", key_node, "write `replicas`")
        elif key == "resources" and isinstance(value, MappingNode):
            for inner, inner_node, _ in reader.source.pairs(value):
                if inner == "limits":
                    _add_computed(
                        reader,
                        "deploy.resources.limits",
                        inner_node,
                        "write `resources`",
                    )


def _add_computed(reader: Reader, key: str, node: Node, help: str) -> None:
    reader.add(
        "computed-key",
        f"composegen computes `{key}`; a raw value could falsify the gates",
        node,
        help,
    )


def make_file_variable(secret: str) -> str:
    """The variable that gets the path of a secret's file, unless another is named."""
    return secret.upper().replace("-", "_") + "_FILE"


def merge_local(base: Draft, own: Draft) -> Draft:
    """The own settings over the recipe's; of ``env``, the names of both."""
    env = drop_removed({**base.get("env", {}), **own.get("env", {})})
    return {**base, **own, **({"env": env} if env else {})}


PUBLISH_SCHEMA = shapes.say(
    {"type": ["boolean", "integer", "string", "array"]},
    "Reachable on 127.0.0.1 of the host, unless an address is named",
)
RESOURCES_SCHEMA: Schema = {
    "anyOf": [
        {"const": "none"},
        shapes.make_object(
            {
                "cpus": {"type": ["number", "string"]},
                "memory": shapes.SIZE,
                "pids": shapes.NUMBER,
            }
        ),
    ]
}
SECRETS_SCHEMA = shapes.say(
    {"anyOf": [shapes.TEXTS, {"type": "object", "additionalProperties": {}}]},
    f"Mounted in {ContainerAddressing.secret_folder}; a variable gets the path",
)
RELAX_SCHEMA: Schema = shapes.say(
    {
        "anyOf": [
            {"type": "string"},
            {"const": False},
            shapes.make_object(
                {
                    name: {"anyOf": [{"type": ["string", "null"]}, {"const": False}]}
                    for name in RELAXABLE
                }
            ),
        ]
    },
    "Hardening to switch off, each with a reason; false keeps it in one service",
)
LOCAL_SCHEMA = shapes.make_object(
    {
        "command": shapes.TEXT_OR_TEXTS,
        "dir": shapes.PLAIN_TEXT,
        "port": shapes.PORT,
        "env": shapes.ENV_MAP,
    }
)
COMPOSE_SCHEMA = shapes.say(
    shapes.RAW, "Raw settings, merged as Compose merges override files"
)
