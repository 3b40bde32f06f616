"""The key `needs`: what a service waits for, its variables, its fallbacks."""

from __future__ import annotations

from typing import Any

from composegen.needs import Condition, Later
from composegen.patterns import make_pattern
from composegen.planning.placeholders import PLACEHOLDERS
from composegen.stackfile.hints.inline import write_inline
from composegen.stackfile.keys import shapes
from composegen.stackfile.keys.compose import MOST_REPLICAS
from composegen.stackfile.keys.key import Draft, Schema
from composegen.stackfile.nodes import (
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    is_null,
)
from composegen.stackfile.reader import REMOVED, Path, Reader
from composegen.stackfile.text_map import read_text_map
from composegen.stackfile.tree import to_plain
from composegen.text import find_near, shorten, suggest
from composegen.values import ENV_NAME

_LIKE_PLACEHOLDER = make_pattern(r"\{ ?[A-Za-z_]+ ?\}")
NEED_KEYS = ("env", "until", "otherwise", "gate")
NO_GATE = "none"
"""The one word of ``gate``: a pod on a cluster starts without waiting."""
OTHERWISE_KEYS = ("env", "replicas", "note", "later")


def read_needs(reader: Reader, node: Node, path: Path) -> Any:
    """``needs`` in its short and long forms: a draft for each service."""
    if isinstance(node, SequenceNode):
        return _read_names(reader, node, path)
    if isinstance(node, ScalarNode):
        reader.add_type(
            node,
            "a list of services or a mapping",
            f"needs: {write_inline([node.value])}",
        )
        return None
    pairs = reader.read_pairs(node, "a list of services or a mapping")
    if pairs is None or _refuse_choice(reader, node):
        return None
    needs: dict[str, Draft] = {}
    for name, key_node, value in pairs:
        reader.nodes[*path, name] = key_node
        need = _read_need(reader, value, (*path, name))
        if need is not None:
            needs[name] = need
    return needs


def _read_names(reader: Reader, node: SequenceNode, path: Path) -> dict[str, Draft]:
    """The short form: names of services."""
    needs: dict[str, Draft] = {}
    for item in node.value:
        if _refuse_choice(reader, item):
            continue
        name = reader.read_text(item, "the name of a service", variables=False)
        if name is not None and name in needs:
            reader.add(
                "duplicate-key",
                f"`{name}` is a duplicate (first at "
                f"{reader.source.locate(reader.nodes[*path, name])})",
                item,
                "keep one of the two",
            )
        elif name is not None:
            reader.nodes[*path, name] = item
            needs[name] = {}
    return needs


def _refuse_choice(reader: Reader, node: Node, choice: str = "store") -> bool:
    """Whether services are listed in `needs` as if it were a choice; it is noted."""
    pairs = reader.source.pairs(node) if isinstance(node, MappingNode) else ()
    for name, key_node, value in pairs:
        if name == "one_of" and isinstance(value, SequenceNode):
            members = write_inline(to_plain(value))
            reader.add(
                "bad-choice",
                "`one_of` is no need: a choice is a service with a name of its own",
                key_node,
                f"give the choice a name, and need that:\nservices:\n"
                f"  {choice}: {{one_of: {members}}}\nneeds: [{choice}]",
            )
            return True
    return False


def _read_need(reader: Reader, node: Node, path: Path) -> Draft | None:
    if is_null(node):
        return {}
    if isinstance(node, ScalarNode):
        name = reader.read_text(node, "the name of a variable", variables=False)
        if name is None:
            return None
        if not ENV_NAME.fullmatch(name):
            reader.add_bad_env_name(name, node)
            return None
        reader.nodes[*path, "env", name] = node
        return {"env": {name: "{url_file}" if name.endswith("_FILE") else "{url}"}}
    if _refuse_choice(reader, node, path[-1]):
        return None
    pairs = reader.read_pairs(node, "the name of a variable or a mapping")
    if pairs is None:
        return None
    keys = [key for key, _, _ in pairs]
    if any(key in NEED_KEYS for key in keys) or any(
        isinstance(value, MappingNode) or (key.islower() and find_near(key, NEED_KEYS))
        for key, _, value in pairs
    ):
        return _read_long_need(reader, node, path)
    env = _read_need_env(reader, node, path)
    return None if env is None else {"env": env}


def _read_long_need(reader: Reader, node: Node, path: Path) -> Draft | None:
    found = _read_long_keys(reader, node)
    if found is None:
        return None
    need: Draft = {}
    if "env" in found:
        need["env"] = _read_need_env(reader, found["env"][1], path) or {}
    if "until" in found:
        until = _read_until(reader, found["until"][1])
        if until is not None:
            need["until"] = until
    if "otherwise" in found:
        reader.nodes[*path, "otherwise"] = found["otherwise"][0]
        otherwise = _read_otherwise(reader, found["otherwise"][1], path)
        if otherwise is not None:
            need["otherwise"] = otherwise
    if "gate" in found:
        gate = _read_gate(reader, found["gate"][1])
        if gate is not None:
            need["gate"] = gate
    return need


def _read_long_keys(reader: Reader, node: Node) -> dict[str, tuple[Node, Node]] | None:
    """The keys of the long form; variables are not allowed next to them."""
    pairs = reader.read_pairs(node, "a mapping")
    for key, key_node, value in pairs or ():
        looks_wired = key.isupper() and isinstance(value, ScalarNode)
        if key not in NEED_KEYS and looks_wired and ENV_NAME.fullmatch(key):
            reader.add(
                "unknown-key",
                f"`{key}` is next to the keys of a need",
                key_node,
                f"variables go below `env`:\nenv: {write_inline({key: value.value})}",
            )
            return None
    return reader.read_known(node, "a mapping", "a need", NEED_KEYS)


def _read_until(reader: Reader, node: Node) -> Condition | None:
    text = reader.read_text(node, "a condition", variables=False)
    if text is None:
        return None
    known = [condition.value for condition in Condition]
    if text not in known:
        word = text.removeprefix("service_")
        if find_near(word, [*known, "completed"]) == "completed":
            word = "finished"
        reader.add(
            "bad-condition",
            f"`{shorten(text)}` is not a condition",
            node,
            suggest(word, known, "healthy, started or finished"),
        )
        return None
    return Condition(text)


def _read_gate(reader: Reader, node: Node) -> str | None:
    text = reader.read_text(node, f"`{NO_GATE}`", variables=False)
    if text is None or text == NO_GATE:
        return text
    reader.add(
        "bad-gate",
        f"`{shorten(text)}` is not a word of `gate`",
        node,
        f"gate: {NO_GATE}, or no `gate`: a pod waits for what its service needs",
    )
    return None


def _read_need_env(reader: Reader, node: Node, path: Path) -> dict[str, str] | None:
    env = read_text_map(reader, node, (*path, "env"), name_of=ENV_NAME)
    if env is None:
        return None
    result: dict[str, str] = {}
    for name, text in env.items():
        key_node = reader.nodes[*path, "env", name]
        if text is REMOVED:
            reader.add(
                "null-value",
                f"`{name}` has no value",
                key_node,
                f'{name}: "{{url}}"',
            )
            continue
        for written in _LIKE_PLACEHOLDER.findall(text.replace("${", "$ ")):
            if written[1:-1] in PLACEHOLDERS:
                continue
            near = find_near(written.strip("{} ").lower(), PLACEHOLDERS)
            if near:
                reader.add(
                    "near-placeholder",
                    f"`{written}` is passed on as text",
                    key_node,
                    f"did you mean `{{{near}}}`?",
                )
        result[name] = text
    return result


def _read_otherwise(reader: Reader, node: Node, path: Path) -> Draft | None:
    found = reader.read_known(node, "a mapping", "`otherwise`", OTHERWISE_KEYS)
    if found is None:
        return None
    otherwise: Draft = {}
    if "env" in found:
        where = (*path, "otherwise", "env")
        env = read_text_map(reader, found["env"][1], where, name_of=ENV_NAME)
        otherwise["env"] = {}
        for name, text in (env or {}).items():
            if text is REMOVED:
                reader.add(
                    "null-value",
                    f"`{name}` has no value",
                    reader.nodes[*where, name],
                    f'an empty text is written {name}: ""',
                )
            else:
                otherwise["env"][name] = text
    if "replicas" in found:
        replicas = found["replicas"][1]
        otherwise["replicas"] = reader.read_integer(
            replicas, least=1, most=MOST_REPLICAS
        )
    if "note" in found:
        otherwise["note"] = reader.read_line(found["note"][1], "a note") or ""
    if "later" in found:
        reader.nodes[*path, "otherwise", "later"] = found["later"][0]
        later = _read_later(reader, found["later"][1])
        if later is not None:
            otherwise["later"] = later
    return otherwise


def _read_later(reader: Reader, node: Node) -> Later | None:
    text = reader.read_text(node, "`cope` or `restart`", variables=False)
    if text is None:
        return None
    known = [later.value for later in Later]
    if text not in known:
        help = suggest(text, known, "cope or restart")
        reader.add(
            "bad-later", f"`{shorten(text)}` is not a word of `later`", node, help
        )
        return None
    return Later(text)


def _make_schema() -> Schema:
    otherwise = shapes.make_object(
        {
            "env": shapes.ENV_MAP,
            "replicas": shapes.COUNT,
            "note": shapes.PLAIN_TEXT,
            "later": {"enum": [later.value for later in Later]},
        }
    )
    long_form = shapes.make_object(
        {
            "env": shapes.ENV_MAP,
            "until": {"enum": ["healthy", "started", "finished"]},
            "otherwise": shapes.say(
                otherwise, "Makes the need optional: what changes when it is excluded"
            ),
            "gate": shapes.say(
                {"enum": [NO_GATE]}, "On a cluster, a pod does not wait for it"
            ),
        }
    )
    short_form = {
        **shapes.ENV_MAP,
        "propertyNames": {"not": {"enum": list(long_form["properties"])}},
    }
    need = {"anyOf": [{"type": ["string", "null"]}, long_form, short_form]}
    return {"anyOf": [shapes.TEXTS, {"type": "object", "additionalProperties": need}]}


SCHEMA = _make_schema()
