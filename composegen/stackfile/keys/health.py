"""The key `health`: how to check that a service is ready."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from composegen.health import HealthKind
from composegen.planning.asking import TOOLS
from composegen.stackfile.keys import shapes
from composegen.stackfile.keys.compose import read_command
from composegen.stackfile.keys.key import Draft, Schema
from composegen.stackfile.nodes import Node, ScalarNode
from composegen.stackfile.reader import Path, Reader, describe
from composegen.text import shorten, suggest
from composegen.values import Duration, Number, double_dollars

_HEALTH_KINDS = {kind.value: kind for kind in HealthKind}
_KIND_KEYS = frozenset({"kind", "path", "command", "reason"})
FROM = ("inside", "outside")
"""Where a check asks from: the container itself, or one next to it."""


def read_health(reader: Reader, node: Node, path: Path) -> Any:
    """``health``, short or long, as a draft."""
    if isinstance(node, ScalarNode):
        return _read_short_health(reader, node)
    found = reader.read_known(node, "a path or a mapping", "`health`", HEALTH_KEYS)
    if found is None:
        return None
    kinds = [key for key in found if key in _HEALTH_KINDS]
    if len(kinds) > 1:
        reader.add(
            "health-twice",
            f"`{kinds[0]}` and `{kinds[1]}` are two kinds of health check",
            found[kinds[1]][0],
            "keep one of the two",
        )
        return None
    draft: Draft = {}
    for key, (key_node, value) in found.items():
        reader.nodes[*path, key] = key_node
        read = HEALTH_KEYS[key](reader, value)
        if read is not None:
            draft |= read if isinstance(read, dict) else {key: read}
    if draft.get("is_outside") and "tool" in found:
        reader.add(
            "outside-health",
            "`tool` is a program of the image, and a check from outside needs none",
            found["tool"][0],
            "remove `tool`, or `from: outside`",
        )
    return draft


def _read_short_health(reader: Reader, node: ScalarNode) -> Draft | None:
    text = double_dollars(node.value)
    if "$" in text and not reader.check_variables(node, variables=False):
        return None
    if text == "image":
        return {"kind": HealthKind.IMAGE}
    if text == "none":
        return {"kind": HealthKind.NONE, "reason": ""}
    if text == "tcp":
        return {"kind": HealthKind.TCP}
    if text.startswith("/"):
        return _read_http(reader, node)
    reader.add(
        "bad-health",
        f"{describe(node)} is not a health check",
        node,
        "a path such as /health, `image`, or a mapping: {tcp: true}, "
        "{command: ..}, {none: why}",
    )
    return None


def _read_http(reader: Reader, node: Node) -> Draft | None:
    path = read_path(reader, node)
    return None if path is None else {"kind": HealthKind.HTTP, "path": path}


def read_path(reader: Reader, node: Node) -> str | None:
    """The path of a request over HTTP."""
    path = reader.read_text(node, "a path", variables=False)
    if path is None:
        return None
    is_plain = path.isascii() and path.isprintable() and " " not in path
    if not path.startswith("/") or not is_plain:
        reader.add(
            "bad-health",
            f"`{shorten(path)}` is not a path",
            node,
            "a path begins with /; spaces and letters beyond ASCII are written %20",
        )
        return None
    return path


def _read_true(reader: Reader, node: Node, kind: HealthKind) -> Draft | None:
    if not isinstance(node, ScalarNode) or node.value != "true":
        reader.add_type(node, "`true`", f"write `{{{kind}: true}}`")
        return None
    return {"kind": kind}


def _read_tcp(reader: Reader, node: Node) -> Draft | None:
    return _read_true(reader, node, HealthKind.TCP)


def _read_image(reader: Reader, node: Node) -> Draft | None:
    return _read_true(reader, node, HealthKind.IMAGE)


def _read_command(reader: Reader, node: Node) -> Draft | None:
    command = read_command(reader, node, ())
    if command in ("", []):
        reader.add(
            "bad-health", "the command is empty", node, "name the command to run"
        )
        return None
    if command is None:
        return None
    return {
        "kind": HealthKind.COMMAND,
        "command": command if isinstance(command, str) else tuple(command),
    }


def _read_none(reader: Reader, node: Node) -> Draft | None:
    reason = reader.read_line(node, "the reason")
    return None if reason is None else {"kind": HealthKind.NONE, "reason": reason}


def read_some_time(reader: Reader, node: Node) -> Duration | None:
    """A duration above zero: for zero, Docker would take its own default."""
    duration = reader.read_duration(node)
    if duration is not None and duration.seconds <= 0:
        reader.add("bad-duration", "the duration is zero", node, "use at least 1ms")
        return None
    return duration


def _read_tool(reader: Reader, node: Node) -> str | None:
    tool = reader.read_text(node, "a tool", variables=False)
    if tool is not None and tool not in TOOLS:
        others = f"one of {', '.join(TOOLS)}; anything else as {{command: ..}}"
        reader.add(
            "bad-tool",
            f"`{shorten(tool)}` is not a known probe tool",
            node,
            f"{suggest(tool, TOOLS)} {others}".lstrip(),
        )
        return None
    return tool


def _read_from(reader: Reader, node: Node) -> Draft | None:
    """Where the check asks from."""
    text = reader.read_text(node, "`inside` or `outside`", variables=False)
    if text is None:
        return None
    if text not in FROM:
        reader.add(
            "wrong-type",
            f"`{shorten(text)}` is not where a check can ask from",
            node,
            suggest(text, FROM, "inside (the default) or outside"),
        )
        return None
    return {"is_outside": text == "outside"}


def _read_host(reader: Reader, node: Node) -> str | None:
    host = reader.read_text(node, "a host name", variables=False)
    if host is not None and not re.fullmatch(r"[A-Za-z0-9._:\[\]-]+", host):
        reader.add(
            "bad-name",
            f"`{shorten(host)}` is not a host name",
            node,
            "what the check sends as `Host`: a name or an address, without a path",
        )
        return None
    return host


def _read_retries(reader: Reader, node: Node) -> int | Number | None:
    return reader.read_number(node, least=1, most=10_000)


HEALTH_KEYS: Mapping[str, Callable[[Reader, Node], Any]] = {
    "http": _read_http,
    "tcp": _read_tcp,
    "command": _read_command,
    "image": _read_image,
    "none": _read_none,
    "port": Reader.read_any_port,
    "boot": Reader.read_duration,
    "interval": read_some_time,
    "timeout": read_some_time,
    "retries": _read_retries,
    "host": _read_host,
    "tool": _read_tool,
    "from": _read_from,
}
"""The keys of ``health``; the first five are the kinds of check."""

SCHEMA: Schema = {
    "anyOf": [
        {"type": "string", "pattern": "^/"},
        {"enum": ["image", "none", "tcp"]},
        shapes.make_object(
            {
                "http": {"type": "string", "pattern": "^/"},
                "tcp": {"const": True},
                "command": shapes.TEXT_OR_TEXTS,
                "image": {"const": True},
                "none": shapes.say(
                    {"type": ["string", "null"]}, "Why it has no health check"
                ),
                "port": shapes.PORT,
                "boot": shapes.say(
                    shapes.DURATION, "Time to become ready; 60s by default"
                ),
                "interval": shapes.DURATION,
                "timeout": shapes.DURATION,
                "retries": shapes.NUMBER,
                "host": shapes.say(shapes.PLAIN_TEXT, "The Host header"),
                "tool": shapes.say(
                    {"enum": list(TOOLS)}, "The tool of the image that runs the probe"
                ),
                "from": shapes.say(
                    {"enum": list(FROM)},
                    "outside: a container next to it asks, for images without tools",
                ),
            }
        ),
    ]
}


def merge_health(base: Draft, own: Draft) -> Draft:
    """The settings of both; another kind of check replaces the recipe's."""
    kept = base
    if "kind" in own:
        kept = {key: value for key, value in base.items() if key not in _KIND_KEYS}
    return {**kept, **own}
